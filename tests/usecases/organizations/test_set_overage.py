"""Overage of organizations that pay after use: credit first, then the bill, to a limit that holds at once (S41)."""

from collections.abc import Iterator

import pytest

from talktime.bootstrap import App
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.requests import Granted
from talktime.core.organizations.organizations import BillingMode
from talktime.core.values.errors import Conflict, Invalid
from talktime.usecases.organizations.manage_organizations import LookAt
from talktime.usecases.organizations.set_billing_mode import SetBillingMode, set_billing_mode
from talktime.usecases.organizations.set_overage import OverageShown, SetOverage, set_overage, show_overage
from tests.ruling_world import CALLER, NAME, TOLL_FREE, RulingWorld, ruling_world, units


@pytest.fixture
def world(empty_app: App) -> Iterator[RulingWorld]:
    with ruling_world(empty_app, funded=5) as opened:
        yield opened


def shown(world: RulingWorld) -> OverageShown:
    return world.app.read(show_overage, LookAt(NAME, world.at))


def limit(world: RulingWorld, amount: int | None) -> OverageShown:
    micros = None if amount is None else units(amount)
    request = SetOverage(NAME, world.at, limit_per_month_micros=micros, is_unlimited=amount is None)
    return world.app.run(set_overage, request)


def test_a_positive_balance_is_drained_before_the_bill_grows(world: RulingWorld) -> None:
    world.pay_after_use(limit=2)

    world.call(3)
    from_credit = shown(world)
    world.call(4)

    assert (from_credit.available_micros, from_credit.unbilled_micros) == (units(2), 0)
    assert (shown(world).available_micros, shown(world).unbilled_micros) == (0, units(2))
    assert world.refusal() == "overage_limit_reached"
    assert world.is_clean()


def test_credit_that_is_left_pays_even_where_overage_is_off(world: RulingWorld) -> None:
    world.app.run(set_billing_mode, SetBillingMode(NAME, BillingMode.POSTPAID))

    world.call(5)

    assert world.refusal() == "overage_off"
    assert shown(world).left_micros == 0


def test_a_limit_that_is_reached_refuses_and_one_that_is_raised_lets_calls_go_on_at_once(world: RulingWorld) -> None:
    world.pay_after_use(limit=2)
    world.call(7)
    refused = world.refusal()

    raised = limit(world, 3)
    key, _ = world.start()
    stuck = world.extend(key, granted=60)
    limit(world, None)
    extended = world.extend(key, granted=60)

    assert refused == "overage_limit_reached"
    assert raised.left_micros == units(1)
    assert isinstance(stuck, Granted)
    assert isinstance(extended, Granted)
    assert (stuck.granted_seconds, stuck.is_final) == (60, True)
    assert extended.granted_seconds > 60
    world.end(key, 90)
    assert shown(world).meter == Meter(units(4))
    assert shown(world).left_micros is None
    assert world.is_clean()


def test_a_limit_that_is_lowered_ends_calls_with_what_they_were_promised(world: RulingWorld) -> None:
    world.pay_after_use(limit=50)
    world.call(5)
    key, answer = world.start()
    assert isinstance(answer, Granted)

    lowered = limit(world, 1)
    extended = world.extend(key, granted=answer.granted_seconds)

    assert lowered.left_micros == 0
    assert isinstance(extended, Granted)
    assert (extended.granted_seconds, extended.is_final) == (answer.granted_seconds, True)


def test_switched_off_in_mid_month_it_bills_what_was_used_and_lets_nothing_more(world: RulingWorld) -> None:
    world.pay_after_use()
    world.call(7)

    off = world.app.run(set_overage, SetOverage(NAME, world.at, is_on=False))

    assert (off.left_micros, off.unbilled_micros) == (0, units(2))
    assert world.refusal() == "overage_off"
    world.app.run(set_overage, SetOverage(NAME, world.at, is_on=True))
    world.call(1)
    assert shown(world).meter == Meter(units(3))


def test_who_pays_after_use_is_reached_toll_free_while_overage_is_on(world: RulingWorld) -> None:  # D19
    world.pay_after_use()
    world.call(5)

    on = world.refusal(called=TOLL_FREE, caller=CALLER)
    world.app.run(set_overage, SetOverage(NAME, world.at, is_on=False))

    assert (on, world.refusal(called=TOLL_FREE, caller=CALLER)) == ("", "overage_off")


def test_overage_is_for_who_pays_after_use(world: RulingWorld) -> None:
    with pytest.raises(Conflict, match="pays before use") as refused:
        world.app.run(set_overage, SetOverage(NAME, world.at, is_on=True))

    assert refused.value.code == "organization_prepaid"
    assert not shown(world).overage.is_on


@pytest.mark.parametrize("micros", [0, -1, 10**16])
def test_a_limit_of_nothing_is_none(world: RulingWorld, micros: int) -> None:
    world.pay_after_use(limit=7)

    with pytest.raises(Invalid, match="is no limit"):
        world.app.run(set_overage, SetOverage(NAME, world.at, limit_per_month_micros=micros))

    assert shown(world).overage.limit_per_month_micros == units(7)


def test_switching_it_on_again_keeps_the_limit(world: RulingWorld) -> None:
    world.pay_after_use(limit=7)
    world.app.run(set_overage, SetOverage(NAME, world.at, is_on=False))

    on = world.app.run(set_overage, SetOverage(NAME, world.at, is_on=True))

    assert (on.overage.is_on, on.overage.limit_per_month_micros) == (True, units(7))
