"""Which calls are the same: within a file, and one of ours."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.insight.importing.duplicates import OwnCall, OwnCalls, SeenCalls, identity_of
from tests.core.insight.importing.imported import NOON, a_call

LATER = NOON + timedelta(seconds=1)


def test_a_records_own_id_decides_and_nothing_else() -> None:
    first = a_call(source_id="a1", call_id="x")

    assert identity_of(first) == identity_of(a_call(source_id="a1", call_id="y", used_seconds=5))
    assert identity_of(first) != identity_of(a_call(source_id="a2", call_id="x"))


def test_without_an_id_every_field_that_tells_calls_apart_counts() -> None:
    same = {"call_id": "x", "user": "ada", "caller": "1", "destination": "UK", "charge_micros": 1, "currency": "EUR"}
    others = ({"call_id": "y"}, {"user": "bob"}, {"caller": "2"}, {"called": "3"}, {"destination": "US"})
    more = ({"used_seconds": 61}, {"started_at": LATER}, {"user_id": "u"})

    identities = [identity_of(a_call(**(same | other))) for other in (*others, *more)]

    assert identity_of(a_call(**same)) == identity_of(a_call(**(same | {"charge_micros": 2, "user_name": "Ada"})))
    assert len({identity_of(a_call(**same)), *identities}) == len(identities) + 1


@given(st.lists(st.integers(0, 30_000), max_size=9_000))
def test_what_was_seen_is_known_with_its_first_line(numbers: list[int]) -> None:
    seen = SeenCalls()
    first: dict[int, int] = {}

    for line, number in enumerate(numbers, start=1):
        assert seen.first_line(identity_of(a_call(source_id=str(number))), line) == first.get(number)
        first.setdefault(number, line)


def test_many_calls_are_told_apart_while_the_table_grows() -> None:
    seen = SeenCalls()
    identities = [identity_of(a_call(source_id=str(number))) for number in range(20_000)]

    new = [seen.first_line(identity, line) for line, identity in enumerate(identities, start=1)]
    again = [seen.first_line(identity, 0) for identity in identities]

    assert set(new) == {None}
    assert again == list(range(1, 20_001))


def test_an_identity_of_zeros_is_one_too() -> None:
    seen = SeenCalls()

    assert seen.first_line(bytes(16), 7) is None
    assert seen.first_line(bytes(16), 8) == 7


def test_a_call_of_ours_is_known_by_each_thing_that_others_know_of_it() -> None:
    own = OwnCalls([OwnCall("id-1", "sip-1", "442079460000", NOON, 60)])
    soon = NOON + timedelta(seconds=5)

    assert own.has(a_call(source_id="id-1", started_at=LATER, called=""))
    assert own.has(a_call(call_id="sip-1", started_at=soon, called="", used_seconds=7))
    assert own.has(a_call(started_at=NOON + timedelta(milliseconds=400)))


def test_another_call_is_none_of_ours() -> None:
    own = OwnCalls([OwnCall("id-1", "sip-1", "442079460000", NOON, 60)])

    assert not own.has(a_call(source_id="id-2", started_at=LATER))
    assert not own.has(a_call(call_id="sip-1", started_at=NOON + timedelta(seconds=6)))
    assert not own.has(a_call(called="442079460001"))
    assert not own.has(a_call(called=""))
    assert not own.has(a_call(used_seconds=61))
