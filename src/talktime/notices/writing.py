"""An event becomes a mail: the letter of its kind, in a layout that people can read anywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from talktime.core.organizations import notices
from talktime.core.organizations.deliveries import Mail, Notice
from talktime.core.values.events import EventKind
from talktime.notices.catalogs import marked
from talktime.notices.letters import advice, balance, disputes, lots, purchases, recharges, reminders, reports
from talktime.notices.telling import Button, Letter, Telling, Tone, given

_LETTERS: dict[EventKind, Callable[[Telling], Letter]] = {
    EventKind.BALANCE_LOW: balance.low,
    EventKind.BALANCE_EXHAUSTED: balance.exhausted,
    EventKind.BALANCE_OVERDRAWN: balance.overdrawn,
    EventKind.CREDIT_PURCHASED: purchases.purchased,
    EventKind.PURCHASE_FAILED: purchases.purchase_failed,
    EventKind.RECHARGE_SUCCEEDED: purchases.recharged,
    EventKind.RECHARGE_FAILED: purchases.recharge_failed,
    EventKind.RECHARGE_PAUSED: recharges.paused,
    EventKind.RECHARGE_RESUMED: recharges.resumed,
    EventKind.RECHARGE_DELAYED: purchases.recharge_delayed,
    EventKind.RECHARGE_HELD_BACK: recharges.held_back,
    EventKind.RECHARGE_SET: recharges.changed,
    EventKind.AUTHENTICATION_NEEDED: purchases.authentication_needed,
    EventKind.LOT_EXPIRING: lots.expiring,
    EventKind.CREDIT_EXPIRED: lots.expired,
    EventKind.CREDIT_REFUNDED: lots.refunded,
    EventKind.CREDIT_ADJUSTED: lots.adjusted,
    EventKind.DISPUTE_OPENED: disputes.opened,
    EventKind.DISPUTE_WON: disputes.won,
    EventKind.DISPUTE_LOST: disputes.lost,
    EventKind.CARD_EXPIRING: reminders.card_expiring,
    EventKind.INVOICE_OVERDUE: reminders.invoice_overdue,
    EventKind.POOL_LOW: reminders.pool_low,
    EventKind.POOL_EXHAUSTED: reminders.pool_exhausted,
    EventKind.FUNDING_ADVISED: advice.funding_advised,
    EventKind.REPORT_READY: reports.ready,
    EventKind.REPORT_FAILED: reports.failed,
    EventKind.PAYMENT_UNEXPLAINED: reminders.unexplained,
    EventKind.NOTICE_UNDELIVERED: reminders.undelivered,
}
ROLES = {
    "global_admin": marked("global administrator"),
    "billing_admin": marked("billing administrator"),
    "license_admin": marked("license administrator"),
    "user_admin": marked("user administrator"),
    "teams_admin": marked("Teams administrator"),
    "communications_admin": marked("communications administrator"),
    "support_engineer": marked("communications support engineer"),
    "support_specialist": marked("communications support specialist"),
    "report_reader": marked("report reader"),
    "global_reader": marked("global reader"),
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes mails; `domain` makes their ids unique in the world, `portal_url` is where a button leads, if anywhere."""

    domain: str
    portal_url: str = ""

    def mail(self, notice: Notice) -> Mail:
        """Write the mail of a notice: the same notice gives the same mail."""
        telling = Telling(notice)
        letter = letter_of(telling)
        subject = _subject(telling, letter.title)
        shown = {
            "letter": letter,
            "button": letter.button or _way_in(telling, self.portal_url),
            "subject": subject,
            "organization": telling.organization,
            "footer": _footer(telling, notice.delivery.because),
            "what_to_do": telling.say("What you can do"),
            "event": telling.event,
            "language": notice.delivery.language,
            "colors": COLORS[letter.tone],
        }
        return Mail(
            f"{notice.delivery.delivery_id}@{self.domain}",
            notice.delivery.recipient,
            subject,
            _layouts().get_template("layout.txt").render(shown),
            _layouts().get_template("layout.html").render(shown),
            notice.delivery.language,
            notice.event.occurred_at,
        )


# The bar, the background of the title and the text on it, on light and on dark screens: contrast 4.5 : 1 or more.
COLORS = {
    Tone.GOOD: {"bar": "#1a7f4b", "paper": "#e8f5ee", "ink": "#115c36", "dark_paper": "#12291d", "dark_ink": "#7fd6a6"},
    Tone.NEUTRAL: {
        "bar": "#2f5fd0",
        "paper": "#eaf0fc",
        "ink": "#234a9f",
        "dark_paper": "#141f38",
        "dark_ink": "#a5c0fa",
    },
    Tone.WARNING: {
        "bar": "#c77700",
        "paper": "#fdf3e0",
        "ink": "#7d4b00",
        "dark_paper": "#2e2210",
        "dark_ink": "#f4c06b",
    },
    Tone.BAD: {"bar": "#c62f2f", "paper": "#fcebeb", "ink": "#982020", "dark_paper": "#331717", "dark_ink": "#f7a3a3"},
}


def letter_of(telling: Telling) -> Letter:
    """Return the letter of the event's kind."""
    return _LETTERS[telling.event.kind](telling)


def title_of(notice: Notice) -> str:
    """Return what happened, in one line."""
    return letter_of(Telling(notice)).title


def _subject(t: Telling, title: str) -> str:
    return t.say(
        "%(title)s: Communications Credits, %(organization)s", title=title, organization=t.organization
    ) or t.say("%(title)s: Communications Credits", title=title)


def _way_in(t: Telling, portal_url: str) -> Button | None:
    url = t.url() or portal_url
    return Button(t.say("Open Talktime"), url) if url else None


def _footer(t: Telling, because: str) -> tuple[str, ...]:
    """Say why this reader gets the mail, and how that is changed."""
    if because == notices.OPERATOR:
        return (t.say("You get this mail because you run this installation of Talktime."),)
    role = because.removeprefix(notices.ROLE_PREFIX)
    if because == notices.DEFAULT:
        why = t.say(
            "You get this mail as global or billing administrator of %(organization)s.", organization=t.organization
        )
    elif role in ROLES:
        why = t.say(
            "You get this mail as %(role)s of %(organization)s.", role=t.say(ROLES[role]), organization=t.organization
        )
    else:
        why = t.say(
            "You get this mail because this address was entered for %(organization)s.", organization=t.organization
        )
    return given(why, t.say("Who is told of what: %(command)s", command="`talktime notifications`"))


@cache
def _layouts() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "layouts"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["with_code"] = _with_code
    return environment


def _with_code(text: str) -> Markup:
    """Return HTML in which what stands in backquotes looks like a command."""
    pieces: list[Any] = text.split("`")
    return Markup("").join(
        Markup('<code class="code">{}</code>').format(piece) if index % 2 else escape(piece)
        for index, piece in enumerate(pieces)
    )
