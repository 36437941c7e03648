"""Save what moved an organization's credit, with all that follows from it: a recharge, and what must be told."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from talktime.core.credit.ledger import JournalEntry, Posting
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging import watching
from talktime.core.credit.recharging.watching import CreditWatch, Watched
from talktime.core.organizations.organizations import Organization
from talktime.store.transaction import Transaction


class Movement(NamedTuple):
    """Credit before and after, why (the entry's id, unique for its cause), and the postings between them."""

    before: Credit
    after: Credit
    entry_id: str
    postings: tuple[Posting, ...]


def move(tx: Transaction, organization: Organization, movement: Movement, at: datetime) -> None:
    """Save a movement, and evaluate the trigger and the alerts on what it leaves; the organization is locked."""
    book(tx, organization, movement, at)
    watch = tx.purchases.watch(organization.organization_id)
    watched = watching.after_movement(organization, watch, movement.before, movement.after, at)
    keep(tx, organization, watch, watched)


def fund(tx: Transaction, organization: Organization, movement: Movement, at: datetime) -> None:
    """Save a funding, as `move` does: what was told of an empty balance may be told again."""
    book(tx, organization, movement, at)
    watch = tx.purchases.watch(organization.organization_id)
    funded = watching.funded(watch, movement.after)
    watched = watching.after_movement(organization, funded, movement.before, movement.after, at)
    keep(tx, organization, watch, watched)


def book(tx: Transaction, organization: Organization, movement: Movement, at: datetime) -> None:
    """Save a movement that evaluates nothing: adjustments, imports, transfers (money.md 25)."""
    organization_id = organization.organization_id
    tx.credit.save(organization_id, movement.before, movement.after)
    tx.credit.post(JournalEntry(organization_id, movement.entry_id, at, movement.postings))


def keep(tx: Transaction, organization: Organization, before: CreditWatch, watched: Watched) -> None:
    """Save the watch where it changed, the recharge that became due, and the events."""
    if watched.watch != before:
        tx.purchases.save_watch(organization.organization_id, watched.watch)
    if watched.purchase is not None:
        tx.purchases.add(watched.purchase)
    tx.notifications.tell(watched.events)


def evaluate_again(tx: Transaction, organization: Organization, at: datetime) -> None:
    """Evaluate the trigger where nothing moved: settings changed, a pause ended, a cap's day is over."""
    organization_id = organization.organization_id
    watch, credit = tx.purchases.watch(organization_id), tx.credit.credit(organization_id)
    fresh = watch
    if watch.progress.held_back is not None and watch.progress.held_back.until <= at:
        fresh = replace(watch, progress=replace(watch.progress, held_back=None))
    keep(tx, organization, watch, watching.after_movement(organization, fresh, credit, credit, at))
