from datetime import timedelta

from talktime.core.insight.advice.balance_paths import DAYS_AHEAD, balance_forecast
from talktime.core.insight.advice.draws import Draws
from talktime.core.insight.advice.funding_advice import Funding
from tests.core.insight.advice.spending import MONDAY, UNIT, office

FUNDING = Funding(100 * UNIT, 400 * UNIT)
NOISY = [100, 120, 90, 110, 95, 115, 105, 98, 117, 92, 108, 101]


def test_the_cone_begins_today_widens_and_is_lifted_by_recharges() -> None:
    found = balance_forecast(office(NOISY), "USD", FUNDING, 500 * UNIT)

    assert found.days[0] == MONDAY + timedelta(weeks=12)
    assert len(found.days) == len(found.low_micros) == len(found.high_micros) == DAYS_AHEAD
    assert all(
        low <= middle <= high
        for low, middle, high in zip(found.low_micros, found.middle_micros, found.high_micros, strict=True)
    )
    first, later = (found.high_micros[day] - found.low_micros[day] for day in (0, 13))
    assert first < later
    # About 400 units last four weeks: two recharges in sixty days.
    assert [each.amount_micros for each in found.purchases] == [400 * UNIT, 400 * UNIT]
    assert all(low >= FUNDING.trigger_micros for low in found.low_micros)


def test_weekends_are_flat_where_nobody_works() -> None:
    found = balance_forecast(office(NOISY), "USD", FUNDING, 500 * UNIT)

    assert found.middle_micros[4] == found.middle_micros[5] == found.middle_micros[6]
    assert found.middle_micros[3] > found.middle_micros[4]


def test_the_same_usage_gives_the_same_cone() -> None:
    assert balance_forecast(office(NOISY), "USD", FUNDING, 0) == balance_forecast(office(NOISY), "USD", FUNDING, 0)


def test_a_balance_far_below_the_trigger_takes_several_recharges_at_once() -> None:
    found = balance_forecast(office(NOISY), "USD", FUNDING, -1_000 * UNIT)

    assert found.purchases[0].amount_micros == 1_200 * UNIT


def test_one_week_of_usage_is_enough_and_none_is_a_flat_line() -> None:
    one = balance_forecast(office([100]), "USD", FUNDING, 500 * UNIT)
    none = balance_forecast(office([]), "USD", FUNDING, 500 * UNIT, days=3)

    assert one.high_micros[-1] > one.low_micros[-1]
    assert none.low_micros == none.high_micros == (500 * UNIT,) * 3
    assert none.purchases == ()


def test_draws_are_the_same_for_a_seed_and_reach_every_number() -> None:
    one, same, other = Draws(1), Draws(1), Draws(2)

    drawn = [one.below(6) for _ in range(600)]

    assert drawn == [same.below(6) for _ in range(600)]
    assert drawn != [other.below(6) for _ in range(600)]
    assert all(70 < drawn.count(number) < 130 for number in range(6))
