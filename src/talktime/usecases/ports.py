"""What use cases ask of the world outside; each port has two adapters or more."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from talktime.core.calls.cutting import CallOnSwitch, HangUpResult, SwitchState
from talktime.core.credit.buying.payments import (
    Card,
    ChargeOrder,
    ChargeResult,
    FoundResult,
    GatewayEvent,
    RefundOrder,
    RefundResult,
)
from talktime.core.organizations.deliveries import Mail, SendResult, WebhookMessage
from talktime.core.rates.rated_calls import RatesInForce
from talktime.store.transaction import Transaction

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")
# Opens a progress line for so many rows, and is told how many more are done.
Watch = Callable[[int], AbstractContextManager[Callable[[int], object]]]


def unwatched(_total: int) -> AbstractContextManager[Callable[[int], object]]:
    """Show nobody how far something has come."""
    return nullcontext(lambda _count: None)


class Transact(Protocol):
    """Runs a use case in a transaction of its own, as `App.run` and `App.read` do."""

    def __call__(self, use_case: Callable[[Transaction, RequestT], AnswerT], request: RequestT, /) -> AnswerT:
        """Return what the use case returns, once that is committed."""
        ...


class PaymentGateway(Protocol):
    """Moves money; every call may be repeated with the same key and moves it once."""

    def add_card(self, reference: str) -> Card:
        """Keep a card that the gateway's own form has read; raise Invalid for a reference that names none."""
        ...

    def charge(self, order: ChargeOrder) -> ChargeResult:
        """Charge a card without its owner being there; never raises: what cannot be told is `Unknown`."""
        ...

    def find(self, order: ChargeOrder) -> FoundResult:
        """Search for what became of a purchase, all its attempts, by its metadata; moves nothing, never raises."""
        ...

    def withdraw(self, order: ChargeOrder) -> FoundResult:
        """Cancel what has not moved money yet, then tell what became of the purchase, as `find` does; never raises."""
        ...

    def refund(self, order: RefundOrder) -> RefundResult:
        """Give money back; never raises."""
        ...

    def charges_since(self, since: datetime) -> Iterable[GatewayEvent]:
        """Yield every charge that moved money since an instant, as `CHARGED` events; raise Unavailable.

        For the poller that finds what no webhook told (money.md 15), and after a backup was restored (67).
        """
        ...

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """Verify and read a webhook; raise Forbidden for a bad or stale signature, Invalid for no event at all."""
        ...


class Mailer(Protocol):
    """Hands mails on; the same mail may be handed on twice, its id says so."""

    def send(self, mail: Mail) -> SendResult:
        """Send a mail; never raises for what the world does: that is `Refused` or `NotSent`."""
        ...


class WebhookSender(Protocol):
    """Tells programs over HTTP, signed as Standard Webhooks."""

    def send(self, message: WebhookMessage) -> SendResult:
        """Post a message; never raises for what the world does: that is `Refused` or `NotSent`."""
        ...


class SwitchControl(Protocol):
    """Tells a switch to end calls now; every call may be told twice."""

    def hang_up(self, calls: Sequence[CallOnSwitch]) -> list[HangUpResult]:
        """Return what became of each call, in their order; never raises for what the world does."""
        ...

    def look(self) -> SwitchState:
        """Tell whether the switch answers; changes nothing there, never raises."""
        ...


class BulkRater(Protocol):
    """Rates millions of calls, on this machine or a cluster."""

    def rate(
        self, rates: RatesInForce, batches: "Iterable[pa.RecordBatch]", label: str = ""
    ) -> "Iterator[pa.RecordBatch]":
        """Yield the batches in their order, each with its calls' prices in further columns, their names labelled.

        A batch has caller, called, started_at and used_seconds (bulk/batches.py). Raise Invalid for decks that bulk
        rating cannot hold.
        """
        ...
