from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from talktime.bootstrap import App
from talktime.core.credit.lots import Credit, LotKind
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.money import AMOUNT_MAX_MICROS
from talktime.usecases.credit.add_credit import AddCredit, CreditAdded, add_credit
from talktime.usecases.credit.show_credit import CreditShown, Expiry, show_credit
from talktime.usecases.organizations.manage_organizations import LookAt

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PURCHASE = AddCredit("Acme", 200_000_000, "PO-1", NOON)


def shown(app: App, at: datetime = NOON) -> CreditShown:
    return app.read(show_credit, LookAt("Acme", at))


def owe(app: App, micros: int) -> None:
    app.run(lambda tx, _: tx.credit.save(1, Credit(), Credit((), micros)), None)


def test_a_purchase_becomes_a_lot_that_lives_twelve_months_in_the_zone(app: App) -> None:
    added = app.run(add_credit, PURCHASE)

    assert added == CreditAdded(
        organization="Acme",
        currency="USD",
        reference="PO-1",
        lot_id=1,
        kind=LotKind.PURCHASED,
        granted_micros=200_000_000,
        repaid_micros=0,
        purchased_at=NOON,
        expires_at=datetime(2027, 3, 3, 5, tzinfo=UTC),
        balance_micros=200_000_000,
    )
    assert shown(app).available_micros == 200_000_000
    assert shown(app).references == {1: "PO-1"}


def test_credit_is_set_up_by_the_first_purchase(app: App) -> None:
    app.run(add_credit, PURCHASE)

    assert app.read(lambda tx, _: tx.organizations.named("Acme").has_credit_set_up, None)


def test_the_same_purchase_at_another_time_is_the_same_purchase(app: App) -> None:
    first = app.run(add_credit, PURCHASE)

    again = app.run(add_credit, replace(PURCHASE, at=NOON + timedelta(days=1)))

    assert again == replace(first, is_repeated=True)
    assert len(shown(app).credit.lots) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(PURCHASE, amount_micros=1),
        replace(PURCHASE, kind=LotKind.PROMOTIONAL),
        replace(PURCHASE, purchased_at=NOON - timedelta(days=1)),
    ],
)
def test_the_same_reference_for_another_purchase_is_a_conflict(app: App, other: AddCredit) -> None:
    app.run(add_credit, PURCHASE)

    with pytest.raises(Conflict, match="used before with other input"):
        app.run(add_credit, other)

    assert shown(app).credit.balance_micros == 200_000_000


def test_the_same_purchase_asked_many_times_at_once_is_made_once(app: App) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: app.run(add_credit, PURCHASE), range(64)))

    assert {answer.lot_id for answer in answers} == {1}
    assert sum(not answer.is_repeated for answer in answers) == 1
    assert shown(app).credit.balance_micros == 200_000_000


def test_what_is_owed_is_repaid_first(app: App) -> None:
    owe(app, 5_000_000)

    added = app.run(add_credit, PURCHASE)

    assert added.repaid_micros == 5_000_000
    assert added.balance_micros == 195_000_000
    assert shown(app).credit.receivable_micros == 0
    assert shown(app).available_micros == 195_000_000


def test_a_purchase_smaller_than_the_debt_repays_what_it_can(app: App) -> None:
    owe(app, 500_000_000)

    added = app.run(add_credit, PURCHASE)

    assert added.balance_micros == -300_000_000
    assert shown(app).available_micros == 0


@pytest.mark.parametrize(
    "mistake",
    [
        replace(PURCHASE, amount_micros=0),
        replace(PURCHASE, amount_micros=-1),
        replace(PURCHASE, amount_micros=AMOUNT_MAX_MICROS + 1),
        replace(PURCHASE, currency="EUR"),
        replace(PURCHASE, reference=" "),
        replace(PURCHASE, purchased_at=NOON + timedelta(seconds=1)),
    ],
)
def test_what_cannot_be_bought_changes_nothing(app: App, mistake: AddCredit) -> None:
    with pytest.raises(Invalid):
        app.run(add_credit, mistake)

    assert shown(app).credit == Credit()


def test_a_balance_stays_within_what_can_be_counted(app: App) -> None:
    app.run(add_credit, replace(PURCHASE, amount_micros=AMOUNT_MAX_MICROS))

    with pytest.raises(Conflict, match="already"):
        app.run(add_credit, replace(PURCHASE, reference="PO-2"))


def test_what_expires_next_is_the_sum_of_what_expires_at_that_instant(app: App) -> None:
    for reference, day in (("a", 1), ("b", 1), ("c", 2)):
        purchased_at = datetime(2026, 2, day, 12, tzinfo=UTC)
        app.run(add_credit, replace(PURCHASE, reference=reference, purchased_at=purchased_at))

    seen = shown(app)

    assert seen.next_expiry == Expiry(datetime(2027, 2, 2, 5, tzinfo=UTC), 400_000_000)
    assert shown(app, at=datetime(2027, 2, 2, 5, tzinfo=UTC)).lapsed_micros == 400_000_000
    assert shown(app, at=datetime(2030, 1, 1, tzinfo=UTC)).next_expiry is None
