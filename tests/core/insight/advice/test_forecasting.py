from math import isclose
from statistics import NormalDist

import pytest

from talktime.core.insight.advice import student
from talktime.core.insight.advice.forecasting import forecast
from tests.core.insight.advice.spending import UNIT, office


def test_steady_weeks_are_forecast_to_go_on() -> None:
    found = forecast(office([100] * 12))

    assert found is not None
    assert isclose(found.week_micros(1), 100 * UNIT, rel_tol=1e-6)
    assert isclose(found.week_micros(5), 100 * UNIT, rel_tol=1e-6)
    assert found.weeks_count == 12


def test_nothing_is_forecast_from_nothing() -> None:
    assert forecast(office([])) is None
    assert forecast(office([0, 0, 0])) is None


def test_one_week_is_enough_for_a_forecast_that_trusts_itself_little() -> None:
    one, many = forecast(office([100])), forecast(office([100] * 30))

    assert one is not None
    assert many is not None
    assert isclose(one.week_micros(1), 100 * UNIT, rel_tol=1e-6)
    assert one.doubt > 2 * many.doubt
    assert one.quantile_of_week(0.95, 1) > many.quantile_of_week(0.95, 1) > 100 * UNIT


def test_growth_that_is_beyond_doubt_goes_on_and_is_damped() -> None:
    found = forecast(office([100 * 1.03**week for week in range(16)]))

    assert found is not None
    last = 100 * 1.03**15 * UNIT
    assert 1.01 * last < found.week_micros(1) < 1.05 * last
    assert 1.05 * last < found.week_micros(5) < 1.16 * last


def test_weeks_that_go_up_and_down_have_no_trend() -> None:
    found = forecast(office([100, 120, 90, 110, 95, 115, 105, 98, 117, 92, 108, 101]))

    assert found is not None
    assert found.growth == 0.0


def test_a_holiday_week_hardly_lowers_the_level() -> None:
    found = forecast(office([100] * 12 + [10]))

    assert found is not None
    assert found.week_micros(1) > 85 * UNIT


def test_two_weeks_of_the_same_surprise_are_a_new_level_but_a_fall_is_not_believed_at_once() -> None:
    risen, fallen = forecast(office([100] * 12 + [300, 300])), forecast(office([100] * 12 + [30, 30]))

    assert risen is not None
    assert fallen is not None
    assert risen.week_micros(1) > 250 * UNIT
    assert fallen.week_micros(1) < 40 * UNIT
    assert isclose(fallen.highest_week_micros(), 100 * UNIT, rel_tol=0.01)


def test_a_closure_is_neither_a_step_nor_an_error_but_a_silence_that_stays_is_the_end() -> None:
    steady, closed = forecast(office([100] * 12)), forecast(office([100] * 8 + [0, 2] + [100] * 2))
    silent = forecast(office([100] * 12 + [0] * 12))

    assert steady is not None
    assert closed is not None
    assert silent is not None
    assert isclose(closed.week_micros(1), 100 * UNIT, rel_tol=1e-6)
    assert closed.spread < 1.1 * steady.spread
    assert silent.week_micros(1) < 10 * UNIT


def test_weeks_of_nothing_among_others_are_no_trouble() -> None:
    found = forecast(office([50, 0, 0, 60, 0, 55, 0, 0, 52]))

    assert found is not None
    assert 0 < found.week_micros(1) < 60 * UNIT


@pytest.mark.parametrize(
    ("value", "degrees", "expected"),
    # Tables of Student's distribution.
    [(0.0, 4, 0.5), (6.314, 1, 0.05), (2.132, 4, 0.05), (2.015, 5, 0.05), (3.365, 5, 0.01), (-2.776, 4, 0.975)],
)
def test_the_tails_are_students(value: float, degrees: int, expected: float) -> None:
    assert abs(student.tail(value, degrees) - expected) < 1e-4


def test_a_quantile_is_the_inverse_of_its_tail_and_comes_near_the_normal() -> None:
    assert abs(student.tail(student.quantile(0.99, 3), 3) - 0.01) < 1e-9
    assert abs(student.quantile(0.95, 200) - NormalDist().inv_cdf(0.95)) < 0.01
