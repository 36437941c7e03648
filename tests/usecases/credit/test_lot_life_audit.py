"""The audit understands what happens to lots, and finds what somebody changes in it behind our back."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from talktime.bootstrap import App
from talktime.core.credit.buying.payments import GatewayEvent, GatewayEventKind
from talktime.core.credit.ledger import Account
from talktime.core.insight.books import Rule
from talktime.core.organizations.organizations import Organization
from talktime.settings import Settings
from talktime.store.engine import open_engine
from talktime.usecases.credit.adjust_credit import AdjustCredit, adjust_credit
from talktime.usecases.credit.note_gateway_event import NoteGatewayEvent, note_gateway_event
from talktime.usecases.credit.returning.refund_credit import RefundCredit, refund_credit
from talktime.usecases.credit.transfer_credit import TransferCredit, transfer_credit
from talktime.usecases.insight.audit_books import AuditBooks, AuditReport, audit_books
from tests.recharge_world import NAME, NOON
from tests.usecases.credit.buyers import Buyers, units

INSERT = "INSERT INTO postings (organization_id, entry_id, line, debit, credit, lot_id, amount_micros, occurred_at)"
NOON_MICROS = 1_772_470_800_000_000


@pytest.fixture
def world(migrated_database_url: str, tmp_path: Path) -> Iterator[Buyers]:
    """Give books in which a refund is under way, a dispute open, and credit was corrected and moved."""
    with App(Settings(database=migrated_database_url)) as app:
        world = Buyers(app, tmp_path)
        added = Organization(2, "Fabrikam", "FR", "USD", ZoneInfo("Europe/Paris"), "deck")
        app.run(lambda tx, _: tx.organizations.add(added, NOON), None)
        world.attach()
        world.tick(days=1)
        world.buy("K-1")
        world.tick(days=1)
        world.buy("K-2")
        world.spend(150)
        _dispute(world)
        app.run(refund_credit, RefundCredit(NAME, 3, "R-1", "moved", world.at, units(20)))
        app.run(adjust_credit, AdjustCredit(NAME, -units(10), "twice", "A-1", world.at))
        app.run(adjust_credit, AdjustCredit(NAME, units(5), "sorry", "A-2", world.at))
        app.run(transfer_credit, TransferCredit(NAME, "Fabrikam", "split", "T-1", world.at, units(30)))
        yield world
        world.close()


def _dispute(world: Buyers) -> None:
    charge_id = world.purchase("order-1").charge_id
    event = GatewayEvent(
        "sandbox",
        "evt_1",
        GatewayEventKind.DISPUTE_OPENED,
        world.at,
        charge_id=charge_id,
        amount_micros=units(200),
        currency="USD",
    )
    world.app.run(note_gateway_event, NoteGatewayEvent(event, world.at))


def audited(world: Buyers) -> AuditReport:
    return world.app.read(audit_books, AuditBooks(world.at))


def posting(debit: str, to: str, lot_id: int | None, amount: int = 1) -> str:
    lot = "NULL" if lot_id is None else str(lot_id)
    return f"{INSERT} VALUES (1, 'x:1', 0, '{debit}', '{to}', {lot}, {amount}, {NOON_MICROS})"


def test_books_with_everything_that_can_happen_to_a_lot_are_clean(world: Buyers) -> None:
    report = audited(world)

    assert report.violations == ()
    moved = world.app.read(lambda tx, _: tx.lot_life.moved(1, world.at), None)
    used = {account for key in moved for account in key[1:]}
    wanted = {Account.REFUND, Account.DISPUTED, Account.ADJUSTMENT, Account.TRANSFER, Account.PROMOTION}
    assert wanted <= used


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE credit_lots SET refunded_micros = 0 WHERE lot_id = 3 AND organization_id = 1", "lot_equals_journal"),
        (
            "UPDATE credit_lots SET disputed_micros = disputed_micros - 1 WHERE disputed_micros > 0",
            "lot_equals_journal",
        ),
        ("UPDATE credit_lots SET granted_micros = granted_micros + 1 WHERE organization_id = 2", "lot_equals_journal"),
        ("DELETE FROM refunds", "trial_balance"),
        ("UPDATE refunds SET net_micros = net_micros + 1", "trial_balance"),
        ("UPDATE refunds SET state = 'refunded', closed_at = 1, next_step_at = NULL", "trial_balance"),
        ("DELETE FROM disputes", "trial_balance"),
        ("UPDATE disputes SET taken_back_micros = taken_back_micros - 1", "trial_balance"),
        ("UPDATE disputes SET state = 'won', closed_at = 1", "trial_balance"),
        (posting("lot", "disputed", 3), "lot_equals_journal"),
        (posting("refund", "lot", 3), "lot_equals_journal"),
        (posting("disputed", "lot", 2), "lot_equals_journal"),
        (posting("refund", "cash_clearing", None), "trial_balance"),
        # Lapsed before its end, and taken back without having lapsed.
        (posting("lot", "breakage", 3), "credit_in_time"),
        (posting("breakage", "lot", 3), "credit_in_time"),
    ],
)
def test_what_somebody_changes_behind_our_back_is_found(
    world: Buyers, migrated_database_url: str, statement: str, rule: str
) -> None:
    engine = open_engine(migrated_database_url)
    with engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount >= 1
    engine.dispose()

    assert Rule(rule) in {finding.rule for finding in audited(world).violations}
