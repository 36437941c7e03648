"""`talktime credit balance` and `lots`: what an organization can spend, and what expires when."""

from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from talktime.core.credit.as_of import Basis
from talktime.core.credit.lots import CreditLot
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    heading,
    hint,
    instant,
    money,
    now,
    open_app,
    parse_instant,
    show,
    table,
)
from talktime.usecases.credit.show_credit import CreditShown, LookAtDate, show_credit_at
from talktime.usecases.organizations.manage_organizations import find_organization

At = Annotated[
    str,
    Parameter(
        help="As of this instant: ISO 8601 with Z or an offset; a date alone is read in the organization's time zone."
        " The past is told by the journal, the future by what is known to expire. Default: now."
    ),
]


def balance(*, organization: Whose = "", at: At = "", options: Options = DEFAULTS) -> None:
    """Show what an organization can spend, what is promised to calls, and what expires next."""
    shown = _shown(organization, at, options)
    show(options, _balance_document(shown), lambda: _balance_view(shown))
    if not shown.credit.lots and not options.as_json:
        _hint_to_fund(shown)


def lots(*, organization: Whose = "", at: At = "", options: Options = DEFAULTS) -> None:
    """List the lots of credit in the order in which they are spent."""
    shown = _shown(organization, at, options)
    if not shown.credit.lots and not options.as_json:
        _hint_to_fund(shown)
        return
    document = {
        "organization": shown.organization.name,
        "currency": shown.organization.currency,
        "at": shown.at,
        "basis": shown.basis.value,
        "lots": [_lot_document(shown, lot) for lot in shown.credit.lots],
    }
    show(options, document, lambda: _lots_view(shown))


def _shown(organization: str, at: str, options: Options) -> CreditShown:
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        asked_at = now()
        wanted = parse_instant(at, owner.zone) if at else asked_at
        return talktime.read(show_credit_at, LookAtDate(owner.name, wanted, asked_at))


def _hint_to_fund(shown: CreditShown) -> None:
    name = shown.organization.name
    hint(f'{name} was never funded. Add credit: `talktime credit add 200 --reference PO-1 --organization "{name}"`')


def _balance_document(shown: CreditShown) -> dict[str, Any]:
    expiry = shown.next_expiry
    return {
        "organization": shown.organization.name,
        "currency": shown.organization.currency,
        "at": shown.at,
        "basis": shown.basis.value,
        "posted": format_micros(shown.credit.balance_micros),
        "held": format_micros(shown.credit.held_micros()),
        "available": format_micros(shown.available_micros),
        "receivable": format_micros(shown.credit.receivable_micros),
        "lapsed": format_micros(shown.lapsed_micros),
        "next_expiry": None if expiry is None else {"at": expiry.at, "amount": format_micros(expiry.amount_micros)},
    }


def _balance_view(shown: CreditShown) -> Group:
    organization, expiry = shown.organization, shown.next_expiry
    amounts: list[tuple[str, int, str]] = [("Posted", shown.credit.balance_micros, "")]
    if shown.basis is not Basis.JOURNAL:
        amounts.append(("Held", shown.credit.held_micros(), "promised to calls in progress"))
    if shown.lapsed_micros:
        amounts.append(("Lapsed", shown.lapsed_micros, "expired, not booked yet"))
    if shown.credit.receivable_micros > 0:
        amounts.append(("Owed", shown.credit.receivable_micros, "from an overrun; the next credit repays it first"))
    amounts.append(("Available", shown.available_micros, "what new calls can spend"))
    made = Table.grid(padding=(0, 3))
    for justify in ("left", "right", "left"):
        made.add_column(justify=justify, style="dim" if justify == "left" else "")
    for name, amount_micros, note in amounts:
        style = "bold green" if name == "Available" and amount_micros else ""
        made.add_row(name, Text(money(amount_micros), style), note)
    lines: list[Any] = [
        heading(organization.name, organization.currency, instant(shown.at, organization.zone)),
        "",
        made,
    ]
    if shown.basis in _EXPLANATIONS:
        lines += ["", Text(_EXPLANATIONS[shown.basis], "dim")]
    if expiry is not None:
        expires = f"{money(expiry.amount_micros, organization.currency)} expire {instant(expiry.at, organization.zone)}"
        lines += ["", f"{expires}{_in_days(expiry.at, shown.at)}, unless spent before."]
    return Group(*lines)


_EXPLANATIONS = {
    Basis.JOURNAL: "As the journal had it then; what calls in progress held is not in it.",
    Basis.EXPIRIES: "If nothing is bought or spent until then: only what is known to expire is taken away.",
}


def _in_days(then: datetime, at: datetime) -> str:
    days = (then - at).days
    return f", in {days} days" if days > 1 else ""


def _lot_document(shown: CreditShown, lot: CreditLot) -> dict[str, Any]:
    return {
        "lot": lot.lot_id,
        "reference": shown.references[lot.lot_id],
        "kind": lot.kind.name.lower(),
        "granted": format_micros(lot.granted_micros),
        "spent": format_micros(lot.spent_micros),
        "held": format_micros(lot.held_micros),
        "expired": format_micros(lot.expired_micros),
        "refunded": format_micros(lot.refunded_micros),
        "disputed": format_micros(lot.disputed_micros),
        "available": format_micros(lot.available_micros(shown.at)),
        "purchased_at": lot.purchased_at,
        "expires_at": lot.expires_at,
    }


def _lots_view(shown: CreditShown) -> Group:
    # Few lots were ever refunded or disputed: their columns are there when one was.
    others = {"Refunded": "refunded_micros", "Disputed": "disputed_micros"}
    rare = {name: part for name, part in others.items() if any(getattr(lot, part) for lot in shown.credit.lots)}
    columns = ("Granted", "Spent", "Held", "Expired", *rare, "Available")
    made = table("Lot", "Reference", "Kind", *columns, "Expires", numbers=("Lot", *columns))
    for lot in shown.credit.lots:
        available = lot.available_micros(shown.at)
        gone = (lot.granted_micros, lot.spent_micros, lot.held_micros, lot.expired_micros)
        amounts = (*gone, *(getattr(lot, part) for part in rare.values()), available)
        made.add_row(
            str(lot.lot_id),
            shown.references[lot.lot_id],
            lot.kind.name.lower(),
            *(money(amount_micros) if amount_micros else "–" for amount_micros in amounts),
            instant(lot.expires_at, shown.organization.zone),
            style="" if available else "dim",
        )
    organization = shown.organization
    return Group(heading(organization.name, organization.currency, "in the order in which they are spent"), "", made)
