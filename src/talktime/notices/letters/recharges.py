"""Letters about automatic recharge itself: changed, paused, resumed, held back (money.md 7, 16 to 20, 28)."""

from talktime.notices.catalogs import marked
from talktime.notices.letters.balance import BUY, calls_go_on
from talktime.notices.letters.declines import why_declined
from talktime.notices.letters.purchases import ADD_METHOD, SHOW_RECHARGE
from talktime.notices.telling import Letter, Telling, Tone, given, rows

RESUME = "`talktime credit recharge resume`"
SET = "`talktime credit recharge set`"
PAUSE_REASONS = {
    "card_declined": marked("The card was declined for good."),
    "authentication_needed": marked("The bank wants the owner of the card to confirm a payment."),
    "method_unusable": marked("There is no payment method that can be used."),
    "charge_ambiguous": marked("It could not be found out whether a payment succeeded; somebody must look at it."),
    "too_many": marked("There were unusually many recharges within a day: that may be fraud."),
    "card_disputed": marked("A payment with the card is disputed at its bank."),
    "by_admin": marked("An administrator paused it."),
    "restored": marked("The database was restored from a backup; first it is compared with the payment service."),
    "organization_closed": marked("The organization was closed."),
}
HOLD_BACK_REASONS = {
    "day_cap": marked("One more recharge would exceed the limit that you set for a day."),
    "month_cap": marked("One more recharge would exceed the limit that you set for a month."),
    "burst": marked("There were as many recharges as are permitted within an hour."),
}
RESUME_REASONS = {
    "payment_settled": marked("A payment succeeded."),
    "method_replaced": marked("The payment method was replaced."),
}
GIVEN_REASON = marked("The reason given: %(reason)s")
# These end as soon as there is another way to pay.
_ANOTHER_CARD_HELPS = frozenset({"card_declined", "authentication_needed", "method_unusable", "card_disputed"})


def paused(t: Telling) -> Letter:
    """Nothing is recharged until somebody does something."""
    reason = t.text("reason")
    known = PAUSE_REASONS.get(reason)
    is_card = reason in _ANOTHER_CARD_HELPS
    return Letter(
        t.say("Automatic recharge is paused"),
        Tone.BAD,
        given(
            t.say(known) if known else why_declined(t) if t.text("code") else t.say(GIVEN_REASON, reason=reason),
            t.say("Nothing is bought automatically until it is resumed."),
            calls_go_on(t),
        ),
        _settings(t),
        given(
            t.say("Add another card; then it resumes by itself: %(command)s", command=ADD_METHOD) if is_card else "",
            t.say("Resume it: %(command)s", command=RESUME),
            t.say("Or buy credit by hand: %(command)s", command=BUY),
        ),
    )


def resumed(t: Telling) -> Letter:
    """Recharges are made again."""
    known = RESUME_REASONS.get(t.text("reason"))
    return Letter(
        t.say("Automatic recharge works again"),
        Tone.GOOD,
        given(
            t.say(known) if known else "",
            t.say("%(who)s resumed it.", who=t.text("by")),
            _rule(t) or t.say("When the balance falls below the trigger amount, credit is bought automatically."),
        ),
        _settings(t),
        given(t.say("See its settings: %(command)s", command=SHOW_RECHARGE)),
    )


def held_back(t: Telling) -> Letter:
    """A recharge that is due waits."""
    amount = t.money("amount_micros")
    known = HOLD_BACK_REASONS.get(t.text("reason"))
    title = t.say("Recharge of %(amount)s is held back", amount=amount) or t.say("A recharge is held back")
    return Letter(
        title,
        Tone.WARNING,
        given(
            t.say("The balance is below the trigger amount, but nothing is bought for now."),
            t.say(known) if known else "",
            t.say("It is decided again on %(moment)s.", moment=t.moment("until_at")),
            calls_go_on(t),
        ),
        rows(
            (t.say("Available"), t.money("available_micros")),
            (t.say("Trigger amount"), t.money("trigger_micros")),
            (t.say("Recharge amount"), amount),
            (t.say("Balance"), t.amount(t.event.balance_micros)),
        ),
        given(
            t.say("Raise the limit: %(command)s", command=SET),
            t.say("Or buy credit by hand: %(command)s", command=BUY),
        ),
    )


def changed(t: Telling) -> Letter:
    """Somebody changed the settings; nobody may find out by a charge."""
    is_on = t.became("is_on")
    titles = {
        "True": t.say("Automatic recharge was turned on"),
        "False": t.say("Automatic recharge was turned off"),
    }
    sentences = {
        "True": t.say("When the balance falls below the trigger amount, credit is bought automatically."),
        "False": t.say(
            "Nothing is bought automatically any more. When the balance is used up, calls that need credit stop."
        ),
    }
    return Letter(
        titles.get(is_on) or t.say("The settings of automatic recharge were changed"),
        Tone.NEUTRAL,
        given(sentences.get(is_on, ""), t.say("%(who)s changed it.", who=t.text("by"))),
        rows(
            (t.say("Trigger amount"), t.change("trigger_micros")),
            (t.say("Recharge amount"), t.change("amount_micros")),
            (t.say("Limit for a day"), t.change("cap_per_day_micros")),
            (t.say("Limit for a month"), t.change("cap_per_month_micros")),
            (t.say("Recharges in an hour at most"), t.change("recharges_per_hour")),
            (t.say("Recharges in a day at most"), t.change("recharges_per_day")),
            (t.say("Balance"), t.amount(t.event.balance_micros)),
        ),
        given(
            t.say("See its settings: %(command)s", command=SHOW_RECHARGE),
            t.say("If that was a mistake, change it back: %(command)s", command=SET),
        ),
    )


def _rule(t: Telling) -> str:
    amount, trigger = t.money("amount_micros"), t.money("trigger_micros")
    return t.say(
        "When the available balance falls below %(trigger)s, %(amount)s of credit are bought with %(method)s.",
        trigger=trigger,
        amount=amount,
        method=t.text("method"),
    ) or t.say(
        "When the available balance falls below %(trigger)s, %(amount)s of credit are bought automatically.",
        trigger=trigger,
        amount=amount,
    )


def _settings(t: Telling) -> tuple[tuple[str, str], ...]:
    return rows(
        (t.say("Trigger amount"), t.money("trigger_micros")),
        (t.say("Recharge amount"), t.money("amount_micros")),
        (t.say("Payment method"), t.text("method")),
        (t.say("Balance"), t.amount(t.event.balance_micros)),
        (t.say("Purchase"), t.text("purchase")),
    )
