"""The sandbox: a card gateway in a folder, which moves no real money and misbehaves on demand; the default."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from talktime.core.credit.buying.payments import (
    Card,
    ChargeOrder,
    ChargeResult,
    FoundResult,
    GatewayEvent,
    GatewayEventKind,
    Refunded,
    RefundFailed,
    RefundOrder,
    RefundResult,
    Unknown,
)
from talktime.core.values.errors import Forbidden, Invalid, NotFound, Unavailable
from talktime.gateways.payments import sandbox_charges
from talktime.gateways.payments.finding import HeldAttempt, became
from talktime.gateways.payments.sandbox_cards import read_card
from talktime.gateways.payments.sandbox_folder import ChargeState, Report, SandboxCharge, SandboxFolder

NAME = "sandbox"
SIGNATURE_HEADER = "talktime-sandbox-signature"
# As Stripe's: who replays an old webhook is refused.
SIGNATURE_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """A webhook as the sandbox would send it."""

    body: bytes
    headers: Mapping[str, str]


def _now() -> datetime:
    return datetime.now(UTC)


class SandboxGateway:
    """Cards that do what their numbers say; the same key charges once, whichever processes ask and are killed."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = _now) -> None:
        """Keep charges in a folder, by a clock of its own."""
        self._folder = SandboxFolder(folder)
        self._clock = clock

    def add_card(self, reference: str) -> Card:
        """Read a test card, `4242424242424242 12/27`; raise Invalid for any other."""
        return read_card(reference, self._clock().date())

    def charge(self, order: ChargeOrder) -> ChargeResult:
        """Charge once for each key; the same key for something else is no answer at all, as with Stripe."""
        try:
            with self._folder.alone():
                return self._charge(order)
        except (OSError, msgspec.MsgspecError) as failure:
            return Unknown(_unreadable(failure))

    def find(self, order: ChargeOrder) -> FoundResult:
        """Search the folder for all attempts of a purchase."""
        try:
            with self._folder.alone():
                return self._find(order)
        except (OSError, msgspec.MsgspecError) as failure:
            return Unknown(_unreadable(failure))

    def withdraw(self, order: ChargeOrder) -> FoundResult:
        """Cancel what waits for the card's owner, then tell what became of the purchase."""
        try:
            with self._folder.alone():
                for charge in self._folder.charges_of(order.purchase):
                    self._keep(charge, sandbox_charges.withdrawn(charge))
                return self._find(order)
        except (OSError, msgspec.MsgspecError) as failure:
            return Unknown(_unreadable(failure))

    def refund(self, order: RefundOrder) -> RefundResult:
        """Give money back, once for each key and never more than was charged."""
        try:
            with self._folder.alone():
                return self._refund(order)
        except (OSError, msgspec.MsgspecError) as failure:
            return Unknown(_unreadable(failure))

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """Verify and read a webhook of the sandbox; raise Forbidden or Invalid."""
        lowered = {name.lower(): value for name, value in headers.items()}
        _verify(body, lowered.get(SIGNATURE_HEADER, ""), self._folder.secret(), self._clock())
        try:
            return msgspec.json.decode(body, type=GatewayEvent)
        except msgspec.MsgspecError as failure:
            message = "the body is no event of the sandbox"
            raise Invalid(message, code="event_unreadable") from failure

    def charges_since(self, since: datetime) -> Iterator[GatewayEvent]:
        """Yield every charge that moved money since an instant; raise Unavailable."""
        try:
            with self._folder.alone():
                charges = list(self._folder.charges())
        except (OSError, msgspec.MsgspecError) as failure:
            raise Unavailable(_unreadable(failure)) from failure
        for charge in charges:
            for report in charge.reports:
                if report.kind is GatewayEventKind.CHARGED and report.occurred_at >= since:
                    yield _event(report, charge)

    def events_since(self, at: datetime) -> list[SignedEvent]:
        """Return what happened at an instant or later, the oldest first, signed anew as a gateway does at each try."""
        with self._folder.alone():
            told = [
                (report, charge)
                for charge in self._folder.charges()
                for report in charge.reports
                if report.occurred_at >= at
            ]
        told.sort(key=lambda pair: (pair[0].occurred_at, pair[0].event_id))
        return [self._signed(report, charge) for report, charge in told]

    def authenticate(self, charge_id: str, *, succeeds: bool = True) -> ChargeResult:
        """Do what the card's owner does at his bank; raise NotFound or Conflict."""
        with self._folder.alone():
            charge = self._known(charge_id)
            after = sandbox_charges.authenticated(charge, self._clock(), succeeds=succeeds)
            self._keep(charge, after)
        return sandbox_charges.later_answer(after)

    def close_dispute(self, charge_id: str, *, is_won: bool) -> None:
        """Decide a dispute as a bank does; raise NotFound or Conflict."""
        with self._folder.alone():
            charge = self._known(charge_id)
            self._keep(charge, sandbox_charges.dispute_closed(charge, self._clock(), is_won=is_won))

    def moved_micros(self) -> dict[str, int]:
        """Count the money that moved, by currency: charged less refunded, whatever anybody was told."""
        moved: dict[str, int] = {}
        with self._folder.alone():
            for charge in self._folder.charges():
                if charge.state is ChargeState.CHARGED:
                    currency = charge.order.currency
                    moved[currency] = moved.get(currency, 0) + charge.order.amount_micros - charge.refunded_micros
        return moved

    def _charge(self, order: ChargeOrder) -> ChargeResult:
        kept = self._folder.charge_of_key(order.idempotency_key)
        if kept is None:
            charge = sandbox_charges.begun(order, self._clock())
            self._folder.keep(charge)
            return sandbox_charges.first_answer(charge)
        if kept.order != order:
            return Unknown(f"key {order.idempotency_key} was used for another charge: look at both")
        after = sandbox_charges.asked_again(kept, self._clock())
        self._keep(kept, after)
        return sandbox_charges.later_answer(after)

    def _find(self, order: ChargeOrder) -> FoundResult:
        held = []
        for charge in self._folder.charges_of(order.purchase):
            looked = sandbox_charges.looked_at(charge, self._clock())
            self._keep(charge, looked)
            held.append(HeldAttempt(looked.order.attempt, looked.order.currency, sandbox_charges.answer(looked)))
        return became(order, held)

    def _refund(self, order: RefundOrder) -> RefundResult:
        charge = self._folder.charge(order.charge_id)
        if charge is None:
            return RefundFailed("resource_missing", f"the sandbox holds no charge {order.charge_id}")
        for refund in charge.refunds:
            if refund.idempotency_key == order.idempotency_key:
                return Refunded(refund.refund_id)
        after = sandbox_charges.refunded(charge, order, self._clock())
        if isinstance(after, RefundFailed):
            return after
        self._keep(charge, after)
        return Refunded(after.refunds[-1].refund_id)

    def _known(self, charge_id: str) -> SandboxCharge:
        charge = self._folder.charge(charge_id)
        if charge is None:
            message = f"the sandbox holds no charge {charge_id}"
            raise NotFound(message, code="charge_not_found")
        return charge

    def _keep(self, before: SandboxCharge, after: SandboxCharge) -> None:
        if after != before:
            self._folder.keep(after)

    def _signed(self, report: Report, charge: SandboxCharge) -> SignedEvent:
        body = msgspec.json.encode(_event(report, charge))
        signature = _signature(body, int(self._clock().timestamp()), self._folder.secret())
        return SignedEvent(body, {"content-type": "application/json", SIGNATURE_HEADER: signature})


def _event(report: Report, charge: SandboxCharge) -> GatewayEvent:
    return GatewayEvent(
        gateway=NAME,
        event_id=report.event_id,
        kind=report.kind,
        occurred_at=report.occurred_at,
        purchase=charge.order.purchase,
        attempt=charge.order.attempt,
        charge_id=charge.charge_id,
        amount_micros=report.amount_micros,
        currency=charge.order.currency,
        code=report.code,
        url=sandbox_charges.action_url(charge) if report.kind is GatewayEventKind.NEEDS_ACTION else "",
        name=f"sandbox.{report.kind.value}",
    )


def _signature(body: bytes, stamp: int, secret: bytes) -> str:
    digest = hmac.new(secret, b"%d." % stamp + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def _verify(body: bytes, signature: str, secret: bytes, now: datetime) -> None:
    stamp = signature.removeprefix("t=").partition(",")[0]
    is_ours = stamp.isdecimal() and hmac.compare_digest(
        _signature(body, int(stamp), secret).encode(), signature.encode("utf-8", "replace")
    )
    if not is_ours:
        message = f"the {SIGNATURE_HEADER} header does not fit the body: the sandbox did not send this"
        raise Forbidden(message, code="signature_wrong")
    if abs(int(now.timestamp()) - int(stamp)) > SIGNATURE_TOLERANCE.total_seconds():
        message = "the webhook was signed more than five minutes ago; the sandbox signs anew when it sends again"
        raise Forbidden(message, code="signature_stale")


def _unreadable(failure: Exception) -> str:
    return f"the sandbox's folder cannot be read or written: {failure}"
