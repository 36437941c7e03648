from datetime import UTC, datetime, timedelta

import pytest

from talktime.core.organizations.country_table import NO_COUNTRIES, ConferencingSale, CountryRule, CountryTable
from talktime.core.organizations.country_versions import (
    COLUMNS,
    CellChange,
    CountryChange,
    CountryChangeKind,
    CountryVersion,
    cells_of,
    check_beginning,
    compare,
    version_in_force,
)
from talktime.core.values.errors import Conflict

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
FIRST = CountryVersion(1, "first.csv", datetime(2000, 1, 1, tzinfo=UTC), NOW)
PLANNED = CountryVersion(2, "next.csv", datetime(2027, 1, 1, tzinfo=UTC), NOW)
GERMANY = CountryRule("DE", ConferencingSale.SUBSCRIPTION, is_zone_a=True, domestic_minutes=1_200)


def table(*rules: CountryRule, international: tuple[str, ...] = ()) -> CountryTable:
    return CountryTable(1, {rule.country: rule for rule in rules}, frozenset(international))


def test_a_version_is_in_force_from_its_first_instant_until_the_next_one_is() -> None:
    begins = PLANNED.valid_from

    assert version_in_force([FIRST, PLANNED], begins - timedelta(microseconds=1)) == FIRST
    assert version_in_force([FIRST, PLANNED], begins) == PLANNED


def test_before_the_first_version_none_is_in_force() -> None:
    assert version_in_force([FIRST], FIRST.valid_from - timedelta(microseconds=1)) is None
    assert version_in_force([], NOW) is None


def test_only_the_very_first_version_may_begin_in_the_past() -> None:
    check_beginning([], FIRST.valid_from, NOW)

    with pytest.raises(Conflict, match="calls were charged by the table of then") as refused:
        check_beginning([FIRST], NOW - timedelta(microseconds=1), NOW)

    assert refused.value.code == "country_version_past"


@pytest.mark.parametrize("before_seconds", [0, 1])
def test_no_two_versions_begin_together_and_none_is_slipped_in_before_the_latest(before_seconds: int) -> None:
    begins = PLANNED.valid_from - timedelta(seconds=before_seconds)

    with pytest.raises(Conflict, match="version 2 begins at 2027-01-01 00:00 UTC") as refused:
        check_beginning([FIRST, PLANNED], begins, NOW)

    assert refused.value.code == "country_version_order"


def test_a_version_may_begin_at_once_or_after_the_latest() -> None:
    check_beginning([FIRST], NOW, NOW)
    check_beginning([FIRST, PLANNED], PLANNED.valid_from + timedelta(seconds=1), NOW)


def test_the_cells_of_a_country_are_all_columns_in_their_order() -> None:
    cells = cells_of(table(GERMANY, international=("DE",)), "DE")

    assert tuple(cells) == COLUMNS
    assert (cells["domestic_minutes"], cells["is_international_destination"]) == (1_200, True)


def test_a_changed_country_shows_the_cells_that_differ() -> None:
    later = CountryRule("DE", ConferencingSale.SUBSCRIPTION, is_zone_a=True, domestic_minutes=3_000)

    changes = compare(table(GERMANY), table(later, international=("DE",)))

    minutes = CellChange("domestic_minutes", 1_200, 3_000)
    reached = CellChange("is_international_destination", before=False, after=True)
    assert changes == (CountryChange("DE", CountryChangeKind.CHANGED, (minutes, reached)),)


def test_a_removed_country_falls_back_to_credit_alone() -> None:
    [change] = compare(table(GERMANY), NO_COUNTRIES)

    assert (change.country, change.kind) == ("DE", CountryChangeKind.REMOVED)
    assert [(cell.column, cell.after) for cell in change.cells] == [
        ("conferencing", ConferencingSale.NOT_SOLD),
        ("is_zone_a", False),
        ("domestic_minutes", 0),
    ]


def test_a_new_country_is_a_change_even_if_it_offers_credit_alone() -> None:
    assert compare(NO_COUNTRIES, table(CountryRule("JE"))) == (CountryChange("JE", CountryChangeKind.NEW, ()),)


def test_a_table_does_not_differ_from_itself() -> None:
    assert compare(table(GERMANY), table(GERMANY)) == ()
