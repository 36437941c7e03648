"""Usage rows by any filter, in any order, page by page and added up: as Python would do it, on both databases."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update

from talktime.core.calls.calls import INBOUND, CallKey, CallKind, Ending, Flags, PaysFrom, text_of
from talktime.core.calls.cdrs import UsageRow
from talktime.core.insight.reports.filters import Direction, UsageFilter
from talktime.core.insight.reports.groups import GroupBy, UsageSum
from talktime.core.insight.reports.paging import SortKey, UsageOrder
from talktime.core.insight.usage import ReportedUsage, capability_of, reported_kind
from talktime.core.values.periods import Period
from talktime.store import schema
from talktime.store.charging import rows
from talktime.store.engine import open_engine
from talktime.store.transaction import Transaction, operator_transaction

ACME, OTHER = 1, 2
BERLIN = ZoneInfo("Europe/Berlin")
# Clocks in Berlin go back on 25 October.
MONTH = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
EVERYTHING = UsageFilter(MONTH)
DEPARTMENTS = ("Sales", "", "Büro")
COLUMNS = [name.strip() for name in rows.USAGE_COLUMNS.split(",")]


@pytest.fixture
def tx(migrated_database_url: str) -> Iterator[Transaction]:
    engine = open_engine(migrated_database_url)
    with operator_transaction(engine) as transaction:
        connection = transaction.insight._connection
        connection.execute(insert(schema.organizations), [_organization(ACME, "Acme"), _organization(OTHER, "Other")])
        connection.execute(insert(schema.users), [_user(number) for number in range(1, 8)])
        written = [rows.usage_row(row) for row in (*_rows(ACME, 400), *_rows(OTHER, 50))]
        connection.execute(insert(schema.usage_rows), [dict(zip(COLUMNS, row, strict=True)) for row in written])
        yield transaction
    engine.dispose()


FILTERS: dict[str, tuple[UsageFilter, Callable[[ReportedUsage], bool]]] = {
    "everything": (EVERYTHING, lambda _: True),
    "users": (UsageFilter(MONTH, user_ids=frozenset({2, 3})), lambda one: one.row.user_id in {2, 3}),
    "departments": (UsageFilter(MONTH, departments=frozenset({"Büro"})), lambda one: one.department == "Büro"),
    "nobody's": (UsageFilter(MONTH, departments=frozenset({""})), lambda one: one.department == ""),
    "kinds": (
        UsageFilter(MONTH, kinds=frozenset({CallKind.CONFERENCE_OUT})),
        lambda one: reported_kind(one.row.kind) is CallKind.CONFERENCE_OUT,
    ),
    "inbound": (UsageFilter(MONTH, direction=Direction.INBOUND), lambda one: one.row.kind in INBOUND),
    "outbound": (UsageFilter(MONTH, direction=Direction.OUTBOUND), lambda one: one.row.kind not in INBOUND),
    "destinations": (
        UsageFilter(MONTH, destinations=frozenset({"Japan", "United Kingdom"})),
        lambda one: one.row.destination in {"Japan", "United Kingdom"},
    ),
    "free": (
        UsageFilter(MONTH, capabilities=frozenset({"FREECALL", "MCOEV"})),
        lambda one: capability_of(one.row) in {"FREECALL", "MCOEV"},
    ),
    "on credit": (
        UsageFilter(MONTH, capabilities=frozenset({"MCOPSTNPP"})),
        lambda one: capability_of(one.row) == "MCOPSTNPP",
    ),
    "paid by": (
        UsageFilter(MONTH, paid_by=frozenset({PaysFrom.MINUTES, PaysFrom.OVERAGE})),
        lambda one: one.row.paid_by in {PaysFrom.MINUTES, PaysFrom.OVERAGE},
    ),
    "costs": (
        UsageFilter(MONTH, cost_min_micros=10, cost_max_micros=300),
        lambda one: 10 <= one.row.cost_micros <= 300,
    ),
    "number": (
        UsageFilter(MONTH, text="+44 20 7946-01"),
        lambda one: "4420794601" in one.row.caller or "4420794601" in one.row.called,
    ),
    "name": (UsageFilter(MONTH, text="USER3@"), lambda one: one.user_principal_name.startswith("user3@")),
    "wildcard": (UsageFilter(MONTH, text="%"), lambda _: False),
    "a week of a user's": (
        UsageFilter(Period(MONTH.starts_at, MONTH.starts_at + timedelta(days=7)), user_ids=frozenset({1})),
        lambda one: one.row.user_id == 1 and one.row.started_at < MONTH.starts_at + timedelta(days=7),
    ),
}
VALUES: dict[SortKey, Callable[[ReportedUsage], object]] = {
    SortKey.START: lambda one: one.row.started_at,
    SortKey.COST: lambda one: one.row.cost_micros,
    SortKey.DURATION: lambda one: one.row.used_seconds,
    SortKey.DESTINATION: lambda one: one.row.destination,
    SortKey.USER: lambda one: one.user_principal_name,
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_shows_the_rows_that_fulfil_it_and_no_others(tx: Transaction, name: str) -> None:
    shown, is_shown = FILTERS[name]
    everything = list(tx.insight.usage_pages.stream(ACME, EVERYTHING))

    found = list(tx.insight.usage_pages.stream(ACME, shown))

    assert len(everything) == 400
    assert found == [one for one in everything if is_shown(one)]
    assert tx.insight.usage_pages.count(ACME, shown) == len(found)


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("key", SortKey)
def test_pages_in_any_order_are_all_rows_once_each(tx: Transaction, key: SortKey, *, is_descending: bool) -> None:
    order = UsageOrder(key, is_descending)
    everything = list(tx.insight.usage_pages.stream(ACME, EVERYTHING, order))

    paged: list[ReportedUsage] = []
    page = tx.insight.usage_pages.page(ACME, EVERYTHING, order, rows_max=37)
    while True:
        paged += page.rows
        if page.last is None:
            break
        page = tx.insight.usage_pages.page(ACME, EVERYTHING, order, after=page.last, rows_max=37)

    assert paged == everything
    assert everything == sorted(
        everything,
        key=lambda one: (VALUES[key](one), one.row.started_at, text_of(one.row.key), one.row.line),
        reverse=is_descending,
    )


def test_a_page_that_holds_the_last_row_says_that_there_is_no_more(tx: Transaction) -> None:
    whole = tx.insight.usage_pages.page(ACME, EVERYTHING, rows_max=400)

    one_short = tx.insight.usage_pages.page(ACME, EVERYTHING, rows_max=399)

    assert (len(whole.rows), whole.last) == (400, None)
    assert one_short.last is not None


GROUPS: dict[GroupBy, Callable[[ReportedUsage], object]] = {
    GroupBy.DESTINATION: lambda one: one.row.destination,
    GroupBy.USER: lambda one: one.row.user_id,
    GroupBy.DEPARTMENT: lambda one: one.department,
    GroupBy.DAY: lambda one: one.row.started_at.astimezone(BERLIN).date(),
    GroupBy.PAID_BY: lambda one: one.row.paid_by,
    GroupBy.KIND: lambda one: reported_kind(one.row.kind),
    GroupBy.CAPABILITY: lambda one: capability_of(one.row),
    GroupBy.HOUR: lambda one: (
        one.row.started_at.astimezone(BERLIN).weekday(),
        one.row.started_at.astimezone(BERLIN).hour,
    ),
}


@pytest.mark.parametrize("name", ["everything", "paid by", "users"])
@pytest.mark.parametrize("by", GroupBy)
def test_groups_come_to_the_sums_of_their_rows(tx: Transaction, by: GroupBy, name: str) -> None:
    shown, _ = FILTERS[name]
    groups: dict[object, list[UsageRow]] = defaultdict(list)
    for one in tx.insight.usage_pages.stream(ACME, shown):
        groups[GROUPS[by](one)].append(one.row)

    sums = tx.insight.usage_pages.sums(ACME, shown, by, zone=BERLIN)

    assert {each.group: each for each in sums} == {group: _sum_of(group, found) for group, found in groups.items()}
    assert len(sums) == len(groups)


def test_an_open_period_has_local_days_too(tx: Transaction) -> None:
    ever = UsageFilter(Period(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)))

    sums = tx.insight.usage_pages.sums(ACME, ever, GroupBy.DAY, zone=BERLIN)

    assert sums == tx.insight.usage_pages.sums(ACME, EVERYTHING, GroupBy.DAY, zone=BERLIN)
    assert tx.insight.usage_pages.sums(99, ever, GroupBy.DAY, zone=BERLIN) == []


def test_digits_that_are_hidden_cannot_be_found(tx: Transaction) -> None:
    whole = next(one.row for one in tx.insight.usage_pages.stream(ACME, EVERYTHING) if one.row.kind not in INBOUND)
    by_all, by_visible = UsageFilter(MONTH, text=whole.called), UsageFilter(MONTH, text=whole.called[:-3])

    found = list(tx.insight.usage_pages.stream(ACME, by_all, hidden_digits=3))

    assert whole not in [one.row for one in found if one.row.kind not in INBOUND]
    assert whole in [one.row for one in tx.insight.usage_pages.stream(ACME, by_visible, hidden_digits=3)]
    assert whole in [one.row for one in tx.insight.usage_pages.stream(ACME, by_all)]


@pytest.mark.parametrize(
    ("wanted", "is_found"),
    [("Øystein MÜLLER", True), ("Øystein MÜLLEr", True), ("øYSTEIN", False), ("øystein", False), ("mÜller", True)],
)
def test_a_search_ignores_the_case_of_latin_letters_and_finds_others_as_they_are_written(
    tx: Transaction, wanted: str, *, is_found: bool
) -> None:
    named = update(schema.users).where(schema.users.c.user_id == 3).values(display_name="Øystein MÜLLER")
    tx.insight._connection.execute(named)
    of_three = tx.insight.usage_pages.count(ACME, UsageFilter(MONTH, user_ids=frozenset({3})))

    found = tx.insight.usage_pages.count(ACME, UsageFilter(MONTH, text=wanted))

    assert of_three > 0
    assert found == (of_three if is_found else 0)


def _sum_of(group: object, found: list[UsageRow]) -> UsageSum:
    return UsageSum(
        group,
        "EUR",
        len({row.key for row in found}),
        len(found),
        sum(row.used_seconds for row in found),
        sum(row.billed_seconds for row in found),
        sum(row.cost_micros for row in found),
        sum(row.uncovered_micros for row in found),
    )


def _rows(organization_id: int, count: int) -> Iterator[UsageRow]:
    random = Random(organization_id)
    at = MONTH.starts_at
    for number in range(count // 2):
        # Some begin in the same second, so that the rest of the order is needed.
        at += timedelta(seconds=random.choice((0, 0, 25_000)))
        kind = random.choice(list(CallKind))
        who = random.choice((None, 1, 2, 3, 4, 5))
        called = f"{random.choice(('4420794601', '8135550', '1425555'))}{random.randrange(1000):03}"
        destination = random.choice(("Japan", "United Kingdom", "", "US"))
        for line in range(2):
            paid_by = random.choice(list(PaysFrom))
            used = random.choice((0, 30, 61))
            cost = random.choice((0, 12, 250, 4000)) if paid_by in {PaysFrom.CREDIT, PaysFrom.OVERAGE} else 0
            yield UsageRow(
                organization_id,
                _key(number),
                line,
                kind,
                who,
                "",
                "442079460999" if number % 2 else "4930123456",
                called,
                destination,
                called[:3],
                None,
                at,
                at,
                at + timedelta(seconds=used),
                used,
                used,
                0,
                cost,
                random.choice((0, cost)),
                "EUR",
                paid_by,
                Ending.HANGUP,
                Flags.NONE,
                random.choice(("", "MCOPSTN1", "MCOPSTNPP")),
            )


def _key(number: int) -> CallKey:
    # Not in the order in which they are written, and in upper and lower case, which databases order differently.
    return CallKey("proxy", f"{'Aab'[number % 3]}{(number * 7919) % 1000}")


def _organization(organization_id: int, name: str) -> dict[str, object]:
    return {
        "organization_id": organization_id,
        "name": name,
        "country": "DE",
        "currency": "EUR",
        "time_zone": BERLIN.key,
        "deck": "",
        "is_active": True,
        "has_credit_set_up": True,
        "receivable_micros": 0,
        "created_at": 0,
    }


def _user(number: int) -> dict[str, object]:
    return {
        "organization_id": ACME,
        "user_id": number,
        "user_principal_name": f"user{number}@acme.example",
        "display_name": f"User {number}",
        "usage_location": "DE",
        "department": DEPARTMENTS[number % len(DEPARTMENTS)],
    }
