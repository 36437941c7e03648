"""Corrections, transfers and closing on both databases: money.md 25, 57, 64 and 65."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from talktime.core.calls.calls import DenialReason
from talktime.core.calls.requests import Denied, EndCall
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.core.credit.ledger import Account
from talktime.core.credit.lots import LotKind
from talktime.core.credit.recharging.recharge import PauseReason
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.events import EventKind
from talktime.imports.opening_balances import read_opening_balances
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.adjust_credit import AdjustCredit, CreditAdjusted, adjust_credit
from talktime.usecases.credit.close_account import AccountClosed, CloseAccount, Remainder, close_account
from talktime.usecases.credit.import_balances import ImportBalances, import_balances
from talktime.usecases.credit.transfer_credit import CreditTransferred, TransferCredit, transfer_credit
from tests.recharge_world import NAME, NOON, ORGANIZATION_ID
from tests.usecases.credit.buyers import Buyers, units

OTHER, OTHER_ID = "Fabrikam", 2
MORE = AdjustCredit(NAME, units(30), "a bad line in March", "A-1", NOON, by="ada")
LESS = replace(MORE, amount_micros=-units(30), reference="A-2")
TRANSFER = TransferCredit(NAME, OTHER, "split of the company", "T-1", NOON, units(60))


@pytest.fixture
def world(world: Buyers) -> Buyers:
    """Give Acme with a lot of 100, and Fabrikam without any; the books are audited afterwards."""
    zone = ZoneInfo("Europe/Paris")
    added = Organization(OTHER_ID, OTHER, "FR", "USD", zone, "deck")
    world.app.run(lambda tx, _: tx.organizations.add(added, NOON), None)
    return world


def adjust(world: Buyers, request: AdjustCredit) -> CreditAdjusted:
    return world.app.run(adjust_credit, replace(request, at=world.at))


def transfer(world: Buyers, request: TransferCredit = TRANSFER) -> CreditTransferred:
    return world.app.run(transfer_credit, replace(request, at=world.at))


def close(world: Buyers, remainder: Remainder = Remainder.FORFEIT) -> AccountClosed:
    return world.app.run(close_account, CloseAccount(NAME, remainder, "contract ended", world.at, "ada"))


def moved(world: Buyers, debit: Account, to: Account, organization_id: int = ORGANIZATION_ID) -> int:
    known = world.app.read(lambda tx, _: tx.lot_life.moved(organization_id, world.at), None)
    return sum(amount for key, amount in known.items() if key[1:] == (debit, to))


# ── 25: corrections ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_correction_adds_a_lot_that_a_promotion_pays_and_keeps_the_reason(world: Buyers) -> None:
    answer = adjust(world, MORE)

    assert answer == CreditAdjusted(NAME, "USD", "A-1", units(30), units(130), 2)
    assert moved(world, Account.PROMOTION, Account.LOT) == units(30)
    reasons = world.app.read(lambda tx, _: tx.lot_life.reasons(ORGANIZATION_ID), None)
    assert reasons == {"adjustment:A-1": ("a bad line in March", "ada")}
    assert world.details(EventKind.CREDIT_ADJUSTED)[0]["reason"] == "a bad line in March"


def test_a_correction_of_what_was_bought_is_paid_by_corrections(world: Buyers) -> None:
    adjust(world, replace(MORE, kind=LotKind.PURCHASED))

    assert moved(world, Account.ADJUSTMENT, Account.LOT) == units(30)
    assert world.credit.lot(2).kind is LotKind.PURCHASED


def test_a_correction_takes_away_what_is_available_and_no_more(world: Buyers) -> None:
    world.spend(60)
    world.start()

    with pytest.raises(Conflict, match=r"39\.00 USD available"):
        adjust(world, replace(LESS, amount_micros=-units(40)))
    adjust(world, replace(LESS, amount_micros=-units(39)))

    assert world.available_units == 0
    assert world.credit.held_micros() == units(1)
    assert moved(world, Account.LOT, Account.ADJUSTMENT) == units(39)


def test_the_same_correction_asked_many_times_at_once_is_one(world: Buyers) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: adjust(world, MORE), range(16)))

    assert world.credit.balance_micros == units(130)
    assert sum(not answer.is_repeated for answer in answers) == 1


def test_a_correction_charges_no_card_unless_that_is_wished(world: Buyers) -> None:
    method_id = world.attach().method.method_id
    world.set(RechargeChange(is_on=True, trigger_micros=units(80), amount_micros=units(200), method_id=method_id))

    adjust(world, LESS)
    silent = world.watch.progress.open_purchase_id
    adjust(world, replace(LESS, amount_micros=-units(1), reference="A-3", evaluates=True))

    assert silent is None
    assert world.watch.progress.open_purchase_id == "recharge-1"


def test_a_correction_repays_what_is_owed_first(world: Buyers) -> None:
    key, _ = world.start()
    world.tick(minutes=120)
    world._charging.charge([EndCall(key, world.at, used_seconds=7_200)])
    assert world.credit.receivable_micros == units(20)

    adjust(world, MORE)

    assert (world.credit.receivable_micros, world.available_units) == (0, 10)


@pytest.mark.parametrize(
    "mistake",
    [
        replace(MORE, amount_micros=0),
        replace(MORE, amount_micros=10**18),
        replace(MORE, reason=""),
        replace(MORE, reason="x" * 501),
        replace(MORE, reference=" "),
    ],
)
def test_what_cannot_be_corrected_changes_nothing(world: Buyers, mistake: AdjustCredit) -> None:
    with pytest.raises(Invalid):
        adjust(world, mistake)

    assert world.credit.balance_micros == units(100)


@pytest.mark.parametrize("other", [replace(MORE, amount_micros=1), replace(MORE, reference="OPENING")])
def test_a_reference_that_was_used_for_something_else_is_a_conflict(world: Buyers, other: AdjustCredit) -> None:
    adjust(world, MORE)

    with pytest.raises(Conflict):
        adjust(world, other)


def test_a_balance_is_not_corrected_beyond_what_can_be_counted(world: Buyers) -> None:
    with pytest.raises(Conflict, match="a slip"):
        adjust(world, replace(MORE, amount_micros=units(1_000_000_000)))


def test_a_lot_is_never_called_like_another_one(world: Buyers, tmp_path: Path) -> None:
    path = tmp_path / "opening.csv"
    path.write_text(
        "organization,amount,currency,purchased_at,expires_at,source,reference\nAcme,1,USD,2026-01-01,,Old,OB-1\n"
    )
    read = read_opening_balances(path)
    world.app.run(import_balances, ImportBalances(read.name, read.file_hash, read.rows, read.mistakes, NOON))

    with pytest.raises(Conflict, match="called 'OB-1' already"):
        adjust(world, replace(MORE, reference="OB-1"))
    with pytest.raises(Conflict, match="called 'OB-1' already"):
        world.app.run(add_credit, AddCredit(NAME, units(1), "OB-1", NOON))
    with pytest.raises(Invalid, match="names a purchase"):
        adjust(world, replace(MORE, reference="order-7"))


def test_a_gift_is_paid_by_ourselves_and_not_by_cash(world: Buyers) -> None:
    cash_before = moved(world, Account.CASH_CLEARING, Account.LOT)

    world.app.run(add_credit, AddCredit(NAME, units(5), "gift", world.at, kind=LotKind.PROMOTIONAL))

    assert moved(world, Account.CASH_CLEARING, Account.LOT) == cash_before
    assert moved(world, Account.PROMOTION, Account.LOT) == units(5)


# ── 65: transfers ───────────────────────────────────────────────────────────────────────────────────────────


def test_credit_that_moves_keeps_its_end_and_its_age(world: Buyers) -> None:
    world.tick(days=90)

    answer = transfer(world)

    theirs = world.app.read(lambda tx, _: tx.credit.credit(OTHER_ID), None).lots
    ours = world.credit.lot(1)
    assert [(lot.purchased_at, lot.expires_at) for lot in theirs] == [(ours.purchased_at, ours.expires_at)]
    assert (answer.source_balance_micros, answer.target_balance_micros) == (units(40), units(60))
    assert moved(world, Account.LOT, Account.TRANSFER) == units(60)
    assert moved(world, Account.TRANSFER, Account.LOT, OTHER_ID) == units(60)


def test_a_transfer_takes_each_lot_apart_in_spending_order(world: Buyers) -> None:
    world.tick(days=1)
    world.app.run(add_credit, AddCredit(NAME, units(50), "later", world.at))

    answer = transfer(world, replace(TRANSFER, amount_micros=None))

    theirs = world.app.read(lambda tx, _: tx.credit.credit(OTHER_ID), None).lots
    assert [lot.granted_micros for lot in theirs] == [units(100), units(50)]
    assert answer.lot_ids == (1, 2)
    assert world.available_units == 0


def test_the_same_transfer_again_moves_nothing(world: Buyers) -> None:
    first = transfer(world)

    assert transfer(world) == replace(first, is_repeated=True)
    assert world.available_units == 40


def test_two_organizations_that_move_credit_to_each_other_at_once_do_not_block_each_other(world: Buyers) -> None:
    transfer(world)
    requests = [
        TransferCredit(*((NAME, OTHER) if index % 2 else (OTHER, NAME)), "x", f"T-{index + 2}", NOON, units(1))
        for index in range(12)
    ]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda request: transfer(world, request), requests))

    assert world.available_units == 40


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (replace(TRANSFER, amount_micros=units(101)), Conflict),
        (replace(TRANSFER, amount_micros=0), Invalid),
        (replace(TRANSFER, target=NAME), Invalid),
        (replace(TRANSFER, target="Nobody"), NotFound),
        (replace(TRANSFER, reason=""), Invalid),
    ],
)
def test_what_cannot_move_stays(world: Buyers, request_: TransferCredit, error: type[Exception]) -> None:
    with pytest.raises(error):
        transfer(world, request_)

    assert world.available_units == 100


def test_credit_never_moves_into_another_currency(world: Buyers) -> None:
    euros = Organization(3, "Contoso", "FR", "EUR", ZoneInfo("Europe/Paris"), "deck")
    world.app.run(lambda tx, _: tx.organizations.add(euros, NOON), None)

    with pytest.raises(Conflict, match="refund there"):
        transfer(world, replace(TRANSFER, target="Contoso"))


# ── 64: closing ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_with_calls_in_progress_is_not_closed(world: Buyers) -> None:
    world.start()

    with pytest.raises(Conflict, match="a call is in progress"):
        close(world)


def test_an_account_that_closes_forfeits_its_credit_and_keeps_its_books(world: Buyers) -> None:
    world.spend(40)

    closed = close(world)

    assert (closed.forfeited_micros, closed.receivable_micros, closed.refunds) == (units(60), 0, ())
    assert world.credit.balance_micros == 0
    assert moved(world, Account.LOT, Account.REVENUE) == units(40)
    assert not world.app.read(lambda tx, _: tx.organizations.named(NAME), None).is_active
    assert world.start()[1] == Denied(DenialReason.ORGANIZATION_SUSPENDED)


def test_an_account_that_closes_gets_back_what_it_had_bought_but_no_gift(world: Buyers) -> None:
    world.attach()
    world.buy()
    adjust(world, MORE)

    closed = close(world, Remainder.REFUND)

    assert [each.net_micros for each in closed.refunds] == [units(100), units(200)]
    assert closed.forfeited_micros == units(30)
    assert world.credit.balance_micros == 0


def test_a_closed_account_recharges_no_more(world: Buyers) -> None:
    method_id = world.attach().method.method_id
    world.set(RechargeChange(is_on=True, trigger_micros=units(80), amount_micros=units(200), method_id=method_id))
    world.spend(40)
    assert world.purchase("recharge-1").state is PurchaseState.DUE

    closed = close(world)
    world.work()

    assert closed.still_open == ()
    assert world.purchase("recharge-1").state is PurchaseState.CANCELED
    assert world.watch.progress.paused is PauseReason.ORGANIZATION_CLOSED
    assert not world.watch.policy.is_on
    assert world.moved_units == 0


def test_a_payment_under_way_when_an_account_closes_is_named(world: Buyers) -> None:
    world.attach("4000007700000018")
    world.buy()
    assert world.purchase("order-1").state is PurchaseState.UNKNOWN

    assert close(world).still_open == ("order-1",)
    assert world.purchase("order-1").is_withdrawn


def test_an_account_is_closed_once(world: Buyers) -> None:
    close(world)

    with pytest.raises(Conflict, match="closed or suspended already"):
        close(world)
