"""A month's statement on paper: the balance from its opening to its closing, purchases, and calls by destination."""

from zoneinfo import ZoneInfo

from talktime.core.calls.calls import CallKind
from talktime.core.insight.statements import Movement, MovementKind, Statement, UsedCredit
from talktime.exports.documents.papers import frame, tax_label
from talktime.exports.documents.typesetting import Paper
from talktime.exports.documents.wording import Wording, marked

TEMPLATE = "statement.typ"
# More than these are told as one line; the CSV form has them all.
DESTINATIONS_SHOWN_MAX = 200
# How finely a bar's length is told.
FULL_BAR = 1_000
_OTHER = marked("Other")
_MOVEMENTS = {
    MovementKind.CORRECTED: marked("Booked for earlier months after their statement"),
    MovementKind.PURCHASED: marked("Credit purchased"),
    MovementKind.GRANTED: marked("Promotional credit"),
    MovementKind.USED: marked("Calls"),
    MovementKind.EXPIRED: marked("Expired"),
    MovementKind.REFUNDED: marked("Refunded"),
    MovementKind.ADJUSTED: marked("Adjusted"),
    MovementKind.DISPUTED: marked("Disputed payments"),
    MovementKind.TRANSFERRED: marked("Transferred"),
    MovementKind.OTHER: _OTHER,
}
_KINDS = {
    CallKind.USER_OUT.value: marked("Outgoing"),
    CallKind.CONFERENCE_OUT.value: marked("Conference, dialed out"),
    CallKind.CONFERENCE_IN.value: marked("Conference, dialed in"),
    CallKind.VOICE_APP_IN.value: marked("Toll-free, incoming"),
    CallKind.USER_IN.value: marked("Incoming"),
}


def statement_paper(statement: Statement, language: str) -> Paper:
    """Return a statement in a language; raise Invalid for one that we do not write in."""
    wording = Wording(language, ZoneInfo(statement.time_zone), statement.currency)
    decimals = _decimals(statement, wording)
    month = wording.month(statement.month)
    on_time = [used for used in statement.used if not used.is_late]
    late = [used for used in statement.used if used.is_late]
    dearest = max((used.cost_micros for used in statement.used), default=0)
    content = frame(
        wording,
        title=wording.say("Statement"),
        number=month,
        seller=statement.seller,
        buyer=statement.buyer,
    )
    content |= {
        "buyer_label": wording.say("For"),
        "facts": _facts(statement, wording),
        "banner": wording.say("Preliminary: %(month)s is not over.", month=month) if statement.is_preliminary else "",
        "balance": _balance(statement, wording, decimals),
        "purchases": _purchases(statement, wording, decimals),
        "used": _used(on_time, wording, decimals, dearest, title=wording.say("Calls by destination")),
        "late": _used(
            late, wording, decimals, dearest, title=wording.say("Calls of earlier months, charged in this one")
        ),
        "notes": _notes(statement, wording),
    }
    return Paper(TEMPLATE, content, statement.computed_at)


def _facts(statement: Statement, wording: Wording) -> list[tuple[str, str]]:
    return [
        (wording.say("From"), wording.day(statement.starts_at)),
        (wording.say("Through"), wording.last_day(statement.ends_at)),
        (wording.say("Drawn up on"), wording.day(statement.computed_at)),
        (wording.say("Currency"), statement.currency),
    ]


def _balance(statement: Statement, wording: Wording, decimals: int) -> dict[str, object]:
    return {
        "opening": (
            wording.say("Balance on %(day)s", day=wording.day(statement.starts_at)),
            wording.amount(statement.opening_micros, decimals),
        ),
        "movements": [_movement(movement, wording, decimals) for movement in statement.movements],
        "closing": (
            wording.say("Balance at the end of %(day)s", day=wording.last_day(statement.ends_at))
            if not statement.is_preliminary
            else wording.say("Balance now"),
            wording.money(statement.closing_micros, decimals),
        ),
    }


def _movement(movement: Movement, wording: Wording, decimals: int) -> tuple[str, str]:
    written = wording.amount(movement.amount_micros, decimals)
    return wording.say(_MOVEMENTS[movement.kind]), f"+{written}" if movement.amount_micros > 0 else written


def _purchases(statement: Statement, wording: Wording, decimals: int) -> dict[str, object]:
    return {
        "title": wording.say("Purchases"),
        "columns": [
            wording.say("Date"),
            wording.say("Reference"),
            wording.say("Invoice"),
            wording.say("Valid through"),
            wording.say("Amount"),
        ],
        "rows": [
            (
                wording.short_day(bought.purchased_at),
                bought.reference,
                bought.invoice_number,
                wording.short_day_before(bought.expires_at),
                wording.amount(bought.amount_micros, decimals),
            )
            for bought in statement.purchased
        ],
    }


def _used(used: list[UsedCredit], wording: Wording, decimals: int, dearest: int, *, title: str) -> dict[str, object]:
    shown, rest = used[:DESTINATIONS_SHOWN_MAX], used[DESTINATIONS_SHOWN_MAX:]
    rows = [_used_row(each, _used_label(each, wording), wording, decimals, dearest) for each in shown]
    if rest:
        label = (wording.say("%(count)s more, in the CSV form", count=wording.count(len(rest))), "")
        rows.append(_used_row(_together(rest), label, wording, decimals, dearest))
    return {
        "title": title,
        "columns": [
            wording.say("Destination"),
            wording.say("Kind"),
            wording.say("Calls"),
            wording.say("Duration"),
            wording.say("Amount"),
        ],
        "rows": rows,
        "total": (
            wording.say("Together"),
            wording.count(sum(each.calls for each in used)),
            wording.duration(sum(each.used_seconds for each in used)),
            wording.amount(sum(each.cost_micros for each in used), decimals),
        ),
    }


def _used_row(
    used: UsedCredit, label: tuple[str, str], wording: Wording, decimals: int, dearest_micros: int
) -> dict[str, object]:
    bar = FULL_BAR * max(0, used.cost_micros) // dearest_micros if dearest_micros > 0 else 0
    return {
        "destination": label[0],
        "kind": label[1],
        "calls": wording.count(used.calls),
        "duration": wording.duration(used.used_seconds),
        "amount": wording.amount(used.cost_micros, decimals),
        "bar": min(bar, FULL_BAR),
    }


def _together(rest: list[UsedCredit]) -> UsedCredit:
    return UsedCredit(
        "",
        "",
        rest[0].is_late,
        sum(each.calls for each in rest),
        sum(each.used_seconds for each in rest),
        sum(each.cost_micros for each in rest),
    )


def _used_label(used: UsedCredit, wording: Wording) -> tuple[str, str]:
    return used.destination or wording.say("Without a destination"), wording.say(_KINDS.get(used.kind, _OTHER))


def _notes(statement: Statement, wording: Wording) -> list[str]:
    notes = [
        wording.say(
            "Every call that began before %(moment)s is on this statement or an earlier one."
            " A call is told in the month in which it was charged.",
            moment=wording.moment(statement.is_complete_until),
        )
    ]
    if statement.included_tax_micros:
        contained = wording.say(
            "The calls contain %(tax)s of %(amount)s.",
            tax=tax_label(statement.tax, wording),
            amount=wording.money(statement.included_tax_micros, wording.decimals(statement.included_tax_micros)),
        )
        notes.append(contained)
    if statement.accrued:
        amount = wording.money(statement.accrued_micros, wording.decimals(statement.accrued_micros))
        notes.append(wording.say("Calls beyond the credit cost %(amount)s; they are billed after use.", amount=amount))
    notes.append(wording.say("This is a report and not a bill: credit is billed when it is bought."))
    return notes


def _decimals(statement: Statement, wording: Wording) -> int:
    return wording.decimals(
        statement.opening_micros,
        statement.closing_micros,
        *(movement.amount_micros for movement in statement.movements),
        *(bought.amount_micros for bought in statement.purchased),
        *(used.cost_micros for used in statement.used),
    )
