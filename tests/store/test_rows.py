from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import (
    NO_HOLD,
    Call,
    CallKey,
    CallKind,
    CallResult,
    CallSetup,
    CallState,
    DenialReason,
    Ending,
    Flags,
    Hold,
    PaysFrom,
    RateReference,
    Share,
)
from talktime.core.calls.cdrs import UsageRow
from talktime.core.credit.lots import CreditLot, LotKind, Slice
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage, Stops
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.policies import POLICIES
from talktime.core.rates.rate_decks import Direction, Rate
from talktime.core.rates.rating import Tariff
from talktime.store.charging import rows
from talktime.store.charging.arrangement_rows import arrangements_of, settings_of
from talktime.store.charging.remembered import RememberedCalls
from talktime.store.instants import EPOCH, from_micros, to_micros
from tests.core.rates import tariffs

IDS = st.integers(1, 2**63 - 1)
AMOUNTS = st.integers(0, 10**15)
SECONDS = st.integers(0, 2**31 - 1)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
INSTANTS = st.integers(-(10**15), 10**16).map(lambda micros: EPOCH + timedelta(microseconds=micros))
PLAIN = st.text(st.characters(codec="ascii", exclude_characters="|"), max_size=8)
KEYS = st.builds(CallKey, PLAIN, TEXTS, PLAIN)
REFERENCES = st.builds(RateReference, IDS, st.sampled_from(Direction), TEXTS, TEXTS)
FLAGS = st.integers(0, 15).map(Flags)
LINES = st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r"), min_size=1, max_size=20)
METERS = st.lists(LINES, max_size=3).map(tuple)
POOLS = st.sampled_from(
    ["pool/MCOMEETADD///2026-06", "pool/MCOPSTN8/GB/7/2026-06", "pool/MCOPSTN2/GB/domestic/2026-06"]
)
HOLDS = st.just(NO_HOLD) | st.builds(
    Hold,
    st.lists(st.builds(Slice, IDS, st.integers(1, 10**12)), max_size=4).map(tuple),
    st.lists(st.builds(Share, POOLS, st.integers(1, 10**6)), max_size=2).map(tuple),
    st.just(0) | AMOUNTS,
)
SETUPS = st.builds(
    CallSetup,
    IDS,
    KEYS,
    st.sampled_from(CallKind),
    TEXTS,
    TEXTS,
    INSTANTS,
    st.sampled_from(PaysFrom),
    st.none() | IDS,
    TEXTS,
    st.none() | REFERENCES,
    TEXTS,
    METERS,
    TEXTS,
)
RESULTS = st.builds(CallResult, INSTANTS, st.sampled_from(Ending), SECONDS, AMOUNTS, AMOUNTS, FLAGS)
CALLS = st.builds(
    Call,
    SETUPS,
    st.sampled_from(CallState),
    SECONDS,
    st.booleans(),
    st.none() | INSTANTS,
    HOLDS,
    st.none() | INSTANTS,
    st.none() | st.sampled_from(DenialReason),
    st.none() | RESULTS,
    st.integers(0, 5),
)


@given(INSTANTS)
def test_an_instant_is_kept_to_the_microsecond(instant: datetime) -> None:
    assert from_micros(to_micros(instant)) == instant


@given(CALLS)
def test_a_call_that_is_written_is_the_call_that_is_read(call: Call) -> None:
    assert rows.call_of((*rows.setup_row(call), *rows.progress_row(call))) == call


@given(CALLS, CALLS)
def test_a_remembered_call_is_the_call_that_its_row_says(call: Call, other: Call) -> None:
    """Another process may have changed the row, or written what a commit of ours that failed did not."""
    remembered = RememberedCalls()
    key = rows.setup_row(call)[1]
    remembered.keep(key, rows.progress_row(call), call)

    written = (*rows.setup_row(call), *rows.progress_row(call))
    changed = (*rows.setup_row(call), *rows.progress_row(other))

    assert remembered.call_of(written) == call
    assert remembered.call_of(changed) == rows.call_of(changed)


@given(
    st.builds(
        UsageRow,
        organization_id=IDS,
        key=KEYS,
        line=st.integers(0, 5),
        kind=st.sampled_from(CallKind),
        user_id=st.none() | IDS,
        conference_id=TEXTS,
        caller=TEXTS,
        called=TEXTS,
        destination=TEXTS,
        prefix=TEXTS,
        deck_version_id=st.none() | IDS,
        started_at=INSTANTS,
        answered_at=st.none() | INSTANTS,
        ended_at=INSTANTS,
        used_seconds=SECONDS,
        billed_seconds=SECONDS,
        connection_fee_micros=AMOUNTS,
        cost_micros=AMOUNTS,
        uncovered_micros=AMOUNTS,
        currency=TEXTS,
        paid_by=st.sampled_from(PaysFrom),
        ending=st.sampled_from(Ending),
        flags=FLAGS,
        capability=TEXTS,
    )
)
def test_a_usage_row_that_is_written_is_the_one_that_is_read(row: UsageRow) -> None:
    assert rows.usage_of(rows.usage_row(row)) == row


@given(tariffs.timed() | tariffs.untimed(), st.sampled_from(Direction), TEXTS, TEXTS, TEXTS, st.booleans())
def test_a_rate_keeps_every_price_step_and_window(
    tariff: Tariff, direction: Direction, prefix: str, origin: str, destination: str, blocked: object
) -> None:
    rate = Rate(direction, prefix, origin, destination, tariff.prices, blocked=bool(blocked))

    assert rows.rate_of(rows.rate_row(rate)) == rate


def test_a_blocked_rate_needs_no_price() -> None:
    rate = Rate(Direction.OUTBOUND, "881", "", "Satellite", (), blocked=True)

    assert rows.rate_of(rows.rate_row(rate)) == rate


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.sampled_from(LotKind), INSTANTS, INSTANTS)
def test_a_lot_is_read_part_by_part(
    spent: int, held: int, expired: int, refunded: int, disputed: int, kind: LotKind, bought: datetime, ends: datetime
) -> None:
    parts = (spent, held, expired, refunded, disputed)
    granted = sum(parts) + 1

    lot = rows.lot_of((7, 3, kind.value, granted, to_micros(bought), to_micros(ends), *parts))

    assert lot == CreditLot(3, kind, granted, bought, ends, *parts)
    assert rows.lot_parts(7, lot) == (spent, held, expired, 7, 3)


def test_an_organization_is_read_as_it_stands() -> None:
    row = (7, "Example", "GB", "EUR", "Europe/London", "standard", 1, 0, "postpaid", 3, 12)

    assert rows.organization_of(row) == Organization(
        7,
        "Example",
        "GB",
        "EUR",
        ZoneInfo("Europe/London"),
        "standard",
        is_active=True,
        has_credit_set_up=False,
        mode=BillingMode.POSTPAID,
        arrangements_revision=3,
    )


USERS = st.integers(1, 10**6)
DEPARTMENTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
ARRANGEMENTS = st.builds(
    Arrangements,
    IDS,
    st.dictionaries(st.sampled_from(License), st.integers(1, 10**6), max_size=3),
    st.dictionaries(st.tuples(st.sampled_from(License), st.sampled_from(["GB", "US"])), USERS, max_size=3),
    st.sampled_from(list(POLICIES.values())),
    st.builds(
        Caps,
        st.none() | AMOUNTS,
        st.dictionaries(USERS, AMOUNTS, max_size=3),
        st.dictionaries(DEPARTMENTS, AMOUNTS, max_size=3),
    ),
    st.builds(Stops, st.none() | SECONDS, st.none() | AMOUNTS),
    st.builds(Overage, st.booleans(), st.none() | AMOUNTS),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@given(ARRANGEMENTS)
def test_arrangements_that_are_written_are_those_that_are_read(arranged: Arrangements) -> None:
    purchased = [(license_.value, quantity) for license_, quantity in arranged.purchased.items()]
    assigned = [(license_.value, country, count) for (license_, country), count in arranged.assigned.items()]

    assert arrangements_of(arranged.revision, settings_of(arranged), purchased, assigned) == arranged


def test_who_has_arranged_nothing_has_the_defaults() -> None:
    assert arrangements_of(0, None, [], []) == Arrangements()
