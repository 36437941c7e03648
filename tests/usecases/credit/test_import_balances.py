"""Opening balances from a file on both databases: money.md 66; and balances of any date."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.calls.requests import EndCall
from talktime.core.credit.as_of import Basis
from talktime.core.credit.lots import Credit, LotKind
from talktime.core.values.errors import Invalid
from talktime.imports.opening_balances import COLUMNS, read_opening_balances
from talktime.settings import Settings
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.expire_credit import ExpireCredit, expire_credit
from talktime.usecases.credit.import_balances import BalancesImported, ImportBalances, import_balances
from talktime.usecases.credit.show_credit import CreditShown, LookAtDate, show_credit_at
from tests.recharge_world import NAME, NOON, ORGANIZATION_ID
from tests.usecases.credit.buyers import Buyers, units

HEADER = ",".join(COLUMNS)
GOOD = "Acme,50,USD,2026-01-15,2026-12-31,Old system,OB-1"


@pytest.fixture
def world(migrated_database_url: str, tmp_path: Path) -> Iterator[Buyers]:
    """Give Acme without credit; its books are audited afterwards."""
    with App(Settings(database=migrated_database_url)) as app:
        world = Buyers(app, tmp_path, funded=0)
        yield world
        assert world.is_clean()
        world.close()


def bring(world: Buyers, folder: Path, *lines: str, is_dry: bool = False, header: str = HEADER) -> BalancesImported:
    path = folder / "opening.csv"
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    read = read_opening_balances(path)
    request = ImportBalances(read.name, read.file_hash, read.rows, read.mistakes, world.at, is_dry)
    return world.app.run(import_balances, request)


# ── 66 ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_line_becomes_a_lot_with_its_true_end(world: Buyers, tmp_path: Path) -> None:
    lines = (GOOD, "Acme,20.5,usd,2026-02-01,,Old system,OB-2", "Acme,5,USD,,2026-06-30T12:00:00Z,Gifts,OB-3")

    imported = bring(world, tmp_path, *lines)

    assert (imported.new_count, imported.known_count, imported.mistakes) == (3, 0, ())
    lots = {lot.lot_id: lot for lot in world.credit.lots}
    # Through 31 December in New York; twelve months after the purchase; at the stated instant.
    assert lots[1].expires_at == datetime(2027, 1, 1, 5, tzinfo=UTC)
    assert lots[1].purchased_at == datetime(2026, 1, 15, 5, tzinfo=UTC)
    assert lots[2].expires_at == datetime(2027, 2, 2, 5, tzinfo=UTC)
    assert lots[3].expires_at == datetime(2026, 6, 30, 12, tzinfo=UTC)
    assert world.credit.balance_micros == 75_500_000


def test_a_trial_tells_the_difference_and_writes_nothing(world: Buyers, tmp_path: Path) -> None:
    tried = bring(world, tmp_path, GOOD, is_dry=True)

    assert [(each.before_micros, each.after_micros, each.lots_count) for each in tried.changes] == [(0, units(50), 1)]
    assert world.credit == Credit()
    assert bring(world, tmp_path, GOOD).new_count == 1


def test_the_same_file_again_changes_nothing(world: Buyers, tmp_path: Path) -> None:
    bring(world, tmp_path, GOOD)

    again = bring(world, tmp_path, GOOD)

    assert again.is_repeated
    assert world.credit.balance_micros == units(50)


def test_a_line_that_stands_in_another_file_too_is_imported_once(world: Buyers, tmp_path: Path) -> None:
    bring(world, tmp_path, GOOD)

    more = bring(world, tmp_path, GOOD, "Acme,7,USD,,2026-12-31,Old system,OB-2", GOOD)

    assert (more.new_count, more.known_count) == (1, 2)
    assert world.credit.balance_micros == units(57)


def test_a_gift_stays_a_gift(world: Buyers, tmp_path: Path) -> None:
    bring(world, tmp_path, f"{GOOD},promotional", header=f"{HEADER},kind")

    assert world.credit.lot(1).kind is LotKind.PROMOTIONAL


def test_an_import_recharges_nothing_and_repays_what_is_owed(world: Buyers, tmp_path: Path) -> None:
    world.app.run(add_credit, AddCredit(NAME, units(1), "A", world.at))
    key, _ = world.start()
    world.tick(minutes=21)
    world._charging.charge([EndCall(key, world.at, used_seconds=21 * 60)])
    assert world.credit.receivable_micros == units(20)

    bring(world, tmp_path, GOOD)

    assert world.available_units == 30
    assert world.purchases == []


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("Nobody,50,USD,2026-01-15,,Old,OB-9", "organization"),
        ("Acme,fifty,USD,2026-01-15,,Old,OB-9", "amount"),
        ("Acme,0,USD,2026-01-15,,Old,OB-9", "amount"),
        ("Acme,-5,USD,2026-01-15,,Old,OB-9", "amount"),
        ("Acme,50,EUR,2026-01-15,,Old,OB-9", "currency"),
        ("Acme,50,USD,15.01.2026,,Old,OB-9", "purchased_at"),
        ("Acme,50,USD,2026-01-15T10:00:00,,Old,OB-9", "purchased_at"),
        ("Acme,50,USD,2027-01-15,,Old,OB-9", "purchased_at"),
        ("Acme,50,USD,2025-01-15,,Old,OB-9", "expires_at"),
        ("Acme,50,USD,2026-01-15,2026-01-20,Old,OB-9", "expires_at"),
        ("Acme,50,USD,,,Old,OB-9", "expires_at"),
        ("Acme,50,USD,2026-01-15,,,OB-9", "source"),
        ("Acme,50,USD,2026-01-15,,Old,", "reference"),
        ("Acme,51,USD,2026-01-15,2026-12-31,Old,OB-1", "reference"),
        ("Acme,50,USD,2026-01-15,,Old,recharge-1", "reference"),
        ("Acme,999999999,USD,2026-01-15,,Old,OB-9", "amount"),
    ],
)
def test_a_mistake_is_named_by_line_and_column_and_nothing_is_written(
    world: Buyers, tmp_path: Path, line: str, column: str
) -> None:
    imported = bring(world, tmp_path, GOOD, line)

    assert [(each.line, each.column) for each in imported.mistakes] == [(3, column)]
    assert world.credit == Credit()


def test_all_mistakes_are_told_at_once(world: Buyers, tmp_path: Path) -> None:
    imported = bring(world, tmp_path, "Nobody,x,,,,,", "Acme,1,EUR,2026-01-15,,Old,OB-9")

    assert [(each.line, each.column) for each in imported.mistakes] == [
        (2, "amount"),
        (2, "currency"),
        (2, "expires_at"),
        (2, "reference"),
        (2, "source"),
        (3, "currency"),
    ]


@pytest.mark.parametrize("header", ["organization,amount", f"{HEADER},phone", ""])
def test_a_file_that_is_no_list_of_balances_is_refused(world: Buyers, tmp_path: Path, header: str) -> None:
    with pytest.raises(Invalid, match="first line"):
        bring(world, tmp_path, GOOD, header=header)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "balances.xlsx"
    path.write_bytes(b"PK\x03\x04\xff\xfe")

    with pytest.raises(Invalid, match="UTF-8"):
        read_opening_balances(path)


# ── balances of any date ────────────────────────────────────────────────────────────────────────────────────


def looked(world: Buyers, at: datetime) -> CreditShown:
    return world.app.read(show_credit_at, LookAtDate(NAME, at, world.at))


def test_the_balance_of_a_past_date_is_what_the_journal_had_then(world: Buyers) -> None:
    world.app.run(add_credit, AddCredit(NAME, units(100), "A", world.at))
    seen = {world.at: units(100)}
    for spent in (10, 20):
        world.tick(days=3)
        world.spend(spent)
        seen[world.at] = world.credit.balance_micros
    world.at = NOON + timedelta(days=400)
    world.app.run(expire_credit, ExpireCredit(ORGANIZATION_ID, world.at))

    assert {at: looked(world, at).credit.balance_micros for at in seen} == seen
    assert looked(world, NOON - timedelta(seconds=1)).credit == Credit()
    assert looked(world, NOON).basis is Basis.JOURNAL
    assert looked(world, world.at).credit.balance_micros == 0
    assert looked(world, world.at).basis is Basis.NOW


def test_the_balance_of_a_coming_date_lacks_what_expires_until_then(world: Buyers, tmp_path: Path) -> None:
    bring(world, tmp_path, GOOD, "Acme,7,USD,,2026-06-30,Old system,OB-2")

    then = looked(world, datetime(2026, 7, 1, 12, tzinfo=UTC))

    assert (then.credit.balance_micros, then.basis) == (units(50), Basis.EXPIRIES)
    assert looked(world, datetime(2027, 7, 1, tzinfo=UTC)).available_micros == 0
