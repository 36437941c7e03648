"""Call details that are too old are nobody's; what calls cost and how many there were stays (domain.md 7.6)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Text, insert, select, update

from talktime.bootstrap import App
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.groups import GroupBy
from talktime.core.insight.usage import EARLIEST, LATEST, ORIGINAL
from talktime.core.values.errors import Invalid
from talktime.core.values.periods import Period
from talktime.store import schema
from talktime.store.insight.privacy.imported_details import Cutoffs, Stretch
from talktime.store.transaction import Transaction
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from talktime.usecases.insight.privacy.keep_details import (
    SetRetention,
    anonymize_outdated,
    set_retention,
    show_retention,
)
from talktime.usecases.organizations.manage_organizations import LookAt
from tests.real_books import ACME, BEGINS_AT

EVER = UsageFilter(Period(EARLIEST, LATEST))
# Of calls in Britain: 450 days (domain.md 7.6).
BRITAIN_DAYS = 450


def test_details_go_when_the_days_of_the_users_country_are_over(charged_app: App) -> None:
    last_day = LookAt("Acme", BEGINS_AT + timedelta(days=BRITAIN_DAYS))
    too_late = LookAt("Acme", BEGINS_AT + timedelta(days=BRITAIN_DAYS + 41))

    kept = anonymize_outdated(charged_app.run, charged_app.read, last_day)
    before = charged_app.read(_usage, ACME)
    gone = anonymize_outdated(charged_app.run, charged_app.read, too_late)

    after = charged_app.read(_usage, ACME)
    assert kept == 0
    assert gone > len(after)
    assert {one.row.user_id for one in after} == {None}
    # Its own service numbers are of no person, nor what was dialed for help.
    assert {one.row.called for one in after} >= {"4420********", "999", "442079990000", "448001112222"}
    assert all("*" in one.row.caller for one in after if one.row.caller)
    assert [_money_of(one) for one in after] == [_money_of(one) for one in before]


def test_totals_countries_and_the_audit_are_as_before(charged_app: App) -> None:
    at = BEGINS_AT + timedelta(days=800)
    before = charged_app.read(_totals, ACME)
    countries = charged_app.read(_countries, ACME)

    anonymize_outdated(charged_app.run, charged_app.read, LookAt("Acme", at))

    assert charged_app.read(_totals, ACME) == before
    # Numbers that are reserved for stories are nowhere; what is left of them is in Britain.
    for was, now in zip(countries, charged_app.read(_countries, ACME), strict=True):
        assert now == tuple(new if old is None else old for old, new in zip(was, now, strict=True))
    assert charged_app.read(audit_books, AuditBooks(at)).violations == ()


def test_done_again_it_changes_nothing_and_an_open_call_is_left_alone(charged_app: App) -> None:
    request = LookAt("Acme", BEGINS_AT + timedelta(days=800))
    anonymize_outdated(charged_app.run, charged_app.read, request)

    again = anonymize_outdated(charged_app.run, charged_app.read, request)

    assert again == 0
    assert charged_app.read(_open_callers, ACME) == ["442071234567"]


def test_another_organization_keeps_its_details(charged_app: App) -> None:
    before = charged_app.read(_usage, 2)

    anonymize_outdated(charged_app.run, charged_app.read, LookAt("Acme", BEGINS_AT + timedelta(days=800)))

    assert charged_app.read(_usage, 2) == before


def test_an_organization_chooses_its_own_days(charged_app: App) -> None:
    at = BEGINS_AT + timedelta(days=32)

    charged_app.run(set_retention, SetRetention("Acme", 30))

    shown = charged_app.read(show_retention, LookAt("Acme", at))
    assert (shown.days, shown.kept_since) == (30, {"": at - timedelta(days=30)})
    assert anonymize_outdated(charged_app.run, charged_app.read, LookAt("Acme", at)) > 0
    charged_app.run(set_retention, SetRetention("Acme", None))
    assert charged_app.read(show_retention, LookAt("Acme", at)).kept_since["GB"] == at - timedelta(days=BRITAIN_DAYS)


def test_calls_that_other_systems_recorded_are_forgotten_by_the_same_days(charged_app: App) -> None:
    charged_app.run(_import_calls, BEGINS_AT)
    at = BEGINS_AT + timedelta(days=200)

    forgotten = anonymize_outdated(charged_app.run, charged_app.read, LookAt("Acme", at))
    again = anonymize_outdated(charged_app.run, charged_app.read, LookAt("Acme", at))

    # 180 days in Germany, 450 in Britain, which is the organization's own country.
    assert (forgotten, again) == (1, 0)
    assert charged_app.read(_imported, ACME) == [
        ("", "", "4930*******", "3314*******", "DE", 70),
        ("ada@acme.example", "Ada", "49301234567", "33140205050", "", 70),
        ("ada@acme.example", "Ada", "49301234567", "33140205050", "GB", 70),
    ]


def test_imported_calls_over_ones_own_carriers_are_forgotten_by_days_of_their_own(charged_app: App) -> None:
    charged_app.run(_import_calls, BEGINS_AT)
    charged_app.run(_route_directly, ACME)
    # 150 days in Germany, where calls that credit pays are kept for 180.
    request = LookAt("Acme", BEGINS_AT + timedelta(days=160))

    assert anonymize_outdated(charged_app.run, charged_app.read, request) == 1
    assert charged_app.read(_imported, ACME)[0] == ("", "", "4930*******", "3314*******", "DE", 70)


def test_nothing_is_held_where_no_details_are_too_old(charged_app: App) -> None:
    charged_app.run(_import_calls, BEGINS_AT)
    request = LookAt("Acme", BEGINS_AT + timedelta(days=200))
    anonymize_outdated(charged_app.run, charged_app.read, request)

    def run(use_case: Any, _: Any) -> Any:
        pytest.fail(f"{use_case.__name__} holds the organization")

    assert anonymize_outdated(run, charged_app.read, request) == 0


def test_stretches_of_imported_calls_hold_each_call_once_though_all_began_together(charged_app: App) -> None:
    charged_app.run(_import_calls, BEGINS_AT)

    assert charged_app.read(_stretched, 1) == [[b"DE"], [b"GB"], [b"none"], []]
    assert charged_app.read(_stretched, 2) == [[b"DE", b"GB"], [b"none"]]


@pytest.mark.parametrize("days", [0, -1, 40_000])
def test_days_that_are_none_are_refused(charged_app: App, days: int) -> None:
    with pytest.raises(Invalid, match="details are kept for 1 to 36,500 days"):
        charged_app.run(set_retention, SetRetention("Acme", days))


def _usage(tx: Transaction, organization_id: int) -> list[Any]:
    return list(tx.insight.usage_pages.stream(organization_id, EVER))


def _totals(tx: Transaction, organization_id: int) -> list[Any]:
    groups = (GroupBy.DESTINATION, GroupBy.PAID_BY, GroupBy.KIND, GroupBy.CAPABILITY)
    return [sorted(tx.insight.usage_pages.sums(organization_id, EVER, by), key=str) for by in groups]


def _countries(tx: Transaction, organization_id: int) -> list[tuple[object, ...]]:
    names = [column.name for column in ORIGINAL.columns]
    wanted = [names.index(name) for name in ("External Country", "Destination Dialed", "Call Type", "Charge")]
    cells = (ORIGINAL.cells(one, "GB") for one in tx.insight.usage_pages.stream(organization_id, EVER))
    return [tuple(row[index] for index in wanted) for row in cells]


def _open_callers(tx: Transaction, organization_id: int) -> list[str]:
    found = tx.live_calls.calls(organization_id, most=10)
    return [call.setup.caller for call in found]


def _money_of(one: Any) -> tuple[object, ...]:
    row = one.row
    return (
        *(row.key, row.line, row.kind, row.destination, row.prefix, row.started_at, row.ended_at, row.used_seconds),
        *(row.billed_seconds, row.connection_fee_micros, row.cost_micros, row.uncovered_micros, row.paid_by, row.flags),
    )


def _import_calls(tx: Transaction, at: datetime) -> None:
    micros = int(at.timestamp()) * 1_000_000
    connection = tx.insight._connection
    imported = {"organization_id": ACME, "import_id": 1}
    made = {**imported, "state": "complete"}
    connection.execute(insert(schema.usage_imports), made | _others(schema.usage_imports, set(made), micros))
    for country in ("DE", "GB", ""):
        call = {
            **imported,
            "identity": country.encode() or b"none",
            "user_principal_name": "ada@acme.example",
            "display_name": "Ada",
            "caller": "49301234567",
            "called": "33140205050",
            "user_location": country,
            "charge_micros": 70,
            "used_seconds": 1,
        }
        connection.execute(insert(schema.imported_calls), call | _others(schema.imported_calls, set(call), micros))


def _others(table: Any, given: set[str], micros: int) -> dict[str, object]:
    wanted = [column for column in table.columns if column.name not in given and not column.nullable]
    return {column.name: "" if isinstance(column.type, Text) else micros for column in wanted}


def _imported(tx: Transaction, organization_id: int) -> list[tuple[object, ...]]:
    names = ("user_principal_name", "display_name", "caller", "called", "user_location", "charge_micros")
    columns = (schema.imported_calls.c[name] for name in names)
    found = select(*columns).where(schema.imported_calls.c.organization_id == organization_id)
    return sorted(tuple(row) for row in tx.insight._connection.execute(found))


def _route_directly(tx: Transaction, organization_id: int) -> None:
    own = schema.imported_calls.c.organization_id == organization_id
    tx.insight._connection.execute(update(schema.imported_calls).where(own).values(kind="dr_out"))


def _stretched(tx: Transaction, rows_max: int) -> list[list[bytes]]:
    details = tx.insight.imported_details
    since = {"": BEGINS_AT + timedelta(days=1)}
    found: list[list[bytes]] = []
    stretch = Stretch(None, None)
    while not found or stretch.last is not None:
        stretch = details.stretch_after(ACME, stretch.last, rows_max)
        found.append(sorted(details.outdated(ACME, "GB", Cutoffs(since, since), stretch)))
    return found
