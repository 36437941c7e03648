"""Letters about credit that was bought, or could not be: by order or by recharge (S47, S48)."""

from talktime.notices.catalogs import marked
from talktime.notices.letters.balance import BUY, calls_go_on
from talktime.notices.letters.declines import why_declined
from talktime.notices.telling import Button, Letter, Telling, Tone, given, rows

SHOW_LOTS = "`talktime credit lots`"
SHOW_INVOICES = "`talktime invoices`"
SHOW_RECHARGE = "`talktime credit recharge show`"
ADD_METHOD = "`talktime payment-methods add-card`"
CONSEQUENCES = {
    "paused": marked("Automatic recharge is paused until there is another way to pay, or you resume it."),
    "fallback": marked("From now on the other payment method that you named pays instead."),
}


def purchased(t: Telling) -> Letter:
    """Somebody bought credit."""
    amount = t.money("amount_micros")
    title = t.say("%(amount)s of credit bought", amount=amount) or t.say("Credit bought")
    return Letter(title, Tone.GOOD, _what_was_added(t), _bought(t), _look(t))


def recharged(t: Telling) -> Letter:
    """The trigger bought credit."""
    amount = t.money("amount_micros")
    title = t.say("Recharge of %(amount)s succeeded", amount=amount) or t.say("The recharge succeeded")
    because = t.say(
        "The available balance had fallen below %(trigger)s, the amount at which you chose to recharge.",
        trigger=t.money("trigger_micros"),
    )
    paragraphs = given(*_what_was_added(t), because, t.say("You need not do anything."))
    return Letter(title, Tone.GOOD, paragraphs, _bought(t), _look(t))


def purchase_failed(t: Telling) -> Letter:
    """An order was not paid."""
    amount = t.money("amount_micros")
    title = t.say("Purchase of %(amount)s failed", amount=amount) or t.say("The purchase failed")
    return Letter(
        title,
        Tone.BAD,
        given(why_declined(t), t.say("No money was taken and no credit was added.")),
        _tried(t),
        given(
            t.say("Pay in another way: %(command)s", command=ADD_METHOD),
            t.say("Then order again: %(command)s", command=BUY),
        ),
    )


def recharge_failed(t: Telling) -> Letter:
    """A recharge was not paid; told at the first decline already, and in the same mail what follows from it."""
    amount, moment = t.money("amount_micros"), t.moment("next_attempt_at")
    title = t.say("Recharge of %(amount)s failed", amount=amount) or t.say("The recharge failed")
    consequence = CONSEQUENCES.get(t.text("consequence"))
    return Letter(
        title,
        Tone.BAD,
        given(
            why_declined(t),
            t.say("No money was taken and no credit was added."),
            t.say("It is tried again on %(moment)s.", moment=moment),
            t.say(consequence) if consequence else "",
            calls_go_on(t),
        ),
        (*_tried(t), *rows((t.say("Attempt"), _attempt(t)), (t.say("Next attempt"), moment))),
        given(
            t.say("Replace the card or pay in another way: %(command)s", command=ADD_METHOD),
            t.say("Or buy credit by hand: %(command)s", command=BUY),
        ),
    )


def recharge_delayed(t: Telling) -> Letter:
    """Nobody knows yet whether money moved, or the gateway is out."""
    amount = t.money("amount_micros")
    title = t.say("Recharge of %(amount)s is delayed", amount=amount) or t.say("A recharge is delayed")
    return Letter(
        title,
        Tone.WARNING,
        given(
            t.say("The payment service does not say whether the payment succeeded."),
            t.say("We keep asking until it is certain. Whatever the answer is, the amount is charged once at most."),
            calls_go_on(t),
        ),
        (*_tried(t), *rows((t.say("Asked again"), t.moment("next_attempt_at")))),
        given(
            t.say("See how it stands: %(command)s", command=SHOW_RECHARGE),
            t.say("If the balance does not last that long, buy credit by hand: %(command)s", command=BUY),
        ),
    )


def authentication_needed(t: Telling) -> Letter:
    """The bank wants the card's owner to confirm."""
    amount, url = t.money("amount_micros"), t.url()
    title = t.say("Please confirm the payment of %(amount)s", amount=amount) or t.say("Please confirm a payment")
    return Letter(
        title,
        Tone.BAD,
        given(
            t.say(
                "The bank of %(method)s wants the owner of the card to confirm this payment.", method=t.text("method")
            )
            or t.say("The bank wants the owner of the card to confirm this payment."),
            t.say("Until then no money is taken, no credit is added, and nothing is recharged automatically."),
            calls_go_on(t),
        ),
        _tried(t),
        given(
            t.say("Confirm it on the bank's page, which the button opens.") if url else "",
            t.say("Or pay in another way: %(command)s", command=ADD_METHOD),
        ),
        Button(t.say("Confirm the payment"), url) if url else None,
    )


def _what_was_added(t: Telling) -> tuple[str, ...]:
    amount = t.money("amount_micros")
    return given(
        t.say(
            "%(amount)s of Communications Credits were added to the balance of %(organization)s.",
            amount=amount,
            organization=t.organization,
        )
        or t.say("Communications Credits were added to the balance of %(organization)s.", organization=t.organization),
        t.say("%(amount)s of it repaid calls that no credit had covered.", amount=_if_any(t, "repaid_micros")),
    )


def _bought(t: Telling) -> tuple[tuple[str, str], ...]:
    amount_micros, tax_micros = t.number("amount_micros"), t.number("tax_micros") or 0
    charged = "" if amount_micros is None or not tax_micros else t.amount(amount_micros + tax_micros)
    return rows(
        (t.say("Credit"), t.money("amount_micros")),
        (t.say("Tax"), _if_any(t, "tax_micros")),
        (t.say("Charged"), charged),
        (t.say("Paid with"), t.text("method")),
        (t.say("Invoice"), t.text("invoice")),
        (t.say("Expires"), t.moment("expires_at")),
        (t.say("Balance"), t.amount(t.event.balance_micros)),
        (t.say("Purchase"), t.text("purchase")),
    )


def _tried(t: Telling) -> tuple[tuple[str, str], ...]:
    return rows(
        (t.say("Amount"), t.money("amount_micros")),
        (t.say("Payment method"), t.text("method")),
        (t.say("Balance"), t.amount(t.event.balance_micros)),
        (t.say("Purchase"), t.text("purchase")),
    )


def _look(t: Telling) -> tuple[str, ...]:
    return given(
        t.say("See all credit and when it expires: %(command)s", command=SHOW_LOTS),
        t.say("Invoices: %(command)s", command=SHOW_INVOICES) if t.text("invoice") else "",
    )


def _attempt(t: Telling) -> str:
    number, most = t.text("attempt"), t.text("attempts_max")
    return t.say("%(number)s of %(most)s", number=number, most=most) or number


def _if_any(t: Telling, name: str) -> str:
    return t.money(name) if t.number(name) else ""
