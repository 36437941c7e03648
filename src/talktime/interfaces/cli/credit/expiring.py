"""`talktime credit expire`: book what has expired, and tell what will; the worker does the same by itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Group

from talktime.core.credit.expiring import ExpiryNotice, Loss
from talktime.core.organizations.organizations import Organization
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    heading,
    hint,
    instant,
    money,
    now,
    open_app,
    show,
    table,
)
from talktime.usecases.credit.expire_credit import (
    DueNotices,
    ExpireCredit,
    announce_expiry,
    due_expiries,
    due_notices,
    expire_credit,
)

if TYPE_CHECKING:
    from datetime import datetime

    from talktime.bootstrap import App

# A hundred organizations at a time; a million would be somebody's mistake.
ROUNDS_MAX = 10_000

Found = list[tuple[Organization, Loss]]
Told = list[tuple[Organization, ExpiryNotice]]


def expire(*, options: Options = DEFAULTS) -> None:
    """Book the rest of every lot that has ended, and send the notices of those that will end soon.

    Safe to run at any time and as often as you like: what was booked or told is not booked or told again.
    """
    at = now()
    with open_app(options.database) as talktime:
        expired = list(_sweep(talktime, at))
        told = list(_announce(talktime, at))
    show(options, _document(expired, told), lambda: _view(expired, told))
    if not options.as_json and not expired and not told:
        hint("Nothing has expired since the last time, and nobody has to be told. See what is next: `talktime credit`")


def _sweep(talktime: "App", at: "datetime") -> Iterator[tuple[Organization, Loss]]:
    for _ in range(ROUNDS_MAX):
        due = talktime.read(due_expiries, at)
        if not due:
            return
        for organization_id in due:
            swept = talktime.run(expire_credit, ExpireCredit(organization_id, at))
            yield from ((swept.organization, loss) for loss in swept.expired)


def _announce(talktime: "App", at: "datetime") -> Iterator[tuple[Organization, ExpiryNotice]]:
    beyond = 0
    for _ in range(ROUNDS_MAX):
        due = talktime.read(due_notices, DueNotices(at, beyond))
        if not due:
            return
        for organization_id in due:
            announced = talktime.run(announce_expiry, ExpireCredit(organization_id, at))
            yield from ((announced.organization, notice) for notice in announced.notices)
        beyond = due[-1]


def _document(expired: Found, told: Told) -> dict[str, Any]:
    return {
        "expired": [_loss_document(organization, loss) for organization, loss in expired],
        "notices": [{**_loss_document(organization, each.loss), "days": each.days} for organization, each in told],
    }


def _loss_document(organization: Organization, loss: Loss) -> dict[str, Any]:
    return {
        "organization": organization.name,
        "lot": loss.lot_id,
        "amount": format_micros(loss.amount_micros),
        "currency": organization.currency,
        "expires_at": loss.expires_at,
    }


def _view(expired: Found, told: Told) -> Group:
    swept = table("Organization", "Lot", "Lost", "Ended", numbers=("Lot", "Lost"))
    for organization, loss in expired:
        swept.add_row(*_cells(organization, loss))
    soon = table("Organization", "Lot", "Would be lost", "Ends", "Days left", numbers=("Lot", "Would be lost"))
    for organization, notice in told:
        soon.add_row(*_cells(organization, notice.loss), str(notice.days))
    lots, notices = len(expired), len(told)
    parts: list[Any] = [heading(f"{lots} {'lot' if lots == 1 else 'lots'} expired")]
    parts += ["", swept] if expired else []
    parts += ["", heading(f"{notices} {'notice' if notices == 1 else 'notices'} told")]
    parts += ["", soon] if told else []
    return Group(*parts)


def _cells(organization: Organization, loss: Loss) -> tuple[str, str, str, str]:
    amount = money(loss.amount_micros, organization.currency)
    return organization.name, str(loss.lot_id), amount, instant(loss.expires_at, organization.zone)
