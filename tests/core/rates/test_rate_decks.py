from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.rates.rate_decks import (
    OUTLIER_FACTOR,
    Change,
    DeckPublication,
    DeckTerms,
    Direction,
    Rate,
    RateDeck,
    diff,
    highest_nanos_per_minute,
    key_of,
    outliers,
    version_in_force,
)
from talktime.core.rates.rating import cost_micros
from tests.core.rates.tariffs import price

TERMS = DeckTerms("EUR", ZoneInfo("UTC"))
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
OUTBOUND, TOLL_FREE = Direction.OUTBOUND, Direction.TOLL_FREE_INBOUND


def rate(
    prefix: str, per_minute: str = "0.01", *, origin: str = "", direction: Direction = OUTBOUND, blocked: bool = False
) -> Rate:
    return Rate(direction, prefix, origin, f"to {prefix}", (price(60, 60, per_minute),), blocked)


def deck(*rates: Rate) -> RateDeck:
    return RateDeck(version_id=1, terms=TERMS, rates=rates)


def test_the_longest_prefix_wins() -> None:
    priced = deck(rate("44"), rate("4477"), rate("447"))

    assert matched_prefix(priced, "447700900123") == "4477"
    assert matched_prefix(priced, "447600900123") == "447"
    assert matched_prefix(priced, "442079460000") == "44"
    assert matched_prefix(priced, "33123456789") is None


def test_a_number_shorter_than_the_longest_prefix_is_matched_all_the_same() -> None:
    assert matched_prefix(deck(rate("4477009001234"), rate("44")), "4477") == "44"


def test_a_narrower_origin_wins_over_a_wider_one_whatever_their_order() -> None:
    rates = [rate("800", origin="1"), rate("800"), rate("800", origin="1905")]

    for priced in (deck(*rates), deck(*reversed(rates))):
        assert matched_origin(priced, "80012345", "19055550100") == "1905"
        assert matched_origin(priced, "80012345", "12125550100") == "1"
        assert matched_origin(priced, "80012345", "442079460000") == ""


def test_a_longer_prefix_with_a_foreign_origin_leaves_the_shorter_one() -> None:
    priced = deck(rate("44"), rate("4477", origin="33"))

    assert matched_prefix(priced, "447700900123", caller="33123456789") == "4477"
    assert matched_prefix(priced, "447700900123", caller="49301234567") == "44"
    assert matched_prefix(priced, "447700900123", caller="anonymous") == "44"


def test_directions_are_lists_of_their_own() -> None:
    priced = deck(rate("1800", direction=TOLL_FREE), rate("1"))

    assert matched_prefix(priced, "18005550100") == "1"
    assert priced.match(TOLL_FREE, "12125550100", "") is None
    assert priced.match(Direction.TOLL_INBOUND, "18005550100", "") is None


def test_a_call_in_progress_finds_exactly_its_row_again() -> None:
    priced = deck(rate("44"), rate("44", origin="33"))

    found = priced.find(OUTBOUND, "44", "33")

    assert found is not None
    assert found.rate.origin_prefix == "33"
    assert priced.find(OUTBOUND, "44", "49") is None
    assert priced.find(OUTBOUND, "447", "") is None


def test_a_deck_gives_back_every_rate_that_it_was_made_of() -> None:
    rates = [rate("44"), rate("44", origin="33"), rate("1800", direction=TOLL_FREE)]

    assert {key_of(each) for each in deck(*rates).rates()} == {key_of(each) for each in rates}


DIGITS = st.text("0123", min_size=1, max_size=4)


@given(st.sets(st.tuples(DIGITS, st.text("0123", max_size=2)), max_size=12), DIGITS, DIGITS)
def test_matching_is_what_a_search_of_all_rows_finds(rows: set[tuple[str, str]], called: str, caller: str) -> None:
    priced = deck(*(rate(prefix, origin=origin) for prefix, origin in rows))
    fitting = [row for row in rows if called.startswith(row[0]) and caller.startswith(row[1])]
    best = max(fitting, key=lambda row: (len(row[0]), len(row[1])), default=None)

    found = priced.match(OUTBOUND, called, caller)

    assert (None if found is None else (found.rate.prefix, found.rate.origin_prefix)) == best


@pytest.mark.parametrize(("minutes", "version"), [(-1, None), (0, 1), (59, 1), (60, 3), (119, 3), (120, 1), (1_000, 1)])
def test_the_latest_publication_is_in_force_and_a_later_row_wins_a_tie(minutes: int, version: int | None) -> None:
    hour = timedelta(hours=1)
    # Version 1, then 2 replaced by 3 for the same instant, then back to 1.
    published = [
        DeckPublication(1, NOON),
        DeckPublication(2, NOON + hour),
        DeckPublication(3, NOON + hour),
        DeckPublication(1, NOON + 2 * hour),
    ]

    assert version_in_force(published, NOON + timedelta(minutes=minutes)) == version


def test_publications_need_no_order() -> None:
    published = [DeckPublication(2, NOON + timedelta(hours=1)), DeckPublication(1, NOON)]

    assert version_in_force(published, NOON + timedelta(hours=2)) == 2


def test_a_diff_names_what_is_new_dearer_cheaper_blocked_removed_and_otherwise_changed() -> None:
    before = [rate("1"), rate("2"), rate("3"), rate("4"), rate("5"), rate("6"), rate("8", blocked=True)]
    renamed = Rate(OUTBOUND, "6", "", "another name", rate("6").prices)
    after = [
        rate("1"),
        rate("2", "0.02"),
        rate("3", "0.005"),
        rate("4", blocked=True),
        renamed,
        rate("7"),
        rate("8", "1"),
    ]

    changes = diff(before, after)

    assert [(prefix_of(each.before, each.after), each.change) for each in changes] == [
        ("2", Change.UP),
        ("3", Change.DOWN),
        ("4", Change.BLOCKED),
        ("5", Change.REMOVED),
        ("6", Change.OTHER),
        ("7", Change.NEW),
        ("8", Change.UP),
    ]


def test_a_price_absurdly_above_the_median_is_an_outlier_and_a_blocked_one_is_not() -> None:
    usual = [rate(f"{prefix}") for prefix in range(10, 15)]
    at_the_limit, beyond = rate("20", f"{OUTLIER_FACTOR * 0.01:.2f}"), rate("21", f"{OUTLIER_FACTOR * 0.01 + 0.01:.2f}")

    assert outliers([*usual, at_the_limit, beyond, rate("22", "999", blocked=True)]) == [beyond]


@pytest.mark.parametrize("rates", [[], [rate("1", "0")], [rate("1", blocked=True)]])
def test_where_nothing_is_charged_nothing_is_an_outlier(rates: Iterable[Rate]) -> None:
    assert outliers(rates) == []


def test_the_dearest_minute_of_a_blocked_row_without_prices_is_free() -> None:
    assert highest_nanos_per_minute(Rate(OUTBOUND, "1", "", "blocked", (), blocked=True)) == 0


def matched_prefix(priced: RateDeck, called: str, caller: str = "") -> str | None:
    found = priced.match(OUTBOUND, called, caller)
    return None if found is None else found.rate.prefix


def matched_origin(priced: RateDeck, called: str, caller: str) -> str | None:
    found = priced.match(OUTBOUND, called, caller)
    return None if found is None else found.rate.origin_prefix


def prefix_of(before: Rate | None, after: Rate | None) -> str:
    known = before or after
    assert known is not None
    return known.prefix


def test_a_blocked_row_needs_no_price_and_any_other_does() -> None:
    blocked = Rate(OUTBOUND, "1", "", "blocked", (), blocked=True)

    found = deck(blocked).match(OUTBOUND, "12125550100", "")

    assert found is not None
    assert found.rate.blocked
    with pytest.raises(AssertionError):
        cost_micros(found.tariff, NOON, 1)
    with pytest.raises(AssertionError):
        deck(Rate(OUTBOUND, "1", "", "no price", ()))
