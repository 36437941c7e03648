"""Letters about what will need somebody soon: cards, invoices, included minutes, and what we could not tell others."""

from babel import Locale

from talktime.core.calls.counting.pools import DOMESTIC, INTERNATIONAL
from talktime.core.organizations.licensing.products import known_as, product_of
from talktime.notices.catalogs import marked
from talktime.notices.letters.balance import BUY
from talktime.notices.letters.purchases import ADD_METHOD, SHOW_INVOICES
from talktime.notices.telling import Letter, Telling, Tone, given, rows

SHOW_LOG = "`talktime notifications log`"
# The kinds of which somebody must be told, in words.
TOLD = {
    "balance_exhausted": marked("the credit is used up"),
    "recharge_failed": marked("a recharge failed"),
    "recharge_paused": marked("automatic recharge is paused"),
    "authentication_needed": marked("a payment must be confirmed"),
}


def card_expiring(t: Telling) -> Letter:
    """Soon recharges will fail."""
    method, on, days = t.text("method"), t.day("expires_on"), t.number("days")
    title = (
        t.count("%(method)s expires in %(number)s day", "%(method)s expires in %(number)s days", days, method=method)
        or t.say("%(method)s expires soon", method=method)
        or t.say("A card expires soon")
    )
    return Letter(
        title,
        Tone.WARNING,
        given(
            t.say("It can be charged until %(day)s. After that, recharges with it fail.", day=on)
            or t.say("Once it has expired, recharges with it fail.")
        ),
        rows((t.say("Payment method"), method), (t.say("Last day"), on)),
        given(t.say("Add the new card now: %(command)s", command=ADD_METHOD)),
    )


def invoice_overdue(t: Telling) -> Letter:
    """An agreement's invoice, or one of overage, was not paid."""
    invoice, amount = t.text("invoice"), t.money("amount_micros")
    return Letter(
        t.say("Invoice %(invoice)s is overdue", invoice=invoice) or t.say("An invoice is overdue"),
        Tone.BAD,
        given(
            t.say("We have received no payment of it. It was due on %(day)s.", day=t.day("due_on"))
            or t.say("We have received no payment of it."),
            # An invoice of what was used before names no agreement, and nothing is stopped.
            t.text("agreement")
            and t.say(
                "The credit it paid for stays for now; more cannot be bought under the agreement until it is paid."
            ),
        ),
        rows(
            (t.say("Invoice"), invoice),
            (t.say("Amount"), amount),
            (t.say("Due"), t.day("due_on")),
            (t.say("Agreement"), t.text("agreement")),
        ),
        given(
            t.say("See the invoice: %(command)s", command=SHOW_INVOICES),
            t.say("If it was paid in the last days, you need not do anything."),
        ),
    )


def pool_low(t: Telling) -> Letter:
    """Most of the month's included minutes are used."""
    percent = t.text("percent")
    return Letter(
        t.say("%(percent)s%% of the included minutes are used", percent=percent)
        or t.say("Most of the included minutes are used"),
        Tone.WARNING,
        given(
            _pool(t),
            t.say("When they are used up, calls are paid from Communications Credits where users may use them."),
        ),
        _pool_facts(t),
        given(t.say("Make sure there is enough credit: %(command)s", command=BUY)),
    )


def pool_exhausted(t: Telling) -> Letter:
    """The month's included minutes are used up."""
    return Letter(
        t.say("The included minutes are used up"),
        Tone.BAD,
        given(
            _pool(t),
            t.say("Until they are renewed, calls are paid from Communications Credits where users may use them."),
        ),
        _pool_facts(t),
        given(t.say("Make sure there is enough credit: %(command)s", command=BUY)),
    )


def unexplained(t: Telling) -> Letter:
    """A gateway tells of money that no purchase explains; for the operator."""
    amount = t.money("amount_micros")
    return Letter(
        t.say("A payment of %(amount)s belongs to no purchase", amount=amount)
        or t.say("A payment belongs to no purchase"),
        Tone.WARNING,
        given(
            t.say("%(gateway)s reports money that none of our purchases explains.", gateway=t.text("gateway"))
            or t.say("The payment service reports money that none of our purchases explains."),
            t.say("It was kept and booked nowhere: %(reason)s", reason=t.text("reason"))
            or t.say("It was kept and booked nowhere."),
        ),
        rows(
            (t.say("Amount"), amount),
            (t.say("Payment service"), t.text("gateway")),
            (t.say("Charge"), t.text("charge")),
            (t.say("Organization"), t.organization),
        ),
        given(t.say("Look the charge up at the payment service, then refund it there or credit it by hand.")),
    )


def undelivered(t: Telling) -> Letter:
    """Somebody else could not be told of what cannot wait."""
    recipient = t.text("recipient")
    told = TOLD.get(t.text("told"))
    return Letter(
        t.say("%(recipient)s could not be told", recipient=recipient) or t.say("Somebody could not be told"),
        Tone.WARNING,
        given(
            t.say(
                "We wanted to tell %(recipient)s about %(organization)s: %(told)s.",
                recipient=recipient,
                organization=t.organization,
                told=t.say(told) if told else "",
            ),
            t.say("The mail could not be delivered: %(reason)s", reason=t.text("reason"))
            or t.say("The mail could not be delivered."),
        ),
        rows((t.say("Balance"), t.amount(t.event.balance_micros))),
        given(
            t.say("Correct the address or name somebody else: %(command)s", command="`talktime notifications`"),
            t.say("What was sent to whom: %(command)s", command=SHOW_LOG),
        ),
    )


def _pool(t: Telling) -> str:
    return t.say(
        "%(used)s of %(total)s minutes of this month are used.",
        used=t.text("used_minutes"),
        total=t.text("total_minutes"),
    )


def _pool_facts(t: Telling) -> tuple[tuple[str, str], ...]:
    return rows(
        (t.say("Plan"), _plan(t.text("plan"))),
        (t.say("Country"), _country(t.text("country"), t.locale)),
        (t.say("Minutes for"), _counter(t)),
        (t.say("Minutes used"), t.text("used_minutes")),
        (t.say("Minutes included"), t.text("total_minutes")),
        (t.say("Renewed"), t.day("renews_on")),
        (t.say("Balance"), t.amount(t.event.balance_micros)),
    )


def _plan(capability: str) -> str:
    """Return the plan as it is sold; events name it as usage reports do."""
    license_ = known_as(capability)
    return capability if license_ is None else product_of(license_).name


def _counter(t: Telling) -> str:
    """Say which calls the minutes are for; a plan that is not pooled counts each user's own."""
    counter = t.text("counter")
    if counter == DOMESTIC:
        return t.say("calls within the country")
    if counter == INTERNATIONAL:
        return t.say("calls to other countries")
    return t.say("calls of user %(user)s alone", user=counter) if counter.isdecimal() else ""


def _country(code: str, locale: Locale) -> str:
    return str(locale.territories.get(code, code))
