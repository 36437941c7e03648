"""Letters about payments that their bank disputes (money.md 46)."""

from talktime.notices.letters.purchases import ADD_METHOD, SHOW_LOTS
from talktime.notices.telling import Letter, Telling, Tone, given, rows


def opened(t: Telling) -> Letter:
    """The bank took the money back for the time being."""
    amount = t.money("amount_micros")
    title = t.say("A payment of %(amount)s is disputed", amount=amount) or t.say("A payment is disputed")
    return Letter(
        title,
        Tone.BAD,
        given(
            t.say("The bank of the card has questioned this payment and has taken the money back for now."),
            t.say(
                "%(amount)s of this credit was not used yet and cannot be used until the dispute is decided.",
                amount=t.money("taken_back_micros"),
            ),
            t.say(
                "%(amount)s of it was used already and is owed: the next credit repays it first.",
                amount=t.money("shortfall_micros") if t.number("shortfall_micros") else "",
            ),
            t.say("Nothing is recharged with this card any more."),
        ),
        _facts(t),
        given(
            t.say("If you did not mean to dispute it, ask the bank to withdraw the dispute."),
            t.say("Pay in another way: %(command)s", command=ADD_METHOD),
        ),
    )


def won(t: Telling) -> Letter:
    """The money is ours again, and the credit theirs."""
    amount = t.money("amount_micros")
    return Letter(
        t.say("The dispute of %(amount)s is settled: the credit is back", amount=amount)
        or t.say("The dispute is settled: the credit is back"),
        Tone.GOOD,
        given(t.say("The bank has confirmed the payment. Everything is as it was before the dispute.")),
        _facts(t),
        given(t.say("See all credit and when it expires: %(command)s", command=SHOW_LOTS)),
    )


def lost(t: Telling) -> Letter:
    """The bank keeps the money."""
    amount = t.money("amount_micros")
    return Letter(
        t.say("The dispute of %(amount)s is decided: the credit is gone", amount=amount)
        or t.say("The dispute is decided: the credit is gone"),
        Tone.WARNING,
        given(
            t.say(
                "The bank has given the payment back to the owner of the card, so its credit is taken from the balance."
            )
        ),
        _facts(t),
        given(t.say("Pay in another way: %(command)s", command=ADD_METHOD)),
    )


def _facts(t: Telling) -> tuple[tuple[str, str], ...]:
    return rows(
        (t.say("Payment"), t.money("amount_micros")),
        (t.say("Fee"), t.money("fee_micros") if t.number("fee_micros") else ""),
        (t.say("Paid with"), t.text("method")),
        (t.say("Purchase"), t.text("purchase")),
        (t.say("Lot"), t.text("lot")),
        (t.say("Balance"), t.amount(t.event.balance_micros)),
    )
