from datetime import UTC, datetime, timedelta

from talktime.core.rates.publications import Succession, succession
from talktime.core.rates.rate_decks import DeckPublication

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def published(*versions_and_days: tuple[int, int]) -> list[DeckPublication]:
    return [DeckPublication(version_id, day(number)) for version_id, number in versions_and_days]


def test_nothing_is_in_force_before_the_first_publication() -> None:
    assert succession(published((1, 5)), day(4)) is None


def test_the_first_version_has_none_before_it() -> None:
    assert succession(published((1, 5), (2, 9)), day(5)) == Succession(1, day(5), None)


def test_the_version_before_is_the_one_that_was_replaced() -> None:
    assert succession(published((1, 1), (2, 3), (3, 5)), day(6)) == Succession(3, day(5), 2)


def test_publishing_the_version_in_force_once_more_begins_nothing_new() -> None:
    assert succession(published((1, 1), (2, 3), (2, 5)), day(6)) == Succession(2, day(3), 1)


def test_after_a_rollback_the_version_before_is_the_one_that_was_rolled_back() -> None:
    assert succession(published((1, 1), (2, 3), (1, 5)), day(6)) == Succession(1, day(5), 2)


def test_a_publication_of_the_same_instant_that_was_made_later_wins() -> None:
    assert succession(published((1, 1), (2, 3), (3, 3)), day(4)) == Succession(3, day(3), 1)


def test_what_is_planned_does_not_count() -> None:
    assert succession(published((1, 1), (2, 9)), day(4)) == Succession(1, day(1), None)
