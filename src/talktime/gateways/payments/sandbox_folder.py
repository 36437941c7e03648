"""The sandbox's memory: a folder with one file for each idempotency key, whole or absent, whoever is killed when."""

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

import msgspec

from talktime.core.credit.buying.payments import ChargeOrder, GatewayEventKind, PurchaseKey

ID_PREFIX = "sandbox_"
SECRET_BYTES = 32


class ChargeState(Enum):
    """How far a charge has come."""

    # The request never arrived; only the sandbox knows of it.
    LOST = "lost"
    BROKEN = "broken"
    PROCESSING = "processing"
    NEEDS_ACTION = "needs_action"
    CHARGED = "charged"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Dispute(Enum):
    """How a dispute stands."""

    NONE = "none"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class SandboxRefund:
    """Money given back, or accepted and failed later."""

    idempotency_key: str
    refund_id: str
    amount_micros: int
    is_failed: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Something that the gateway reports by itself."""

    event_id: str
    kind: GatewayEventKind
    occurred_at: datetime
    amount_micros: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class SandboxCharge:
    """A charge and everything that happened to it."""

    order: ChargeOrder
    charge_id: str
    state: ChargeState
    code: str = ""
    looked_count: int = 0
    dispute: Dispute = Dispute.NONE
    refunds: tuple[SandboxRefund, ...] = ()
    reports: tuple[Report, ...] = ()

    @property
    def refunded_micros(self) -> int:
        """Return what was given back in all."""
        return sum(refund.amount_micros for refund in self.refunds if not refund.is_failed)


class SandboxFolder:
    """Charges as files, changed by one at a time, in this process or another."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder; it is made when first needed."""
        self._folder = folder
        self._charges = folder / "charges"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everybody else out; the lock of a process that is killed is free at once."""
        self._charges.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def charge_of_key(self, idempotency_key: str) -> SandboxCharge | None:
        """Return the charge that a key made."""
        return self.charge(charge_id_of(idempotency_key))

    def charge(self, charge_id: str) -> SandboxCharge | None:
        """Return a charge by its id."""
        digest = charge_id.removeprefix(ID_PREFIX)
        # An id comes from outside, and names a file here: nothing but a digest may.
        path = self._charges / f"{digest}.json"
        if not digest.isalnum() or not path.exists():
            return None
        return _DECODER.decode(path.read_bytes())

    def charges_of(self, purchase: PurchaseKey) -> list[SandboxCharge]:
        """Return all attempts of a purchase."""
        return [charge for charge in self.charges() if charge.order.purchase == purchase]

    def charges(self) -> Iterator[SandboxCharge]:
        """Yield every charge."""
        for path in sorted(self._charges.glob("*.json")):
            yield _DECODER.decode(path.read_bytes())

    def keep(self, charge: SandboxCharge) -> None:
        """Write a charge in one piece and make it last, before anybody is told of it."""
        path = self._charges / f"{charge.charge_id.removeprefix(ID_PREFIX)}.json"
        _write_whole(path, _ENCODER.encode(charge))

    def secret(self) -> bytes:
        """Return what reports are signed with; made when first needed."""
        path = self._folder / "webhook.secret"
        if not path.exists():
            with self.alone():
                if not path.exists():
                    _write_whole(path, secrets.token_hex(SECRET_BYTES).encode())
        return path.read_bytes()


def charge_id_of(idempotency_key: str) -> str:
    """Return the id of the charge that a key makes: the same key, the same charge."""
    return f"{ID_PREFIX}{hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]}"


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(SandboxCharge)


def _write_whole(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(".unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    _make_last(path.parent)


def _make_last(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
