"""Letters about the balance: low, used up, below zero (D1, S49)."""

from talktime.notices.telling import Letter, Telling, Tone, given, rows

BUY = "`talktime credit buy`"
SHOW_RECHARGE = "`talktime credit recharge show`"
SHOW_BALANCE = "`talktime credit balance`"


def low(t: Telling) -> Letter:
    """The available balance fell below a threshold that an admin set."""
    threshold, available = t.money("threshold_micros"), t.money("available_micros")
    return Letter(
        t.say("The balance fell below %(threshold)s", threshold=threshold) or t.say("The balance is low"),
        Tone.WARNING,
        given(
            t.say(
                "%(available)s of Communications Credits are available to new calls of %(organization)s.",
                available=available,
                organization=t.organization,
            ),
            t.say(
                "You are told when less than %(threshold)s is available; again only after the balance has recovered.",
                threshold=threshold,
            ),
            calls_go_on(t),
        ),
        rows(
            (t.say("Available"), available),
            (t.say("Threshold"), threshold),
            (t.say("Balance"), t.amount(t.event.balance_micros)),
        ),
        given(
            t.say("Buy credit: %(command)s", command=BUY),
            t.say("See whether credit is recharged automatically: %(command)s", command=SHOW_RECHARGE),
        ),
    )


def calls_go_on(t: Telling) -> str:
    """Say how it stands with calls: never that they go on while they do not."""
    if t.event.balance_micros > 0:
        return t.say("Calls go on until the balance is used up.")
    return t.say("Calls that need credit are refused until credit is added.")


def exhausted(t: Telling) -> Letter:
    """No credit is left that a call could use."""
    return Letter(
        t.say("The credit is used up"),
        Tone.BAD,
        given(
            t.say("%(organization)s has no Communications Credits left.", organization=t.organization),
            t.say(
                "Calls that need credit are refused now, and calls in progress end when the time granted to them is"
                " over: calls to toll-free numbers, international calls, and minutes beyond those of the plans."
            ),
            t.say("Included minutes, calls to the users' own numbers and emergency calls go on."),
        ),
        rows(
            (t.say("Balance"), t.amount(t.event.balance_micros)),
            (t.say("Available"), t.money("available_micros")),
        ),
        given(
            t.say("Buy credit; calls work again at once: %(command)s", command=BUY),
            t.say("See whether credit is recharged automatically: %(command)s", command=SHOW_RECHARGE),
        ),
    )


def overdrawn(t: Telling) -> Letter:
    """Calls cost more than there was."""
    owed = t.amount(-t.event.balance_micros) if t.event.balance_micros < 0 else ""
    return Letter(
        t.say("The balance is %(owed)s below zero", owed=owed) or t.say("The balance is below zero"),
        Tone.BAD,
        given(
            t.say(
                "Calls that were in progress cost more than the credit that %(organization)s had left.",
                organization=t.organization,
            ),
            t.say("The next credit you buy repays %(owed)s first; the rest can be used for calls.", owed=owed),
        ),
        rows((t.say("Balance"), t.amount(t.event.balance_micros)), (t.say("Owed"), owed)),
        given(
            t.say("Buy credit: %(command)s", command=BUY),
            t.say("See what was spent: %(command)s", command=SHOW_BALANCE),
        ),
    )
