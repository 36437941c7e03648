"""`talktime demo`: the whole job on sample data: prices, people, credit, a month of calls, reports, audit."""

import csv
import heapq
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from talktime.bootstrap import App as Talktime
from talktime.bootstrap import open_statements
from talktime.core.calls.replaying import RecordedCall, ReplayedCall, summary_of
from talktime.core.organizations.licenses import License
from talktime.core.organizations.users import NumberUse
from talktime.core.values.money import format_micros
from talktime.core.values.periods import Period
from talktime.exports.beancount import write_beancount
from talktime.imports.call_files import read_call_file
from talktime.interfaces.charging import explanations
from talktime.interfaces.cli.demo import view
from talktime.interfaces.cli.demo.findings import MonthUsage, month_usage, refused_call, straddling_call
from talktime.interfaces.cli.demo.month import CreditMonth, amounts_of
from talktime.interfaces.cli.demo.plans import FOLLOWED, WITHOUT_CREDITS, license_people, organizers, short_name
from talktime.interfaces.cli.demo.told import CURRENCY, ZONE, MinutesTold, Takeover, Told
from talktime.interfaces.cli.insight.usage import usage
from talktime.interfaces.cli.rates.deck_files import SheetArguments, read_deck_file
from talktime.interfaces.cli.terminal import open_app, print_json
from talktime.samples import people, rate_deck
from talktime.samples.calls import SampleCall, sample_calls
from talktime.samples.conferences import sample_conferences
from talktime.usecases.calls.replay_calls import replay_calls
from talktime.usecases.credit.billing.export_ledger import ExportLedger, OpenLedger, Scope, export_ledger
from talktime.usecases.credit.show_credit import show_credit
from talktime.usecases.insight.audit_books import AuditBooks, AuditReport, audit_books
from talktime.usecases.insight.report_usage import ReportUsage, report_usage
from talktime.usecases.insight.show_pools import ShowPools, show_pools
from talktime.usecases.organizations.manage_organizations import AddOrganization, LookAt, add_organization
from talktime.usecases.organizations.manage_users import (
    AddServiceNumber,
    AddUsers,
    NewUser,
    add_service_number,
    add_users,
)
from talktime.usecases.rates.publish_rate_deck import PublishDeck, StageDeck, publish_deck, stage_deck

EXIT_VIOLATED = 1
ORGANIZATION, COUNTRY, DECK = people.ORGANIZATION_NAME, "US", "SAMPLE prices"
# One month for everybody, so that everybody sees the same figures.
MONTH_STARTS_AT = datetime(2026, 10, 1, tzinfo=ZONE)
DAYS = 31
SEED = 2039
# What the calls of this sample cost on average, about.
MICROS_PER_CALL = 225_000
# A handful of calls, an hour of the month or less: then the worker gets its turn.
COMMIT_REQUESTS = 32
# What everybody has; conferences and included minutes are for some.
BASIC = License.PHONE_SYSTEM
# One call in so many is a leg that a conference dials.
CALLS_PER_LEG = 320

app = App(name="demo")


@dataclass(frozen=True, slots=True)
class Files:
    """What the demo writes, all in one folder."""

    folder: Path

    @property
    def database(self) -> Path:
        """The books."""
        return self.folder / "talktime.db"

    @property
    def outbound_prices(self) -> Path:
        """The price list for calls to everywhere."""
        return self.folder / "sample-prices.csv"

    @property
    def toll_free_prices(self) -> Path:
        """The price list for calls to the toll-free number."""
        return self.folder / "sample-toll-free-prices.csv"

    @property
    def calls(self) -> Path:
        """The month of calls."""
        return self.folder / "sample-calls.csv"

    @property
    def usage_csv(self) -> Path:
        """What was charged, for machines."""
        return self.folder / "usage.csv"

    @property
    def usage_workbook(self) -> Path:
        """What was charged, for people."""
        return self.folder / "usage.xlsx"

    @property
    def ledger(self) -> Path:
        """The general ledger, for `bean-check`."""
        return self.folder / "ledger.beancount"

    @property
    def database_url(self) -> str:
        """The books, as commands want to be told."""
        return f"sqlite:///{self.database}"

    def start_afresh(self) -> None:
        """Remove what an earlier demo wrote, and nothing else that may be in the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        logs = [self.database.with_name(f"{self.database.name}{suffix}") for suffix in ("", "-wal", "-shm")]
        samples = [self.outbound_prices, self.toll_free_prices, self.calls]
        documents = [*self.folder.glob("statement-*.pdf"), *self.folder.glob("invoice-*.pdf")]
        for path in (*logs, *samples, *documents, self.usage_csv, self.usage_workbook, self.ledger):
            path.unlink(missing_ok=True)
        for folder in ("mails", "sandbox"):
            shutil.rmtree(self.folder / folder, ignore_errors=True)


@app.default
def demo(
    *,
    folder: Annotated[
        Path, Parameter(help="Where everything is written; what an earlier demo left is replaced.")
    ] = Path("demo"),
    calls: Annotated[PositiveInt, Parameter(help="How many calls the month has.")] = 8_000,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="A summary as one JSON document.")] = False,
) -> int:
    """Fund an organization, charge a month of its calls on a virtual clock, report and audit: all on sample data."""
    files = Files(folder)
    files.start_afresh()
    show: view.Shown = view.Silent() if as_json else view.Steps(MONTH_STARTS_AT, DAYS)
    began = time.monotonic()
    show.title()
    _write_samples(files, calls)
    with open_app(files.database_url) as talktime:
        show.done("Store", f"{files.database}, SQLite, started afresh")
        show.done("Prices", _publish_prices(talktime, files))
        show.done("People", _add_people(talktime))
        show.done("Licenses", license_people(talktime, MONTH_STARTS_AT.astimezone(UTC)))
        month = CreditMonth(talktime, folder, MONTH_STARTS_AT, amounts_of(calls * MICROS_PER_CALL))
        month.begin()
        show.done("Credit", view.credit_text(month.amounts))
        recorded = [line.call for line in read_call_file(files.calls) if line.call is not None]
        replayed = _replay(talktime, recorded, month, show)
        month.go_on_to(_month_end() + timedelta(hours=2))
        show.done("Report", _report(talktime, files, month))
        audit = talktime.read(audit_books, AuditBooks(_month_end()))
        show.done("Audit", view.audit_text(audit), is_good=audit.is_clean)
        credit = talktime.read(show_credit, LookAt(ORGANIZATION, _month_end())).credit
        usage = talktime.read(month_usage, Period(MONTH_STARTS_AT.astimezone(UTC), _month_end()))
        told = Told(
            replayed,
            credit,
            _minutes(talktime, usage),
            usage.destinations,
            month.happenings(),
            month.letters(),
            refused_call(talktime, replayed),
        )
    show.story(told, files.database_url, time.monotonic() - began)
    if as_json:
        print_json(_document(files, told, audit))
    return 0 if audit.is_clean else EXIT_VIOLATED


def _month_end() -> datetime:
    return (MONTH_STARTS_AT + timedelta(days=DAYS)).astimezone(UTC)


# ── the samples, as files that anybody could have sent ──────────────────────────────────────────────────────


def _write_samples(files: Files, calls_count: int) -> None:
    files.outbound_prices.write_text(rate_deck.sample_rate_deck_csv(), "utf-8")
    # The name under which vendors send this column, and by which the import knows inbound prices.
    toll_free = rate_deck.sample_toll_free_deck_csv()
    files.toll_free_prices.write_text(toll_free, "utf-8")
    legs_count = calls_count // CALLS_PER_LEG
    month = sample_calls(
        callers=[user.number for user in people.sample_users()],
        toll_free_number=people.TOLL_FREE_NUMBER,
        month_starts_at=MONTH_STARTS_AT,
        days=DAYS,
        calls_count=calls_count - legs_count,
        seed=SEED,
    )
    legs = sample_conferences(
        organizers=organizers(), month_starts_at=MONTH_STARTS_AT, days=DAYS, legs_count=legs_count, seed=SEED
    )
    with files.calls.open("w", newline="", encoding="utf-8") as stream:
        _write_calls(csv.writer(stream), heapq.merge(month, legs, key=attrgetter("started_at")))


def _write_calls(writer: Any, calls: Iterable[SampleCall]) -> None:
    writer.writerow(("call_id", "from", "to", "kind", "started_at", "ring_seconds", "duration_seconds"))
    for call in calls:
        started_at = f"{call.started_at:%Y-%m-%dT%H:%M:%SZ}"
        writer.writerow(
            (call.call_id, call.caller, call.called, call.kind, started_at, call.ring_seconds, call.duration_seconds)
        )


# ── the steps ───────────────────────────────────────────────────────────────────────────────────────────────


def _publish_prices(talktime: Talktime, files: Files) -> str:
    stated = SheetArguments(currency=CURRENCY, time_zone=ZONE.key, profile=("peak=Mon-Fri 08:00-18:00",))
    counts = []
    for path in (files.outbound_prices, files.toll_free_prices):
        sheet = read_deck_file(path, stated)
        assert not sheet.rejections, "our own samples can be read"
        stage_deck(talktime.run, StageDeck(DECK, path.name, sheet.terms, sheet.rates, MONTH_STARTS_AT), lambda _: None)
        talktime.run(
            publish_deck, PublishDeck(DECK, None, MONTH_STARTS_AT.astimezone(UTC), MONTH_STARTS_AT.astimezone(UTC))
        )
        counts.append(len(sheet.rates))
    return f"{counts[0]:,} outbound and {counts[1]:,} toll-free rates from {MONTH_STARTS_AT:%-d %B} on"


def _add_people(talktime: Talktime) -> str:
    at = MONTH_STARTS_AT.astimezone(UTC)
    talktime.run(add_organization, AddOrganization(ORGANIZATION, COUNTRY, CURRENCY, ZONE.key, DECK, at))
    users = [
        NewUser(
            line=line,
            user_principal_name=user.user_principal_name,
            display_name=user.display_name,
            numbers=(user.number,),
            usage_location=user.usage_location,
            department=user.department,
            licenses=BASIC if user.user_principal_name == WITHOUT_CREDITS else BASIC | License.COMMUNICATIONS_CREDITS,
        )
        for line, user in enumerate(people.sample_users(), start=1)
    ]
    added = talktime.run(add_users, AddUsers(ORGANIZATION, tuple(users), at, buys_missing=True))
    assert added.is_saved, "our own samples can be added"
    talktime.run(add_service_number, AddServiceNumber(ORGANIZATION, people.TOLL_FREE_NUMBER, NumberUse.TOLL_FREE))
    return f"{ORGANIZATION}: {len(users)} users and a toll-free number"


def _replay(
    talktime: Talktime, recorded: Sequence[RecordedCall], month: CreditMonth, show: view.Shown
) -> list[ReplayedCall]:
    began = time.monotonic()
    statements = open_statements(talktime.settings.database_url)
    with closing(statements), show.clock(len(recorded)) as tick:
        replayed = []
        terms = talktime.settings.charging_terms
        for each in replay_calls(statements, terms, recorded, commit_requests=COMMIT_REQUESTS):
            replayed.append(each)
            tick(each)
            month.go_on_to(each.call.started_at)
    seconds = time.monotonic() - began
    show.done("Calls", f"{len(replayed):,} calls charged in {seconds:.0f} s, {len(replayed) / seconds:,.0f} a second")
    return replayed


def _report(talktime: Talktime, files: Files, month: CreditMonth) -> str:
    writers = (
        # The files of `talktime usage export`, not others that look like them.
        partial(usage.write_csv_file, path=str(files.usage_csv)),
        partial(usage.write_workbook_file, path=files.usage_workbook, two_decimals=False),
    )
    reported = talktime.read(report_usage, ReportUsage(ORGANIZATION, writers=writers))
    documents = month.write_documents(files.folder)
    talktime.read(export_ledger, ExportLedger(Scope(ORGANIZATION), partial(_write_ledger, path=files.ledger)))
    written = [files.usage_csv, files.usage_workbook, *documents, files.ledger]
    return f"{reported.rows_count:,} calls, statement, invoice and ledger: {', '.join(path.name for path in written)}"


def _write_ledger(ledger: OpenLedger, *, path: Path) -> None:
    with path.open("w", encoding="utf-8") as stream:
        write_beancount(stream, ledger.ledgers(), ledger.currencies)


def _minutes(talktime: Talktime, usage: MonthUsage) -> MinutesTold:
    pools = talktime.read(show_pools, ShowPools(ORGANIZATION, _month_end(), MONTH_STARTS_AT.date()))
    takeover = Takeover(short_name(FOLLOWED), usage.included_minutes, usage.paid_minutes)
    return MinutesTold(pools, takeover, straddling_call(talktime, usage.straddling))


def _document(files: Files, told: Told, audit: AuditReport) -> dict[str, Any]:
    summary, credit, straddling = summary_of(told.replayed), told.credit, told.minutes.straddling
    return {
        "organization": ORGANIZATION,
        "month": f"{MONTH_STARTS_AT:%Y-%m}",
        "calls": summary.calls_count,
        "answered": summary.answered_count,
        "talk_seconds": summary.used_seconds,
        "currency": CURRENCY,
        "granted": format_micros(sum(lot.granted_micros for lot in credit.lots)),
        "charged": format_micros(summary.charged_micros),
        "expired": format_micros(sum(lot.expired_micros for lot in credit.lots)),
        "left": format_micros(credit.balance_micros),
        "cut": summary.cut_count,
        "denied": {reason.value: count for reason, count in summary.denials.items()},
        "happened": [
            {"at": each.at, "what": each.kind, "balance": format_micros(each.balance_micros)}
            for each in told.happenings
        ],
        "mails": [
            {"at": each.at, "language": each.language, "subject": each.subject, "file": str(each.path)}
            for each in told.letters
        ],
        "included_minutes": told.minutes.used_minutes,
        "pools": [
            {
                "plan": line.plan_name,
                "country": line.pool.country or None,
                "counter": line.pool.counter or None,
                "total_minutes": line.total_minutes,
                "used_minutes": line.used_minutes,
                "used_up_at": told.used_up_at(line),
            }
            for line in told.minutes.lines
        ],
        "straddling_call": None if straddling is None else straddling.facts.call.setup.key.call_id,
        "refused_call": None if told.refused is None else explanations.document(told.refused),
        "audit_clean": audit.is_clean,
        "database": files.database_url,
        "files": [str(path) for path in (files.usage_csv, files.usage_workbook, files.ledger)],
    }
