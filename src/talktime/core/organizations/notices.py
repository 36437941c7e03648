"""Who is told of what, by which channel and in which language (domain.md 1.6); what an event must say to be told well.

Emitters of events: give the details that `DETAILS` names for the kind, as text. Amounts end in `_micros` (whole micros
of `currency`), instants in `_at` (ISO 8601 with an offset), days in `_on` (ISO 8601), counts are digits. Every one of
them may be missing: the sentence that needs it is left out. `currency` and `url` (where to go) belong to every kind.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from talktime.core.organizations.languages import language_of
from talktime.core.organizations.users import Role, User
from talktime.core.values.errors import Invalid
from talktime.core.values.events import Event, EventKind
from talktime.core.values.frozen import frozen

_PAID = ("amount_micros", "tax_micros", "method", "invoice", "purchase", "lot", "expires_at", "repaid_micros")
# `plan` as usage reports name it (MCOPSTN1); `counter` is domestic, international, or the number of whose minutes.
_POOL = ("country", "plan", "counter", "used_minutes", "total_minutes", "percent", "renews_on")
DETAILS: dict[EventKind, tuple[str, ...]] = {
    EventKind.BALANCE_LOW: ("threshold_micros", "available_micros"),
    EventKind.BALANCE_EXHAUSTED: ("available_micros",),
    EventKind.BALANCE_OVERDRAWN: (),
    EventKind.CREDIT_PURCHASED: _PAID,
    EventKind.PURCHASE_FAILED: ("amount_micros", "method", "code", "reason", "purchase"),
    EventKind.RECHARGE_SUCCEEDED: (*_PAID, "trigger_micros"),
    # `code` as gateways say it (`expired_card`), `reason` in plain words where we have none for the code; `consequence`
    # is `paused` (this one mail tells both) or `fallback`.
    EventKind.RECHARGE_FAILED: (
        "amount_micros",
        "method",
        "code",
        "reason",
        "consequence",
        "attempt",
        "attempts_max",
        "next_attempt_at",
        "purchase",
    ),
    # `reason` is a value of PauseReason, or plain words.
    EventKind.RECHARGE_PAUSED: ("reason", "amount_micros", "method", "code", "purchase"),
    # `reason` is `payment_settled` or `method_replaced`; `by` names who resumed it.
    EventKind.RECHARGE_RESUMED: ("reason", "amount_micros", "trigger_micros", "method", "by"),
    EventKind.RECHARGE_DELAYED: ("amount_micros", "method", "reason", "next_attempt_at", "purchase"),
    # `reason` is a value of HoldBackReason.
    EventKind.RECHARGE_HELD_BACK: ("reason", "until_at", "amount_micros", "trigger_micros", "available_micros"),
    # Fields of RechargePolicy that changed, as `before → after`; `by` names who changed them.
    EventKind.RECHARGE_SET: (
        "is_on",
        "trigger_micros",
        "amount_micros",
        "cap_per_day_micros",
        "cap_per_month_micros",
        "recharges_per_hour",
        "recharges_per_day",
        "by",
    ),
    # `url` is where the card's owner authenticates.
    EventKind.AUTHENTICATION_NEEDED: ("amount_micros", "method", "purchase"),
    # `amount_micros` is what would be lost.
    EventKind.LOT_EXPIRING: ("lot", "amount_micros", "expires_at", "days"),
    EventKind.CREDIT_EXPIRED: ("lot", "amount_micros", "expires_at"),
    EventKind.CREDIT_REFUNDED: ("amount_micros", "tax_micros", "method", "invoice", "credit_note", "lot"),
    # Less than zero where credit was taken away; `refund` where one could not be paid out.
    EventKind.CREDIT_ADJUSTED: ("amount_micros", "reason", "by", "lot", "refund"),
    EventKind.DISPUTE_OPENED: ("amount_micros", "method", "purchase", "lot", "taken_back_micros", "shortfall_micros"),
    EventKind.DISPUTE_WON: ("amount_micros", "method", "purchase", "lot"),
    EventKind.DISPUTE_LOST: ("amount_micros", "method", "purchase", "lot", "fee_micros"),
    EventKind.CARD_EXPIRING: ("method", "expires_on", "days"),
    EventKind.INVOICE_OVERDUE: ("invoice", "amount_micros", "due_on", "agreement"),
    EventKind.POOL_LOW: _POOL,
    EventKind.POOL_EXHAUSTED: _POOL,
    # `month_micros` is what a month costs, `weeks` how many it is known from; `reason` a value of Drift or `monthly`.
    EventKind.FUNDING_ADVISED: ("trigger_micros", "amount_micros", "month_micros", "weeks", "reason"),
    # Of a report that a schedule sends, `file` being small enough to go along, or not.
    EventKind.REPORT_READY: (
        "starts_on",
        "last_on",
        "file",
        "rows",
        "bytes",
        "complete_until_at",
        "kept_until_at",
        "export",
        "schedule",
    ),
    EventKind.REPORT_FAILED: ("starts_on", "last_on", "reason", "export", "schedule"),
    EventKind.PAYMENT_UNEXPLAINED: ("gateway", "charge", "amount_micros", "reason"),
    # `told` is the kind of the event, `recipient` who did not get it, `reason` why.
    EventKind.NOTICE_UNDELIVERED: ("told", "recipient", "reason"),
}

# Calls stop, or will: nobody may turn these off, and whoever cannot be reached is told of to the others.
URGENT = frozenset(
    {
        EventKind.BALANCE_EXHAUSTED,
        EventKind.RECHARGE_FAILED,
        EventKind.RECHARGE_PAUSED,
        EventKind.AUTHENTICATION_NEEDED,
    }
)
# These concern whoever runs Talktime, not the organization.
FOR_OPERATOR = frozenset({EventKind.PAYMENT_UNEXPLAINED})
DEFAULT_ROLES = Role.GLOBAL_ADMIN | Role.BILLING_ADMIN

ROLE_PREFIX = "role:"
WEBHOOK_PREFIX = "webhook:"
NOBODY = "nobody"
# Details of an event that names itself who is told, by mail, one address a line; and in which language.
RECIPIENTS, LANGUAGE = "recipients", "language"
DEFAULT = "default"
OPERATOR = "operator"
ADDRESS_CHARACTERS_MAX = 254
NOBODY_TO_TELL = (
    "nobody is global or billing admin: give somebody the role (`talktime users roles NAME --role billing_admin`),"
    " or name a recipient (`talktime notifications add --to ADDRESS`), then `talktime notifications resend`"
)
NO_OPERATOR = "set TALKTIME_OPERATOR_ADDRESS to the address of whoever runs this installation"
_NOT_IN_ADDRESSES = frozenset('<>()[]\\,;:" ')


class Channel(Enum):
    """How people and programs are told."""

    MAIL = "mail"
    WEBHOOK = "webhook"


@frozen
class NoticeRule:
    """Who is told: `kind` None is every kind; `recipient` an address, `role:billing_admin`, `webhook:1` or `nobody`."""

    rule_id: int
    kind: EventKind | None
    channel: Channel
    recipient: str
    language: str = ""

    def concerns(self, kind: EventKind) -> bool:
        """Tell whether the rule speaks of a kind."""
        return self.kind in (None, kind)


class Addressee(NamedTuple):
    """One to be told: a mail address or a webhook's number, and which recipient of which rule it comes from."""

    channel: Channel
    recipient: str
    language: str
    because: str


class Chosen(NamedTuple):
    """Everybody who is told, each once; `problem` says why no mail goes to anybody though nobody wished that."""

    addressees: tuple[Addressee, ...]
    problem: str = ""


def choose(
    event: Event, rules: Sequence[NoticeRule], people: Sequence[User], country: str, operator_address: str = ""
) -> Chosen:
    """Choose who is told of an event; without a rule for its mails, all global and billing admins.

    `people` are the users who have roles. Of somebody who was not reached, the others are told.
    """
    if event.kind in FOR_OPERATOR:
        return choose_operator(operator_address)
    details = dict(event.details)
    if RECIPIENTS in details:
        return _named(details[RECIPIENTS].split("\n"), details.get(LANGUAGE, ""), country)
    is_alarm = event.kind is EventKind.NOTICE_UNDELIVERED
    unreached = details.get("recipient", "").lower() if is_alarm else ""
    kind = EventKind(details.get("told", event.kind.value)) if is_alarm else event.kind
    concerned = [rule for rule in rules if rule.concerns(kind)]
    webhooks = [_of_webhook(rule) for rule in concerned if rule.channel is Channel.WEBHOOK]
    mails = [rule for rule in concerned if rule.channel is Channel.MAIL]
    named = [rule for rule in mails if rule.recipient != NOBODY]
    if mails and not named and kind not in URGENT:
        return Chosen(_each_once(webhooks))
    told = _others(unreached, [each for rule in named for each in _of_rule(rule, people, country)])
    if not told:
        # No rule, or one that names a role nobody has: rather too many people than nobody.
        told = _others(unreached, _holders(DEFAULT_ROLES, people, country, DEFAULT))
    return Chosen(_each_once([*told, *webhooks]), "" if told else NOBODY_TO_TELL)


def choose_operator(address: str) -> Chosen:
    """Choose whoever runs this installation."""
    if not address:
        return Chosen((), NO_OPERATOR)
    return Chosen((Addressee(Channel.MAIL, address, language_of(""), OPERATOR),))


def read_recipient(text: str) -> str:
    """Return an address, a role as `role:billing_admin`, or `nobody`; raise Invalid."""
    written = text.strip()
    if written.lower() == NOBODY:
        return NOBODY
    if written.lower().startswith(ROLE_PREFIX):
        return ROLE_PREFIX + name_of(read_role(written[len(ROLE_PREFIX) :]))
    if not _is_address(written):
        message = f"{text!r} is no recipient: write an address, role:billing_admin or another role, or nobody"
        raise Invalid(message, code="recipient")
    return written


def read_role(text: str) -> Role:
    """Return the role of that name, written `billing_admin` or `billing admin`; raise Invalid."""
    wanted = "_".join(text.replace("-", " ").replace("_", " ").split()).upper()
    if wanted not in Role.__members__:
        message = f"{text!r} is no role: choose {', '.join(name_of(role) for role in Role)}"
        raise Invalid(message, code="role")
    return Role[wanted]


def name_of(role: Role) -> str:
    """Return how a role is written: `billing_admin`."""
    return (role.name or "").lower()


def read_kind(text: str) -> EventKind | None:
    """Return the kind of that name, None for `*`; raise Invalid."""
    wanted = text.strip().lower().replace("-", "_")
    if wanted in ("*", "all"):
        return None
    for kind in EventKind:
        if kind.value == wanted:
            return kind
    message = f"{text!r} is no event: choose *, or one of {', '.join(kind.value for kind in EventKind)}"
    raise Invalid(message, code="event")


def _named(addresses: Sequence[str], language: str, country: str) -> Chosen:
    spoken = language or language_of(country)
    return Chosen(_each_once(Addressee(Channel.MAIL, address, spoken, RECIPIENTS) for address in addresses))


def _is_address(text: str) -> bool:
    local, at, domain = text.partition("@")
    is_whole = bool(local and at and domain.strip(".")) and len(text) <= ADDRESS_CHARACTERS_MAX
    return is_whole and text.isprintable() and _NOT_IN_ADDRESSES.isdisjoint(text) and text.count("@") == 1


def _of_webhook(rule: NoticeRule) -> Addressee:
    return Addressee(Channel.WEBHOOK, rule.recipient.removeprefix(WEBHOOK_PREFIX), "", rule.recipient)


def _of_rule(rule: NoticeRule, people: Sequence[User], country: str) -> list[Addressee]:
    if rule.recipient.startswith(ROLE_PREFIX):
        role = read_role(rule.recipient.removeprefix(ROLE_PREFIX))
        return _holders(role, people, country, rule.recipient, rule.language)
    return [Addressee(Channel.MAIL, rule.recipient, rule.language or language_of(country), rule.recipient)]


def _holders(roles: Role, people: Sequence[User], country: str, because: str, language: str = "") -> list[Addressee]:
    return [
        Addressee(Channel.MAIL, user.user_principal_name, user.language or language or language_of(country), because)
        for user in people
        if user.roles & roles
    ]


def _others(unreached: str, addressees: list[Addressee]) -> list[Addressee]:
    return [each for each in addressees if each.recipient.lower() != unreached]


def _each_once(addressees: Iterable[Addressee]) -> tuple[Addressee, ...]:
    """Who is named by several rules is told once, as the first of them says."""
    once: dict[tuple[Channel, str], Addressee] = {}
    for each in addressees:
        once.setdefault((each.channel, each.recipient.lower()), each)
    return tuple(once.values())
