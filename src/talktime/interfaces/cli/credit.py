"""`talktime credit`: fund an organization, see what it can spend and what expires when."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from talktime.core.credit.lots import CreditLot, LotKind
from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_micros, parse_micros
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    facts,
    heading,
    hint,
    instant,
    money,
    now,
    open_app,
    parse_instant,
    show,
    table,
    warn,
)
from talktime.usecases.credit.add_credit import AddCredit, CreditAdded, add_credit
from talktime.usecases.credit.show_credit import CreditShown, show_credit
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization

app = App(name="credit")

Whose = Annotated[str, Parameter(help="Whose; may be left out where there is only one organization.")]
At = Annotated[
    str,
    Parameter(
        help="Judge today's lots at this instant: ISO 8601 with Z or an offset; a date alone is read in the"
        " organization's time zone. Default: now."
    ),
]


class Kind(Enum):
    """Why the money is there."""

    PURCHASED = LotKind.PURCHASED
    PROMOTIONAL = LotKind.PROMOTIONAL


@app.command
def add(
    amount: Annotated[
        str, Parameter(help="How much, in the organization's currency: 200, or 0.0135.", allow_leading_hyphen=True)
    ],
    *,
    reference: Annotated[
        str, Parameter(help="What the purchase is called: an order number, say; the same again adds nothing.")
    ],
    organization: Whose = "",
    currency: Annotated[str, Parameter(help="If stated, refuse unless this is the organization's currency.")] = "",
    purchased_at: Annotated[
        str,
        Parameter(
            help="When it was bought, which begins its twelve months: ISO 8601 with Z or an offset; a date alone is"
            " read in the organization's time zone. Default: now."
        ),
    ] = "",
    kind: Annotated[Kind, Parameter(help="Promotional credit is spent first.")] = Kind.PURCHASED,
    options: Options = DEFAULTS,
) -> None:
    """Add prepaid credit; what the organization owes is repaid first."""
    at, amount_micros = now(), _amount(amount)
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        bought_at = parse_instant(purchased_at, owner.zone) if purchased_at else None
        added = talktime.run(
            add_credit, AddCredit(owner.name, amount_micros, reference, at, currency, bought_at, kind.value)
        )
    show(options, _added_document(added), lambda: _added_view(added, owner.zone))
    if added.is_repeated:
        hint(f"{added.reference} was added before: this is its answer again, and nothing was added.")
    elif added.expires_at <= at:
        warn("It has expired already: only calls before that instant can be paid from it.")


@app.default
@app.command
def balance(*, organization: Whose = "", at: At = "", options: Options = DEFAULTS) -> None:
    """Show what an organization can spend, what is promised to calls, and what expires next."""
    shown = _shown(organization, at, options)
    show(options, _balance_document(shown), lambda: _balance_view(shown))
    if not shown.credit.lots and not options.as_json:
        _hint_to_fund(shown)


@app.command
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
        "lots": [_lot_document(shown, lot) for lot in shown.credit.lots],
    }
    show(options, document, lambda: _lots_view(shown))


def _shown(organization: str, at: str, options: Options) -> CreditShown:
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        instant_ = parse_instant(at, owner.zone) if at else now()
        return talktime.read(show_credit, LookAt(owner.name, instant_))


def _amount(text: str) -> int:
    try:
        return parse_micros(text)
    except ValueError as failure:
        message = f"{failure}: write it as 200 or 0.0135, without a currency"
        raise Invalid(message, code="amount") from failure


def _added_document(added: CreditAdded) -> dict[str, Any]:
    return {
        "organization": added.organization,
        "reference": added.reference,
        "lot": added.lot_id,
        "kind": added.kind.name.lower(),
        "amount": format_micros(added.granted_micros),
        "currency": added.currency,
        "repaid": format_micros(added.repaid_micros),
        "purchased_at": added.purchased_at,
        "expires_at": added.expires_at,
        "balance": format_micros(added.balance_micros),
    }


def _added_view(added: CreditAdded, zone: ZoneInfo) -> Group:
    rows: list[tuple[str, object]] = [
        ("Lot", f"{added.lot_id}, {added.kind.name.lower()}"),
        ("Expires", instant(added.expires_at, zone)),
    ]
    if added.repaid_micros:
        rows.append(("Repaid at once", money(added.repaid_micros, added.currency)))
    rows.append(("Balance", money(added.balance_micros, added.currency)))
    title = f"{money(added.granted_micros, added.currency)} for {added.organization}"
    return Group(heading(title, added.reference), "", facts(rows))


def _hint_to_fund(shown: CreditShown) -> None:
    name = shown.organization.name
    hint(f'{name} was never funded. Add credit: `talktime credit add 200 --reference PO-1 --organization "{name}"`')


def _balance_document(shown: CreditShown) -> dict[str, Any]:
    expiry = shown.next_expiry
    return {
        "organization": shown.organization.name,
        "currency": shown.organization.currency,
        "at": shown.at,
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
    amounts.append(("Held", shown.credit.held_micros(), "promised to calls in progress"))
    if shown.lapsed_micros:
        amounts.append(("Lapsed", shown.lapsed_micros, "expired, not booked yet"))
    if shown.credit.receivable_micros:
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
    if expiry is not None:
        expires = f"{money(expiry.amount_micros, organization.currency)} expire {instant(expiry.at, organization.zone)}"
        lines += ["", f"{expires}{_in_days(expiry.at, shown.at)}, unless spent before."]
    return Group(*lines)


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
    columns = ("Granted", "Spent", "Held", "Expired", "Available")
    made = table("Lot", "Reference", "Kind", *columns, "Expires", numbers=("Lot", *columns))
    for lot in shown.credit.lots:
        available = lot.available_micros(shown.at)
        amounts = (lot.granted_micros, lot.spent_micros, lot.held_micros, lot.expired_micros, available)
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
