"""Letters about credit that expires, is given back or is corrected (S34, money.md 44 and 48)."""

from talktime.notices.letters.purchases import SHOW_LOTS
from talktime.notices.telling import Letter, Telling, Tone, given, rows


def expiring(t: Telling) -> Letter:
    """Credit will be lost unless it is used."""
    amount, days, moment = t.money("amount_micros"), t.number("days"), t.moment("expires_at")
    title = (
        t.count(
            "%(amount)s of credit expires in %(number)s day",
            "%(amount)s of credit expires in %(number)s days",
            days,
            amount=amount,
        )
        or t.say("%(amount)s of credit expires soon", amount=amount)
        or t.say("Credit expires soon")
    )
    return Letter(
        title,
        Tone.WARNING,
        given(
            t.say("Credit that is not used within twelve months is lost: it is not refunded."),
            t.say("What is left expires on %(moment)s.", moment=moment),
            t.say("Calls use the credit that expires first, so the more calls are made, the less is lost."),
        ),
        rows(
            (t.say("Would be lost"), amount),
            (t.say("Expires"), moment),
            (t.say("Lot"), t.text("lot")),
            (t.say("Balance"), t.amount(t.event.balance_micros)),
        ),
        given(t.say("See all credit and when it expires: %(command)s", command=SHOW_LOTS)),
    )


def expired(t: Telling) -> Letter:
    """Credit was lost."""
    amount = t.money("amount_micros")
    return Letter(
        t.say("%(amount)s of credit expired", amount=amount) or t.say("Credit expired"),
        Tone.NEUTRAL,
        given(
            t.say("Credit that is not used within twelve months is lost: it is not refunded."),
            t.say("Calls that had reserved credit before it expired may still use it."),
        ),
        rows(
            (t.say("Lost"), amount),
            (t.say("Expired"), t.moment("expires_at")),
            (t.say("Lot"), t.text("lot")),
            (t.say("Balance"), t.amount(t.event.balance_micros)),
        ),
        given(t.say("See all credit and when it expires: %(command)s", command=SHOW_LOTS)),
    )


def refunded(t: Telling) -> Letter:
    """What was not used was given back."""
    amount = t.money("amount_micros")
    return Letter(
        t.say("%(amount)s refunded", amount=amount) or t.say("Credit refunded"),
        Tone.NEUTRAL,
        given(
            t.say("Credit that was not used was taken from the balance and its price is given back."),
            t.say("It is given back to %(method)s; banks take a few days for that.", method=t.text("method")),
        ),
        rows(
            (t.say("Refunded"), amount),
            (t.say("Tax"), t.money("tax_micros") if t.number("tax_micros") else ""),
            (t.say("Paid with"), t.text("method")),
            (t.say("Credit note"), t.text("credit_note")),
            (t.say("Invoice"), t.text("invoice")),
            (t.say("Balance"), t.amount(t.event.balance_micros)),
        ),
        given(t.say("See all credit and when it expires: %(command)s", command=SHOW_LOTS)),
    )


def adjusted(t: Telling) -> Letter:
    """An operator corrected the balance."""
    amount_micros = t.number("amount_micros")
    is_less = amount_micros is not None and amount_micros < 0
    amount = "" if amount_micros is None else t.amount(abs(amount_micros))
    title = (
        t.say("%(amount)s of credit was taken from the balance", amount=amount)
        if is_less
        else t.say("%(amount)s of credit was added to the balance", amount=amount)
    )
    return Letter(
        title or t.say("The balance was corrected"),
        Tone.NEUTRAL,
        given(
            t.say("A refund could not be paid out, so its credit is in the balance again.")
            if t.text("refund")
            else t.say(
                "The operator of this service corrected the balance of %(organization)s.", organization=t.organization
            ),
            t.say("The reason given: %(reason)s", reason=t.text("reason")),
        ),
        rows(
            (t.say("Amount"), t.money("amount_micros")),
            (t.say("Changed by"), t.text("by")),
            (t.say("Lot"), t.text("lot")),
            (t.say("Balance"), t.amount(t.event.balance_micros)),
        ),
        given(t.say("See all credit and when it expires: %(command)s", command=SHOW_LOTS)),
    )
