from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.settings import Settings
from talktime.usecases.credit.buying.update_card import UpdateCard, update_card
from tests.recharge_world import ORGANIZATION_ID, RechargeWorld


@pytest.fixture
def world(migrated_database_url: str, tmp_path: Path) -> Iterator[RechargeWorld]:
    with App(Settings(database=migrated_database_url)) as app:
        world = RechargeWorld(app, tmp_path)
        yield world
        world.close()


def test_a_card_that_its_bank_replaced_expires_later_and_another_one_stays(world: RechargeWorld) -> None:
    replaced, other = world.add_card(expires="04/26"), world.add_card("5555555555554444", expires="04/26")
    methods = world.app.read(lambda tx, _: tx.payments.methods(ORGANIZATION_ID), None)
    card = methods[0].card
    assert card is not None

    updated = world.app.run(
        update_card, UpdateCard("sandbox", replace(card, expires_on=date(2030, 4, 30), last4="1881"))
    )

    assert updated == 1
    after = {each.method_id: each.card for each in world.app.read(lambda tx, _: tx.payments.methods(1), None)}
    assert after[replaced] == replace(card, expires_on=date(2030, 4, 30), last4="1881")
    assert after[other] == methods[1].card
