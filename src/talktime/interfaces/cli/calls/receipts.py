"""The receipt of one call, as people read it and as programs do."""

from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from talktime.core.calls.calls import CallKey, PaysFrom, text_of
from talktime.core.calls.cdrs import UsageRow
from talktime.core.insight.pool_report import PoolLine
from talktime.core.insight.receipts import Charge, ParkedReport, Payment, Receipt, block_cost
from talktime.core.insight.usage import flag_names
from talktime.core.rates.rating import Block
from talktime.core.values.money import format_micros, format_nanos
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    facts,
    heading,
    hint,
    instant,
    money,
    open_app,
    show,
    table,
)
from talktime.usecases.insight.show_receipt import OnlyParked, ReceiptShown, SeveralLegs, ShowReceipt, show_receipt


def receipt(
    call: Annotated[
        str, Parameter(help="The call's id as the switch gave it, or switch|leg|id where several bear it.")
    ],
    *,
    options: Options = DEFAULTS,
) -> None:
    """Explain one call: how it was priced, what paid for it, and why it was cut or refused."""
    with open_app(options.database) as talktime:
        shown = talktime.read(show_receipt, ShowReceipt(call))
    show(options, _document(shown), lambda: _view(shown))
    if isinstance(shown, SeveralLegs) and not options.as_json:
        hint("Several calls bear this id: ask for one by its whole key, in quotes.")


# ── for programs ────────────────────────────────────────────────────────────────────────────────────────────


def _document(shown: ReceiptShown) -> dict[str, Any]:
    match shown:
        case SeveralLegs():
            return {"legs": [text_of(key) for key in shown.keys]}
        case OnlyParked():
            return {
                **_key_document(shown.key),
                "state": "parked",
                "parked": [_parked_document(p) for p in shown.parked],
            }
        case Receipt():
            return _receipt_document(shown)


def _receipt_document(shown: Receipt) -> dict[str, Any]:
    call, setup = shown.facts.call, shown.facts.call.setup
    result = call.result
    return {
        **_key_document(setup.key),
        "organization": shown.facts.organization,
        "kind": setup.kind,
        "state": call.state,
        "caller": setup.caller,
        "called": setup.called,
        "started_at": setup.started_at,
        "answered_at": call.answered_at,
        "ended_at": None if result is None else result.ended_at,
        "ending": None if result is None else result.ending,
        "denial": call.denial,
        "granted_seconds": call.granted_seconds,
        "is_final": call.is_final,
        "pays_from": setup.pays_from,
        "rate": _rate_document(shown),
        "used_seconds": None if result is None else result.used_seconds,
        "cost": None if result is None else format_micros(result.cost_micros),
        "uncovered": None if result is None else format_micros(result.uncovered_micros),
        "currency": shown.facts.currency,
        "charges": [_charge_document(charge) for charge in shown.charges],
        "held": [_payment_document(payment) for payment in shown.held],
        "held_minutes": [_pool_document(held.pool) | {"minutes": held.minutes} for held in shown.held_minutes],
        "held_overage": format_micros(call.hold.overage_micros),
        "sums": {
            "minutes": shown.sums.minutes,
            "credit": format_micros(shown.sums.credit_micros),
            "owed": format_micros(shown.sums.owed_micros),
            "overage": format_micros(shown.sums.overage_micros),
            "exact_cost": shown.sums.exact_cost,
            "cost": format_micros(shown.sums.cost_micros),
        },
        "reasons": shown.reasons,
        "flags": [] if result is None else flag_names(result.flags),
        "flags_explained": shown.flags,
        "parked": [_parked_document(parked) for parked in shown.facts.parked],
    }


def _key_document(key: CallKey) -> dict[str, str]:
    return {"key": text_of(key), "switch": key.switch, "call_id": key.call_id, "leg": key.leg}


def _rate_document(shown: Receipt) -> dict[str, Any] | None:
    reference, deck, matched = shown.facts.call.setup.rate, shown.facts.deck, shown.facts.matched
    if reference is None:
        return None
    return {
        "direction": reference.direction,
        "prefix": reference.prefix,
        "origin_prefix": reference.origin_prefix,
        "destination": shown.facts.call.setup.destination,
        "deck": None if deck is None else deck.deck,
        "deck_version": None if deck is None else deck.number,
        "deck_source": None if deck is None else deck.source,
        "charge_decimals": None if matched is None else matched.tariff.charge_decimals,
        "rounding": None if matched is None else matched.tariff.rounding,
        "prices": []
        if matched is None
        else [
            {
                "time_profile": price.profile.name,
                "connection_fee": format_nanos(price.connection_fee_nanos),
                "steps": [
                    {
                        "from_second": step.from_second,
                        "increment_seconds": step.increment_seconds,
                        "per_minute": format_nanos(step.nanos_per_minute),
                    }
                    for step in price.steps
                ],
            }
            for price in matched.tariff.prices
        ],
    }


def _charge_document(charge: Charge) -> dict[str, Any]:
    row = charge.usage
    return {
        "line": row.line,
        "paid_by": row.paid_by,
        "correction": _correction_document(row),
        "capability": row.capability,
        "minutes": charge.minutes,
        "pool": None if charge.pool is None else _pool_document(charge.pool),
        "used_seconds": row.used_seconds,
        "billed_seconds": row.billed_seconds,
        "connection_fee": format_nanos(charge.connection_fee_nanos),
        "blocks": [
            {
                "from_second": block.from_second,
                "to_second": block.to_second,
                "increments": block.increments,
                "increment_seconds": block.increment_seconds,
                "per_minute": format_nanos(block.nanos_per_minute),
                "time_profile": block.profile,
                "cost": block_cost(block),
            }
            for block in charge.blocks
        ],
        "exact_cost": charge.exact_cost,
        "cost": format_micros(row.cost_micros),
        "uncovered": format_micros(row.uncovered_micros),
        "paid": [_payment_document(payment) for payment in charge.payments],
        "lapsed": format_micros(charge.lapsed_micros),
        "repaid": format_micros(charge.repaid_micros),
    }


def _correction_document(row: UsageRow) -> dict[str, str] | None:
    if not row.correction_reference:
        return None
    return {"reference": row.correction_reference, "reason": row.correction_reason}


def _pool_document(line: PoolLine) -> dict[str, Any]:
    return {
        "plan": line.plan_name,
        "capability": line.pool.capability,
        "country": line.pool.country,
        "month": line.pool.month,
        "total_minutes": line.total_minutes,
        "used_minutes": line.used_minutes,
        "available_minutes": line.available_minutes,
    }


def _payment_document(payment: Payment) -> dict[str, Any]:
    lot = payment.lot
    return {
        "lot": None if lot is None else lot.lot_id,
        "reference": None if lot is None else lot.reference,
        "expires_at": None if lot is None else lot.expires_at,
        "amount": format_micros(payment.amount_micros),
    }


def _parked_document(parked: ParkedReport) -> dict[str, Any]:
    return {"reason": parked.reason, "used_seconds": parked.used_seconds, "received_at": parked.received_at}


# ── for people ──────────────────────────────────────────────────────────────────────────────────────────────


def _view(shown: ReceiptShown) -> RenderableType:
    match shown:
        case SeveralLegs():
            drawn = table("Switch", "Leg", "Call id", "Key")
            for key in shown.keys:
                drawn.add_row(*map(Text, (key.switch, key.leg, key.call_id, text_of(key))))
            return drawn
        case OnlyParked():
            return Group(heading(f"Report of call {shown.key.call_id}", "parked"), *_parked_view(shown.parked))
        case Receipt():
            return _receipt_view(shown)


def _receipt_view(shown: Receipt) -> RenderableType:
    call, setup = shown.facts.call, shown.facts.call.setup
    rows: list[tuple[str, object]] = [
        ("From → to", f"{setup.caller} → {setup.called}"),
        ("Kind", f"{setup.kind.value}, paid {_FIRST[setup.pays_from]}"),
        ("Started", instant(setup.started_at)),
    ]
    if call.answered_at is not None:
        rows.append(("Answered", instant(call.answered_at)))
    if call.result is not None:
        rows.append(("Ended", f"{instant(call.result.ended_at)}, after {call.result.used_seconds} s of talk"))
    if call.granted_seconds:
        rows.append(("Granted", f"{call.granted_seconds} s{', final' if call.is_final else ''}"))
    rows += _rate_rows(shown)
    parts: list[RenderableType] = [
        heading(f"Receipt of call {setup.key.call_id}", shown.facts.organization, call.state.value),
        Padding(facts(rows), (0, 0, 0, 2), expand=False),
    ]
    for charge in shown.charges:
        parts += _charge_view(charge, shown)
    parts += _sums_view(shown) + _held_view(shown)
    parts += [Text(f"• {sentence}") for sentence in (*shown.reasons, *shown.flags)]
    return Group(*parts, *_parked_view(shown.facts.parked))


# What the first second of a call is paid from.
_FIRST = {
    PaysFrom.CREDIT: "from credit",
    PaysFrom.FREE: "by nobody: it is free",
    PaysFrom.MINUTES: "from included minutes",
    PaysFrom.INCLUDED: "by a license that includes it",
    PaysFrom.OVERAGE: "after use",
}


def _held_view(shown: Receipt) -> list[RenderableType]:
    currency, overage_micros = shown.facts.currency, shown.facts.call.hold.overage_micros
    rows = [("Held", f"{_minutes(held.minutes)} of {_pool(held.pool)}") for held in shown.held_minutes]
    rows += [("Held", _paid(payment, currency)) for payment in shown.held]
    if overage_micros:
        rows.append(("Held", f"{money(overage_micros, currency)} of the month's overage"))
    return [Padding(facts(rows), (1, 0, 0, 2), expand=False)] if rows else []


def _sums_view(shown: Receipt) -> list[RenderableType]:
    """Add up what several sources paid."""
    sums, currency = shown.sums, shown.facts.currency
    if not sums.is_shared:
        return []
    rows: list[tuple[str, object]] = []
    if sums.minutes:
        rows.append(("Included", f"{_minutes(sums.minutes)} at no charge"))
    amounts = (
        ("From credit", sums.credit_micros),
        ("Owed", sums.owed_micros),
        ("Billed after use", sums.overage_micros),
    )
    rows += [(name, money(amount, currency)) for name, amount in amounts if amount]
    rows.append(
        ("Together", Text.assemble((money(sums.cost_micros, currency), "bold"), f", exactly {sums.exact_cost}"))
    )
    return [Text("  All sources", "dim"), Padding(facts(rows), (0, 0, 1, 2), expand=False)]


def _minutes(minutes: int) -> str:
    return f"{minutes:,} minute{'' if minutes == 1 else 's'}"


def _pool(line: PoolLine) -> str:
    country = f" {line.pool.country}" if line.pool.country else ""
    return f"{line.plan_name}{country}, {line.pool.month}"


def _rate_rows(shown: Receipt) -> list[tuple[str, object]]:
    reference, deck, matched = shown.facts.call.setup.rate, shown.facts.deck, shown.facts.matched
    if reference is None:
        return []
    origin = f", from {reference.origin_prefix}…" if reference.origin_prefix else ""
    rows: list[tuple[str, object]] = [
        ("Prefix", f"{reference.prefix}{origin} · {shown.facts.call.setup.destination}"),
    ]
    if deck is not None:
        rows.append(("Rate deck", f"{deck.deck}, version {deck.number} ({deck.source})"))
    for price in matched.tariff.prices if matched is not None else ():
        steps = ", then ".join(
            f"{format_nanos(step.nanos_per_minute)} a minute by {step.increment_seconds} s" for step in price.steps
        )
        fee = f", connection fee {format_nanos(price.connection_fee_nanos)}" if price.connection_fee_nanos else ""
        rows.append((f"Price {price.profile.name}".strip(), f"{steps}{fee}"))
    return rows


def _charge_view(charge: Charge, shown: Receipt) -> list[RenderableType]:
    row, currency = charge.usage, shown.facts.currency
    if row.paid_by is PaysFrom.MINUTES:
        return _minutes_view(charge)
    drawn = table(
        *("Seconds", "Increments", "Per minute", "Time profile", "Cost"),
        numbers=("Seconds", "Increments", "Per minute", "Cost"),
    )
    if charge.connection_fee_nanos:
        drawn.add_row("connection fee", "", "", "", format_nanos(charge.connection_fee_nanos))
    for block in charge.blocks:
        drawn.add_row(*_block_cells(block))
    rows: list[tuple[str, object]] = []
    if charge.blocks:
        rows.append(("Exact", _exact(charge, shown)))
    rows.append(("Cost", Text(money(row.cost_micros, currency), "bold")))
    if row.paid_by is PaysFrom.OVERAGE:
        rows.append(("Paid", _billed(row, currency)))
    else:
        rows += [("Paid" if each.amount_micros > 0 else "Back", _paid(each, currency)) for each in charge.payments]
    if charge.lapsed_micros:
        why = "came back to" if row.correction_reference else "was held and not used, in"
        rows.append(("Lapsed", f"{money(charge.lapsed_micros, currency)} {why} a lot that had expired"))
    if charge.repaid_micros:
        rows.append(("Repaid", f"{money(charge.repaid_micros, currency)} that was owed, from what was released"))
    title = _title(row, f"{row.used_seconds} s used, {row.billed_seconds} s billed")
    shown_blocks: list[RenderableType] = [Padding(drawn, (0, 0, 0, 2), expand=False)] if charge.blocks else []
    return [Text(), title, *shown_blocks, Padding(facts(rows), (0, 0, 1, 2), expand=False)]


def _billed(row: UsageRow, currency: str) -> str:
    if row.cost_micros < 0:
        return f"{money(-row.cost_micros, currency)} comes off the next bill"
    return f"{money(row.cost_micros, currency)} goes on the bill of the month: it is paid after use"


def _title(row: UsageRow, seconds: str) -> Text:
    if not row.correction_reference:
        return Text(f"  Usage row {row.line}: {seconds}", "dim")
    why = f"{row.correction_reason}, {row.correction_reference}"
    return Text(f"  Usage row {row.line}, a correction ({why}): {seconds}", "dim")


def _minutes_view(charge: Charge) -> list[RenderableType]:
    """A pool gives whole minutes, and asks nothing for them."""
    row, pool = charge.usage, charge.pool
    rows: list[tuple[str, object]] = [("Cost", Text("no charge", "bold"))]
    if pool is not None and row.used_seconds:
        left = f"{pool.available_minutes:,} of {pool.total_minutes:,} minutes left now"
        rows += [("Included", f"{_minutes(charge.minutes)} of {_pool(pool)}"), ("Pool", left)]
    if row.used_seconds and not charge.minutes:
        rows.append(("Unpaid", "no minute was left when the end was reported, and no money may pay"))
    title = _title(row, f"{row.used_seconds} s used, {_minutes(charge.minutes)} drawn")
    return [Text(), title, Padding(facts(rows), (0, 0, 1, 2), expand=False)]


def _exact(charge: Charge, shown: Receipt) -> str:
    """Say what increments come to; where credit and the bill share them, only their sum is rounded."""
    if shown.sums.overage_micros and shown.sums.credit_micros:
        return f"{charge.exact_cost} for these increments; credit pays all it has, the bill what is left"
    assert shown.facts.matched is not None
    tariff = shown.facts.matched.tariff
    return (
        f"{charge.exact_cost}, rounded {tariff.rounding.value.replace('_', ' ')} to {tariff.charge_decimals} decimals"
    )


def _block_cells(block: Block) -> tuple[str, ...]:
    return (
        f"{block.from_second} – {block.to_second}",
        f"{block.increments} × {block.increment_seconds} s",
        format_nanos(block.nanos_per_minute),
        block.profile or "always",
        block_cost(block),
    )


def _paid(payment: Payment, currency: str) -> str:
    amount, lot = money(abs(payment.amount_micros), currency), payment.lot
    if lot is None:
        return f"{amount} by nothing yet: it is owed" if payment.amount_micros > 0 else f"{amount}: it is owed no more"
    way = "from" if payment.amount_micros > 0 else "back to"
    return f"{amount} {way} lot {lot.lot_id} ({lot.reference}, expires {lot.expires_at:%Y-%m-%d})"


def _parked_view(parked: tuple[ParkedReport, ...]) -> list[RenderableType]:
    return [
        Text(f"! reported {instant(each.received_at)}: {each.used_seconds} s, not charged: {each.reason}", "yellow")
        for each in parked
    ]
