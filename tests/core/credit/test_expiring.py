"""What is lost when, and who is told before: money.md 38 to 41, 47 and 48."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit import expiring, lots
from talktime.core.credit.expiring import NOTICE_DAYS, Loss
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.values.periods import start_of_day

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
EURO = 1_000_000
UTC_ZONE = ZoneInfo("UTC")


def lot(
    lot_id: int, granted_micros: int = 10 * EURO, *, days: int = 30, held: int = 0, kind: LotKind = LotKind.PURCHASED
) -> CreditLot:
    return CreditLot(lot_id, kind, granted_micros, NOON, NOON + days * DAY, held_micros=held)


def credit(*parts: CreditLot) -> Credit:
    return Credit(tuple(sorted(parts, key=lots.spending_order)))


def lost(*parts: CreditLot, daily: int) -> dict[int, int]:
    return {loss.lot_id: loss.amount_micros for loss in expiring.forecast(credit(*parts), daily, NOON)}


def days_told(
    at: datetime, *, zone: ZoneInfo = UTC_ZONE, expires_at: datetime, told: tuple[int, ...] = ()
) -> list[int]:
    losses = [Loss(1, expires_at, EURO)]
    notices = expiring.due_notices(losses, [(1, days) for days in told], at, zone)
    return [notice.days_before for notice in notices]


# ── 47: the sweep ───────────────────────────────────────────────────────────────────────────────────────────


def test_each_lot_that_ended_expires_by_an_entry_of_its_own_and_once() -> None:
    before = credit(lot(1, days=1), lot(2, days=2, held=EURO), lot(3))

    found = list(expiring.expiries(before, NOON + 2 * DAY))

    assert [each.posting for each in found] == [
        Posting(Account.LOT, Account.BREAKAGE, 10 * EURO, 1),
        Posting(Account.LOT, Account.BREAKAGE, 9 * EURO, 2),
    ]
    assert found[0].after == found[1].before
    assert found[-1].after == lots.expire(before, NOON + 2 * DAY)[0]
    assert list(expiring.expiries(found[-1].after, NOON + 3 * DAY)) == []


def test_the_balance_of_a_coming_day_lacks_what_expires_until_then() -> None:
    then = expiring.expected(credit(lot(1, days=1), lot(2)), NOON + DAY)

    assert then.balance_micros == 10 * EURO


# ── 48: the forecast ────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_lost_that_will_be_spent_before() -> None:
    assert lost(lot(1), daily=EURO) == {1: 0}
    assert lost(lot(1), daily=EURO // 10) == {1: 7 * EURO}
    assert lost(lot(1), daily=0) == {1: 10 * EURO}


def test_what_is_spent_for_one_lot_is_not_spent_for_the_next_one_too() -> None:
    assert lost(lot(1, days=10), lot(2, days=20), daily=EURO) == {1: 0, 2: 0}
    assert lost(lot(1, days=10), lot(2, days=15), daily=EURO) == {1: 0, 2: 5 * EURO}


def test_a_gift_that_is_spent_first_lets_bought_credit_be_lost() -> None:
    gift = lot(2, days=60, kind=LotKind.PROMOTIONAL)

    assert lost(lot(1, days=10), gift, daily=EURO) == {1: 10 * EURO, 2: 0}


def test_what_a_call_holds_is_not_about_to_be_lost() -> None:
    assert lost(lot(1, held=4 * EURO), daily=0) == {1: 6 * EURO}


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 90), st.sampled_from(LotKind)), max_size=6),
    st.integers(0, 20),
)
def test_what_is_lost_and_what_is_spent_add_up(parts: list[tuple[int, int, LotKind]], daily: int) -> None:
    made = [lot(index + 1, granted, days=days, kind=kind) for index, (granted, days, kind) in enumerate(parts)]
    last = max((days for _, days, _ in parts), default=0)

    losses = expiring.forecast(credit(*made), daily, NOON)

    assert all(loss.amount_micros >= 0 for loss in losses)
    spent = sum(each.granted_micros for each in made) - sum(loss.amount_micros for loss in losses)
    assert spent <= daily * last
    # Day by day as an oracle: whoever spends a day's amount at its end never loses less.
    left = {each.lot_id: each.granted_micros for each in made}
    for day in range(1, last + 1):
        missing = daily
        for each in credit(*made).lots:
            taken = min(missing, left[each.lot_id]) if NOON + day * DAY <= each.expires_at else 0
            left[each.lot_id] -= taken
            missing -= taken
    assert {loss.lot_id: loss.amount_micros for loss in losses} == left


# ── 48: the notices ─────────────────────────────────────────────────────────────────────────────────────────


def test_notices_are_due_60_30_7_and_1_local_days_before_the_end() -> None:
    zone = ZoneInfo("Asia/Kolkata")
    ends_at = start_of_day(date(2027, 3, 1), zone)

    for days in NOTICE_DAYS:
        begins = start_of_day(date(2027, 3, 1) - days * DAY, zone)
        told = tuple(other for other in NOTICE_DAYS if other > days)
        assert days_told(begins - SECOND, zone=zone, expires_at=ends_at, told=told) == []
        assert days_told(begins, zone=zone, expires_at=ends_at, told=told) == [days]
        assert days_told(begins, zone=zone, expires_at=ends_at, told=(*told, days)) == []


def test_of_several_notices_that_were_missed_only_the_latest_is_told() -> None:
    assert days_told(NOON, expires_at=NOON + 5 * DAY) == [7]


def test_after_its_end_nothing_is_about_to_expire() -> None:
    assert days_told(NOON, expires_at=NOON) == []


def test_nobody_is_told_where_nothing_would_be_lost() -> None:
    assert expiring.due_notices([Loss(1, NOON + 5 * DAY, 0)], (), NOON, UTC_ZONE) == []


def test_a_notice_says_how_many_days_are_really_left() -> None:
    (notice,) = expiring.due_notices([Loss(1, NOON + 5 * DAY, EURO)], (), NOON, UTC_ZONE)

    assert (notice.days_before, notice.days) == (7, 5)


# ── 38 to 41: the calendar where the organization is ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("zone", "bought", "expires"),
    [
        # 38: 29 February is followed by 28 February, the 31st by the last of a shorter month.
        ("Europe/London", "2028-02-29T23:59", "2029-03-01T00:00"),
        ("Asia/Kolkata", "2028-02-28T18:30", "2029-02-28T18:30"),
        # 39: bought on 1 March in India, while it was February in Greenwich.
        ("Asia/Kolkata", "2026-02-28T18:30", "2027-03-01T18:30"),
        # 40: the day of the end begins at one o'clock, because midnight does not exist.
        ("Africa/Cairo", "2026-04-22T10:00", "2027-04-22T22:00"),
        ("America/Santiago", "2025-09-05T12:00", "2026-09-06T04:00"),
        ("Africa/Cairo", "2025-04-23T12:00", "2026-04-23T22:00"),
        # 40: midnight occurs twice; the first one ends the day.
        ("America/Havana", "2025-10-31T12:00", "2026-11-01T04:00"),
    ],
)
def test_credit_ends_with_the_local_day_twelve_months_later(zone: str, bought: str, expires: str) -> None:
    instant = datetime.fromisoformat(bought).replace(tzinfo=UTC)

    assert lots.expires_at(instant, ZoneInfo(zone)) == datetime.fromisoformat(expires).replace(tzinfo=UTC)


@given(
    st.datetimes(NOON.replace(tzinfo=None), NOON.replace(year=2034, tzinfo=None)),
    st.sampled_from(["Africa/Cairo", "America/Havana", "Asia/Beirut", "America/Santiago", "Asia/Kolkata"]),
)
def test_credit_lives_a_year_and_never_ends_before_its_day_is_over(naive: datetime, zone_name: str) -> None:
    bought, zone = naive.replace(tzinfo=UTC), ZoneInfo(zone_name)

    ends_at = lots.expires_at(bought, zone)

    first, last = bought.astimezone(zone).date(), (ends_at - SECOND).astimezone(zone).date()
    assert (last.year - first.year) * 12 + last.month - first.month == 12
    assert last.day == first.day or (first.month, first.day, last.day) == (2, 29, 28)
