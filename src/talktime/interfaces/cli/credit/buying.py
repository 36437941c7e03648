"""`talktime credit buy`: the order form, the review, and placing the order."""

import getpass
import shlex
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.credit.buying.catalog import COMMUNICATIONS_CREDITS
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.core.credit.buying.refusals import Refused
from talktime.core.credit.orders import OrderForm, RechargeWish, Review, remedy
from talktime.core.credit.recharging.settings import RechargeChange, sentence
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.credit.arguments import read_amount
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
    refuse,
    show,
    warn,
)
from talktime.usecases.credit.buying.buy_credit import (
    OrderPlaced,
    OrderShown,
    PlaceOrder,
    charge_order,
    place_order,
    review_order,
)
from talktime.usecases.credit.recharging.set_recharge import ConfirmationNeeded, SetRecharge, set_recharge
from talktime.usecases.organizations.manage_organizations import find_organization

if TYPE_CHECKING:
    from talktime.bootstrap import App

AnswerT = TypeVar("AnswerT", Review, OrderPlaced)

EXIT_NOT_CHARGED = 1
_GOOD = frozenset({PurchaseState.SETTLED, PurchaseState.INVOICED})
_HEADLINES = {
    PurchaseState.SETTLED: "bought",
    PurchaseState.INVOICED: "ordered: the credit comes with the payment of the invoice",
    PurchaseState.FAILED: "not bought: declined",
    PurchaseState.CANCELED: "not bought: canceled",
    PurchaseState.NEEDS_ACTION: "not bought yet: the card's owner must authenticate",
    PurchaseState.UNKNOWN: "not certain yet",
    PurchaseState.CHARGING: "not certain yet",
    PurchaseState.DUE: "not charged yet",
}


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Form:
    """What the order form asks besides the amount."""

    method: Annotated[int | None, Parameter(help="What pays: its number in `talktime payment-methods`.")] = None
    currency: Annotated[str, Parameter(help="If stated, refuse unless this is the organization's currency.")] = ""
    recharge_below: Annotated[
        str, Parameter(help="Switch auto-recharge on too: recharge when the available balance falls below this.")
    ] = ""
    recharge_with: Annotated[str, Parameter(help="And the recharge amount: what one recharge buys.")] = ""

    def wish(self) -> RechargeWish | None:
        """Return the auto-recharge that is wanted; raise Invalid for half of one."""
        if not self.recharge_below and not self.recharge_with:
            return None
        if not self.recharge_below or not self.recharge_with:
            message = "auto-recharge needs both --recharge-below and --recharge-with, such as 100 and 200"
            raise Invalid(message, code="recharge_incomplete")
        return RechargeWish(read_amount(self.recharge_below), read_amount(self.recharge_with))


EMPTY = Form()


def buy(
    amount: Annotated[
        str,
        Parameter(help="How much credit, in whole units of the organization's currency.", allow_leading_hyphen=True),
    ],
    form: Form = EMPTY,
    *,
    organization: Whose = "",
    place: Annotated[
        str, Parameter(help="Place the order, under a key of your choice: the same key again buys nothing more.")
    ] = "",
    confirm: Annotated[bool, Parameter(negative=(), help="Yes, an unusually large amount is meant.")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Show exactly what an order would do: nothing is charged before `--place`."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        order = OrderForm(
            owner.name,
            read_amount(amount),
            now(),
            form.currency,
            form.method,
            form.wish(),
            talktime.settings.buying_terms,
        )
        if not place:
            _reviewed(_accepted(talktime.run(review_order, order)), order, options)
            return 0
        placed = _accepted(talktime.run(place_order, PlaceOrder(order, place, confirm)))
        shown = charge_order(talktime.run, _gateways(talktime), placed.key, now)
        # A repeated command changes no setting: an admin may have set something else since (complaint 20).
        recharge = "" if placed.is_repeated else _set_recharge(talktime, order, shown)
    show(options, _order_document(shown, recharge, is_repeated=placed.is_repeated), lambda: _order_view(shown))
    if not options.as_json:
        _what_next(shown, order, recharge, is_repeated=placed.is_repeated)
    return 0 if shown.purchase.state in _GOOD else EXIT_NOT_CHARGED


def _accepted(answer: AnswerT | Refused) -> AnswerT:
    if isinstance(answer, Refused):
        raise Conflict(answer.message, code=answer.code)
    return answer


def _gateways(talktime: "App") -> Any:
    from talktime.bootstrap import open_gateways

    return open_gateways(talktime.settings)


# ── the review ──────────────────────────────────────────────────────────────────────────────────────────────


def _reviewed(review: Review, order: OrderForm, options: Options) -> None:
    show(options, _review_document(review), lambda: _review_view(review))
    if options.as_json:
        return
    for caution in review.cautions:
        warn(_capitalized(caution.message))
    if review.recharge is None:
        hint("Auto-recharge is off; it is recommended: add `--recharge-below 100 --recharge-with 200`")
    elif review.recharge.charges_now_micros and order.recharge is not None:
        charged = money(review.recharge.charges_now_micros, review.organization.currency)
        warn(f"The balance after this order is still below the trigger: auto-recharge would charge {charged} at once.")
    hint(f"Nothing is charged yet. Place the order: `{_command(review, order)}`")


def _command(review: Review, order: OrderForm) -> str:
    words = ["talktime", "credit", "buy", format_micros(order.amount_micros, decimals_min=0)]
    words += ["--method", str(review.method.method_id)]
    if order.recharge is not None:
        words += ["--recharge-below", format_micros(order.recharge.trigger_micros, decimals_min=0)]
        words += ["--recharge-with", format_micros(order.recharge.amount_micros, decimals_min=0)]
    words += ["--organization", shlex.quote(order.organization)]
    if review.needs_confirmation:
        words.append("--confirm")
    return " ".join([*words, "--place", uuid.uuid4().hex[:12]])


def _review_document(review: Review) -> dict[str, Any]:
    currency = review.organization.currency
    recharge = review.recharge
    return {
        "organization": review.organization.name,
        "product": COMMUNICATIONS_CREDITS.sku,
        "currency": currency,
        "amount": format_micros(review.amount_micros),
        "tax": format_micros(review.tax_micros),
        "total": format_micros(review.total_micros),
        "method": review.method.method_id,
        "method_label": review.method.label,
        "terms": review.terms,
        "expires_at": review.lot_expires_at,
        "balance": format_micros(review.balance_micros),
        "balance_after": format_micros(review.balance_after_micros),
        "needs_confirmation": review.needs_confirmation,
        "recharge": None
        if recharge is None
        else {
            "trigger": format_micros(recharge.policy.trigger_micros),
            "amount": format_micros(recharge.policy.amount_micros),
            "charges_now": format_micros(recharge.charges_now_micros),
        },
        "cautions": [{"kind": caution.kind, "message": caution.message} for caution in review.cautions],
    }


def _review_view(review: Review) -> RenderableType:
    organization, currency = review.organization, review.organization.currency
    rows: list[tuple[str, object]] = [("Credit", money(review.amount_micros, currency))]
    if review.tax_micros:
        rows.append(("Tax", money(review.tax_micros, currency)))
    is_card = review.terms is None
    total = Text(money(review.total_micros, currency), "bold")
    rows += [
        ("To be charged" if is_card else "To be invoiced", total),
        ("Paid by", review.method.label),
        ("Expires", f"{instant(review.lot_expires_at, organization.zone)}, unless spent before"),
        ("Balance", f"{money(review.balance_micros)} → {money(review.balance_after_micros, currency)}"),
    ]
    if review.recharge is not None:
        rows.append(("Auto-recharge", sentence(review.recharge.policy, currency)))
    title = heading(f"{COMMUNICATIONS_CREDITS.name} for {organization.name}", "a review: nothing is charged yet")
    return Group(title, "", facts(rows))


# ── what became of it ───────────────────────────────────────────────────────────────────────────────────────


def _set_recharge(talktime: "App", order: OrderForm, shown: OrderShown) -> str:
    """Switch auto-recharge on once the credit has come: `on`, `waits`, or empty where nobody wished that."""
    wish = order.recharge
    if wish is None:
        return ""
    if shown.purchase.state is not PurchaseState.SETTLED:
        return "waits"
    change = RechargeChange(
        is_on=True,
        trigger_micros=wish.trigger_micros,
        amount_micros=wish.amount_micros,
        method_id=shown.purchase.method_id,
    )
    request = SetRecharge(order.organization, getpass.getuser(), now(), change, terms=talktime.settings.buying_terms)
    answer = talktime.run(set_recharge, request)
    return "waits" if isinstance(answer, ConfirmationNeeded) else "on"


def _order_document(shown: OrderShown, recharge: str, *, is_repeated: bool) -> dict[str, Any]:
    purchase = shown.purchase
    return {
        "organization": shown.organization.name,
        "order": purchase.purchase_id,
        "is_repeated": is_repeated,
        "state": purchase.state,
        "currency": purchase.currency,
        "amount": format_micros(purchase.amount_micros),
        "tax": format_micros(purchase.tax_micros or 0),
        "charged": format_micros(purchase.charged_micros),
        "method": shown.method.method_id,
        "decline_code": purchase.decline_code,
        "reason": purchase.reason,
        "url": purchase.action_url,
        "next_step_at": purchase.next_step_at,
        "lot": purchase.lot_id,
        "expires_at": None if shown.lot is None else shown.lot.expires_at,
        "balance": format_micros(shown.balance_micros),
        "recharge": recharge or None,
    }


def _order_view(shown: OrderShown) -> RenderableType:
    purchase, zone = shown.purchase, shown.organization.zone
    is_good = purchase.state in _GOOD
    state = Text(_HEADLINES[purchase.state], "bold green" if is_good else "bold yellow")
    rows: list[tuple[str, object]] = [
        ("State", state),
        ("Credit", money(purchase.amount_micros, purchase.currency)),
        ("Paid by", shown.method.label),
    ]
    if purchase.tax_micros:
        rows.append(("With tax", money(purchase.charged_micros, purchase.currency)))
    if not is_good and purchase.reason:
        rows.append(("Why", purchase.reason))
    if shown.lot is not None:
        rows.append(("Expires", instant(shown.lot.expires_at, zone)))
    rows.append(("Balance", money(shown.balance_micros, purchase.currency)))
    return Group(heading(f"{purchase.purchase_id} of {shown.organization.name}"), "", facts(rows))


def _what_next(shown: OrderShown, order: OrderForm, recharge: str, *, is_repeated: bool) -> None:
    purchase = shown.purchase
    if is_repeated:
        hint("This order was placed before under its key: nothing more is bought, and no setting changed.")
    match purchase.state:
        case PurchaseState.FAILED | PurchaseState.CANCELED:
            refuse(_capitalized(remedy(purchase)))
        case PurchaseState.NEEDS_ACTION:
            where = f" at {purchase.action_url}" if purchase.action_url else ""
            warn(f"The card's owner authenticates{where}; then the credit comes by itself. Do not buy again.")
        case PurchaseState.UNKNOWN | PurchaseState.CHARGING | PurchaseState.DUE:
            warn("It is not certain whether money moved: we keep asking (`talktime worker`). Do not buy again.")
        case PurchaseState.INVOICED:
            hint(
                "Its invoice is written: `talktime invoices`. Its payment is recorded by `talktime agreements settle`."
            )
        case PurchaseState.SETTLED:
            pass
    if recharge == "on":
        hint("Auto-recharge is on: `talktime credit recharge`")
    elif recharge == "waits" and order.recharge is not None:
        below = format_micros(order.recharge.trigger_micros, decimals_min=0)
        amount = format_micros(order.recharge.amount_micros, decimals_min=0)
        setting = f"--on --below {below} --with {amount} --method {purchase.method_id}"
        hint(f"Auto-recharge is not on yet. Once the credit has come: `talktime credit recharge set {setting}`")


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
