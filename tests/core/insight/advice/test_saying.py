from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from talktime.core.credit.buying.catalog import BuyingTerms
from talktime.core.credit.recharging.simulating import Spent
from talktime.core.insight.advice import saying
from talktime.core.insight.advice.demand import ReadSpend, SpendSeries, read_spend
from talktime.core.insight.advice.funding_advice import DEFAULT_FUNDING_TERMS, Cadence, FundingTerms
from talktime.core.insight.advice.reporting import report
from tests.core.insight.advice.spending import office


def said(series: SpendSeries, terms: FundingTerms = DEFAULT_FUNDING_TERMS) -> str:
    found = report(ReadSpend(series), "USD", terms)
    return "\n".join((*found.sentences, *found.warnings))


def test_three_sentences_say_what_why_and_what_would_change_it() -> None:
    what, why, changes = report(ReadSpend(office([1_000] * 20)), "USD", DEFAULT_FUNDING_TERMS).sentences

    assert what.startswith("Let a recharge of 4,350.00 USD begin when the balance falls below ")
    assert "by the usage of the last 20 weeks, about 4,348.00 USD a month is spent" in why
    assert "and the amount is a month of it" in why
    assert "it takes 3 days until there is credit" in why
    assert "no more than 1 month of 100" in why
    assert "if somebody always reacts within 1 day" in changes
    assert "if 1 month of 20 may go wrong" in changes


@pytest.mark.parametrize(
    ("series", "terms", "words"),
    [
        (office([2] * 10), DEFAULT_FUNDING_TERMS, "the amount is the least that can be bought"),
        (office([2] * 10), DEFAULT_FUNDING_TERMS, "a lower trigger than this cannot be set sensibly"),
        (
            office([100] * 12),
            replace(DEFAULT_FUNDING_TERMS, cadence=Cadence.WEEKLY, reaction=timedelta(days=14)),
            "more than a week of it, to get above the trigger at once",
        ),
        (
            office([1_000] * 12),
            replace(DEFAULT_FUNDING_TERMS, buying=BuyingTerms(most_minimums=100)),
            "the amount is the most that can be bought at once",
        ),
        (
            office([20, 5] * 8),
            replace(DEFAULT_FUNDING_TERMS, cadence=Cadence.QUARTERLY, expiry_share_max=0.001),
            "smaller than a quarter of it, because more would expire unspent",
        ),
        (office([]), DEFAULT_FUNDING_TERMS, "Start small: let a recharge of 20.00 USD, the least that can be bought"),
        (office([]), DEFAULT_FUNDING_TERMS, "Without it ask again after 4 weeks"),
        (office([100]), DEFAULT_FUNDING_TERMS, "This rests on 1 week of usage"),
        (office([0.2] * 10), DEFAULT_FUNDING_TERMS, "would expire after 12 months, because so little is spent"),
        (office([100 * 1.03**week for week in range(16)]), DEFAULT_FUNDING_TERMS, "Usage grows by about 3.0% a week"),
        (office([100 * 0.97**week for week in range(16)]), DEFAULT_FUNDING_TERMS, "Usage falls by about 3.0% a week"),
    ],
)
def test_each_reason_has_its_words(series: SpendSeries, terms: FundingTerms, words: str) -> None:
    assert words in said(series, terms)


def test_low_days_are_named_the_last_ones_first_in_mind() -> None:
    hours = list(office([100] * 12).hours)
    for day in (3, 10, 17, 24, 31, 39, 46):
        hours[day * 24 : day * 24 + 24] = [0] * 24

    assert "7 days cost far less than usual" in said(SpendSeries(office([1]).starts_on, tuple(hours)))
    assert "and 2 before" in said(SpendSeries(office([1]).starts_on, tuple(hours)))


def test_what_was_left_out_is_told() -> None:
    now = datetime(2026, 7, 1, tzinfo=UTC)
    usage = [Spent(now - timedelta(days=day), 5_000_000) for day in (-3, -2, *range(1, 40), 900)]

    found = report(read_spend(usage, ZoneInfo("UTC"), now), "USD", DEFAULT_FUNDING_TERMS)

    assert "Left out: 1 call before 2026-05-23" in "\n".join(found.warnings)
    assert "Left out: 2 calls dated later than now" in "\n".join(found.warnings)


def test_days_held_in_part_and_calls_of_our_own_beyond_an_import_are_told() -> None:
    days = date(2026, 4, 1), date(2026, 6, 1)
    read = ReadSpend(office([100] * 12), partial_days=days, own_left_out_since=date(2026, 5, 31))

    told = "\n".join(report(read, "USD", DEFAULT_FUNDING_TERMS).warnings)

    assert "Left out: 2026-04-01 and 2026-06-01, held only in part" in told
    assert "Left out: our own calls after 2026-05-31" in told


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(days=1), "1 day"),
        (timedelta(days=3), "3 days"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(days=1, hours=12), "36 hours"),
    ],
)
def test_a_length_of_time_in_words(length: timedelta, words: str) -> None:
    assert saying.duration(length) == words


def test_a_share_of_months_in_words() -> None:
    assert saying.months(0.05) == "1 month of 20"
    assert saying.months(0.0) == "no month"
