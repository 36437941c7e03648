"""`talktime credit add`: fund an organization by an operator's own hand."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import Parameter
from rich.console import Group

from talktime.core.values.money import format_micros
from talktime.interfaces.cli.credit.arguments import Kind, read_amount
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    instant,
    money,
    now,
    open_app,
    parse_instant,
    show,
    warn,
)
from talktime.usecases.credit.add_credit import AddCredit, CreditAdded, add_credit
from talktime.usecases.organizations.manage_organizations import find_organization


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
    at, amount_micros = now(), read_amount(amount)
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
