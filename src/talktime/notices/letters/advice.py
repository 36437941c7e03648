"""Letters about how much to fund: new advice, and what has moved since the last (S45)."""

from talktime.notices.catalogs import marked
from talktime.notices.letters.recharges import SET
from talktime.notices.telling import Letter, Telling, Tone, given, rows

ADVISE = "`talktime advise`"
REASONS = {
    "spend_above": marked("For two weeks, more was spent than had been forecast."),
    "spend_below": marked("For two weeks, less was spent than had been forecast."),
    "trigger_too_low": marked("The trigger amount that is set is too low: if a card fails, calls may be refused."),
    "trigger_too_high": marked("The trigger amount that is set is higher than it needs to be: money lies idle."),
    "amount_too_low": marked("The recharge amount that is set is too low: there are more recharges than necessary."),
    "amount_too_high": marked("The recharge amount that is set is higher than it needs to be: money lies idle."),
}
# Calls may be refused before somebody reacts.
_PRESSING = frozenset({"spend_above", "trigger_too_low"})


def funding_advised(t: Telling) -> Letter:
    """There is other advice than what was last told, or what is set is far from it."""
    reason = t.text("reason")
    known = REASONS.get(reason)
    trigger, amount = t.money("trigger_micros"), t.money("amount_micros")
    return Letter(
        t.say("Advice: recharge %(amount)s below %(trigger)s", amount=amount, trigger=trigger)
        or t.say("New advice on how much to fund"),
        Tone.WARNING if reason in _PRESSING else Tone.NEUTRAL,
        given(
            t.say(known) if known else "",
            t.say("About %(amount)s a month is spent.", amount=t.money("month_micros")),
            t.say("The advised trigger amount lasts until somebody has reacted to a failed recharge."),
        ),
        rows(
            (t.say("Advised trigger amount"), trigger),
            (t.say("Advised recharge amount"), amount),
            (t.say("Weeks of usage"), t.text("weeks")),
            (t.say("Balance"), t.amount(t.event.balance_micros)),
        ),
        given(
            t.say("See why, and how it would have done so far: %(command)s", command=ADVISE),
            t.say("Set it: %(command)s", command=SET),
        ),
    )
