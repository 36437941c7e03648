"""Usage of other systems: seen all at once or not at all, each call once, and no balance touched."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from talktime.bootstrap import App
from talktime.core.insight.importing.imported_calls import ImportedCall, Reject, UsageKind, UsageLine
from talktime.core.insight.importing.reading import ReadingTerms
from talktime.core.insight.importing.tallies import CurrencySum, Known, KnownCall
from talktime.core.insight.usage import EARLIEST, LATEST, ORIGINAL
from talktime.core.organizations.users import User
from talktime.core.rates.rate_decks import DeckTerms
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.periods import Period
from talktime.exports.csv import write_csv
from talktime.imports.usage import HowToRead, read_usage_file
from talktime.settings import Settings
from talktime.store.engine import open_engine
from talktime.store.schema import imported_calls, usage_imports
from talktime.store.transaction import Transaction
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from talktime.usecases.insight.import_usage import (
    CHUNK_LINES,
    ImportUsage,
    ReadImported,
    UsageImported,
    import_usage,
    list_imports,
    read_imported,
    remove_import,
)
from talktime.usecases.insight.privacy.erase_user import EraseUser, erase_user
from talktime.usecases.insight.report_usage import OpenReport, ReportUsage, report_usage
from talktime.usecases.organizations.manage_organizations import AddOrganization, add_organization
from tests.conftest import REPOSITORY
from tests.usecases.insight.killed_import import CHUNKS, NOW, REQUEST, a_call, lines


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as app:
        for name in ("Contoso", "Fabrikam"):
            app.run(add_organization, AddOrganization(name, "DE", "EUR", "Europe/Berlin", "retail", NOW))
        yield app


def imported(app: App, of: Iterable[UsageLine], request: ImportUsage = REQUEST) -> UsageImported:
    transact = app.read if request.is_dry else app.run
    return import_usage(transact, request, of, lambda _: None)


def seen(app: App, organization: str = "Contoso") -> list[ImportedCall]:
    """Return what reports would see."""
    found: list[ImportedCall] = []
    app.read(read_imported, ReadImported(organization, Period(EARLIEST, LATEST), found.extend))
    return found


def rows_count(url: str) -> tuple[int, int]:
    """Return how many rows of calls and of imports there are, seen or not."""
    engine = open_engine(url, reads_only=True)
    with engine.begin() as connection:
        counts = [connection.scalar(select(func.count()).select_from(each)) for each in (imported_calls, usage_imports)]
    engine.dispose()
    return counts[0] or 0, counts[1] or 0


def test_an_import_keeps_every_field_of_a_call(app: App) -> None:
    call = replace(
        a_call(1),
        call_id="c",
        conference_id="conf",
        user="ada@contoso.com",
        user_id="u",
        user_name="Ada",
        department="R&D",
        user_location="DE",
        caller="49301",
        destination="UK",
        country="GB",
        number_type="Subscriber",
        is_domestic=False,
        connection_fee_micros=5,
        capability="MCOPSTNPP",
    )
    unrated = replace(a_call(2, kind=UsageKind.DIRECT_BOT_OUT), charge_micros=None, currency="", not_rated="why")

    imported(app, [UsageLine(2, call), UsageLine(3, unrated)])

    assert seen(app) == [call, unrated]
    assert seen(app, "Fabrikam") == []


def test_a_file_of_several_chunks_is_told_as_a_whole(app: App) -> None:
    done: list[int] = []
    rejected = UsageLine(9_999, reject=Reject("Charge", "x", "is no number"))

    result = import_usage(app.run, REQUEST, [*lines(CHUNK_LINES + 5), rejected], done.append)

    organization, (listed,) = app.read(list_imports, "Contoso")
    assert done == [CHUNK_LINES, 6]
    assert result.import_id == listed.import_id == 1
    assert organization == result.organization
    assert (listed.calls_count, listed.known_count, listed.rejected_count) == (CHUNK_LINES + 5, 0, 1)
    assert listed.sums == result.tally.sums == (CurrencySum("EUR", 505, 505 * 10_000, 0),)
    assert (listed.file_name, listed.imported_by, listed.imported_at) == ("usage.csv", "ada", NOW)
    assert (listed.first_started_at, listed.last_started_at) == (a_call(0).started_at, a_call(504).started_at)


def test_a_dry_run_tells_the_same_and_writes_nothing(app: App, migrated_database_url: str) -> None:
    imported(app, lines(3))
    file = [*lines(5), UsageLine(7, a_call(4)), UsageLine(8, reject=Reject("Charge", "x", "is no number"))]

    dry = imported(app, file, replace(REQUEST, is_dry=True))

    assert rows_count(migrated_database_url) == (3, 1)
    assert dry.import_id is None
    assert dry.tally == imported(app, file).tally
    assert (dry.tally.new_count, dry.tally.known) == (2, ((Known.IN_FILE, 1), (Known.IMPORTED, 3)))


def test_a_call_that_comes_twice_is_imported_once(app: App) -> None:
    again = UsageLine(9, a_call(1), part="b.csv")

    result = imported(app, [*lines(3), again])
    repeated = imported(app, lines(3))

    assert result.tally.known_examples == (KnownCall(9, Known.IN_FILE, 3, "b.csv"),)
    assert repeated.import_id is None
    assert repeated.tally.known == ((Known.IMPORTED, 3),)
    assert len(seen(app)) == 3


def test_another_organization_may_import_the_same_file(app: App) -> None:
    imported(app, lines(3))

    result = imported(app, lines(3), replace(REQUEST, organization="Fabrikam"))

    assert result.tally.new_count == 3
    assert len(seen(app, "Fabrikam")) == 3


def test_only_calls_that_started_in_the_period_are_read(app: App) -> None:
    imported(app, lines(5))
    found: list[ImportedCall] = []

    period = Period(a_call(1).started_at, a_call(3).started_at)
    app.read(read_imported, ReadImported("Contoso", period, found.extend))

    assert found == [a_call(1), a_call(2)]


# ── nothing half-imported ───────────────────────────────────────────────────────────────────────────────────


def ending(of: Iterable[UsageLine], end: Callable[[], BaseException]) -> Iterator[UsageLine]:
    yield from of
    raise end()


def test_a_file_that_is_damaged_leaves_nothing(app: App, migrated_database_url: str) -> None:
    with pytest.raises(Invalid, match="cut off"):
        imported(app, ending(lines(CHUNK_LINES * 2 + 1), lambda: Invalid("the zip is cut off")))

    assert rows_count(migrated_database_url) == (0, 0)
    assert seen(app) == []


def test_an_import_that_was_killed_is_never_seen_and_the_next_one_begins_clean(
    app: App, migrated_database_url: str
) -> None:
    command = [sys.executable, "-m", "tests.usecases.insight.killed_import", migrated_database_url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=REPOSITORY, **pipes) as killed:  # type: ignore[call-overload]
        assert killed.stdout.readline() == "staged\n"
        killed.kill()
    left_behind, seen_then = rows_count(migrated_database_url), seen(app)

    result = imported(app, lines(CHUNK_LINES * CHUNKS))

    assert left_behind == (CHUNK_LINES * CHUNKS, 1)
    assert seen_then == []
    assert result.tally.new_count == CHUNK_LINES * CHUNKS
    assert rows_count(migrated_database_url) == (CHUNK_LINES * CHUNKS, 1)


def test_of_two_imports_at_once_the_later_one_wins_and_the_other_is_told(app: App) -> None:
    def with_another_in_between() -> Iterator[UsageLine]:
        yield from lines(CHUNK_LINES)
        yield from lines(1, first=CHUNK_LINES)
        imported(app, lines(7))

    with pytest.raises(Conflict, match="another import") as told:
        imported(app, with_another_in_between())

    assert told.value.code == "usage_import_swept"
    assert len(seen(app)) == 7


def test_a_file_without_a_new_call_is_no_import(app: App, migrated_database_url: str) -> None:
    result = imported(app, [UsageLine(2, reject=Reject("Charge", "x", "is no number"))])

    assert (result.import_id, result.tally.rejected_count) == (None, 1)
    assert rows_count(migrated_database_url) == (0, 0)


def test_a_call_that_is_about_to_be_removed_is_told_and_not_lost_silently(app: App) -> None:
    def hide_first(tx: Transaction, name: str) -> bool:
        organization, _ = list_imports(tx, name)
        return tx.imported.hide(organization.organization_id, 1)

    def while_another_is_removed() -> Iterator[UsageLine]:
        yield from lines(CHUNK_LINES, first=100)
        app.run(hide_first, "Contoso")
        yield from lines(5)

    imported(app, lines(5))

    result = imported(app, while_another_is_removed())

    assert result.tally.known == ((Known.IMPORTED, 5),)
    assert len(seen(app)) == result.tally.new_count == CHUNK_LINES


# ── undo ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_removed_can_be_imported_again(app: App, migrated_database_url: str) -> None:
    imported(app, lines(3))
    imported(app, lines(1_200, first=3))
    swept: list[int] = []

    removed = remove_import(app.run, ("Contoso", 2), swept.append)

    assert (removed.import_id, removed.calls_count) == (2, 1_200)
    assert swept == [1_000, 200, 1]
    assert rows_count(migrated_database_url) == (3, 1)
    assert imported(app, lines(1_200, first=3)).tally.new_count == 1_200


def test_only_an_import_that_is_there_can_be_removed(app: App) -> None:
    imported(app, lines(3), replace(REQUEST, organization="Fabrikam"))

    with pytest.raises(NotFound, match=r"has no import 1.*none yet"):
        remove_import(app.run, ("Contoso", 1), lambda _: None)

    assert len(seen(app, "Fabrikam")) == 3


# ── our own calls, and our own money ────────────────────────────────────────────────────────────────────────


def own_export(app: App) -> str:
    stream = StringIO(newline="")

    def write(report: OpenReport) -> None:
        write_csv(stream, report.layout.columns, report.rows())

    app.read(report_usage, ReportUsage("Acme", layout=ORIGINAL, writers=[write]))
    return stream.getvalue()


def test_our_own_export_brings_nothing_new(charged_app: App, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_bytes(own_export(charged_app).encode())
    # The books tell of days to come.
    later = NOW + timedelta(days=60)

    result = imported(
        charged_app,
        read_usage_file(path, HowToRead(ReadingTerms(later))),
        ImportUsage("Acme", "usage.csv", later, "ada"),
    )

    assert result.tally.rejected_count == 0
    assert result.tally.known == ((Known.OWN, result.tally.lines_count),)
    assert result.tally.lines_count > 20
    assert result.import_id is None


def test_imported_calls_touch_no_balance(charged_app: App) -> None:
    def balance(tx: Transaction, _: None) -> tuple[int, int]:
        organization, _imports = list_imports(tx, "Acme")
        organization_id = organization.organization_id
        return (
            tx.credit.credit(organization_id).balance_micros,
            tx.insight.spent_micros(organization_id, EARLIEST, LATEST),
        )

    before = charged_app.read(balance, None)

    result = imported(charged_app, lines(50), ImportUsage("Acme", "usage.csv", NOW, "ada"))

    report = charged_app.read(audit_books, AuditBooks(NOW + timedelta(days=60)))
    assert result.tally.new_count == 50
    assert charged_app.read(balance, None) == before
    assert report.is_clean


def test_calls_without_a_charge_are_rated_by_a_deck(charged_app: App) -> None:
    free = {"charge_micros": None, "currency": ""}
    file = [
        UsageLine(2, a_call(1, called="33140205050", **free)),
        UsageLine(3, a_call(2, called="81312345678", **free)),
        UsageLine(4, a_call(3)),
    ]
    request = ImportUsage("Acme", "usage.csv", NOW, "ada", deck="az", deck_number=1)

    result = imported(charged_app, file, request)

    rated, unrated, charged = seen(charged_app, "Acme")
    # A minute to France: 0.05 to connect, twice 30 seconds of 0.031 a minute.
    assert (rated.rated_micros, rated.currency, rated.destination) == (81_000, "GBP", "France")
    assert unrated.not_rated == "the deck has no price for the number"
    assert charged.rated_micros is None
    assert result.deck == "az 1"
    assert result.tally.not_rated == (("the deck has no price for the number", 1),)
    assert result.tally.without_cost_count == 1


def test_a_deck_that_is_not_there_is_named_before_anything_is_read(app: App) -> None:
    with pytest.raises(NotFound, match="there is no rate deck named 'none'"):
        imported(app, ending([], AssertionError), replace(REQUEST, deck="none"))


def test_a_deck_version_that_was_staged_half_rates_nothing(charged_app: App) -> None:
    def stage_half(tx: Transaction, deck: str) -> int:
        return tx.rates.stage(deck, "half.csv", DeckTerms("GBP", ZoneInfo("UTC")), NOW).number

    request = ImportUsage("Acme", "usage.csv", NOW, "ada", deck="az", is_dry=True)
    half = charged_app.run(stage_half, "az")
    only = charged_app.run(stage_half, "other")

    assert imported(charged_app, [], request).deck == "az 1"
    for refused in (replace(request, deck_number=half), replace(request, deck="other", deck_number=only)):
        with pytest.raises(Conflict, match="is incomplete"):
            imported(charged_app, [], refused)
    with pytest.raises(Conflict, match="is incomplete"):
        imported(charged_app, [], replace(request, deck="other"))


def test_a_person_who_is_erased_is_gone_from_imported_calls_too(charged_app: App) -> None:
    def someone(tx: Transaction, name: str) -> User:
        organization, _ = list_imports(tx, name)
        return tx.organizations.people(organization.organization_id)[0]

    user = charged_app.read(someone, "Acme")
    his = a_call(1, user=user.user_principal_name.upper(), user_name=user.display_name, call_id="c")
    imported(charged_app, [UsageLine(2, his)], ImportUsage("Acme", "usage.csv", NOW, "ada"))

    erase_user(charged_app.run, charged_app.read, EraseUser("Acme", user.user_principal_name), NOW)

    (left,) = seen(charged_app, "Acme")
    assert user.user_principal_name.lower() not in left.user.lower()
    assert (left.charge_micros, left.started_at, left.call_id) == (his.charge_micros, his.started_at, "c")
