"""Compare what a gateway has charged with our purchases: find what no webhook told, and what no purchase explains."""

from datetime import datetime

from talktime.core.credit.buying.payments import GatewayEvent
from talktime.core.values.frozen import frozen
from talktime.usecases.credit.note_gateway_event import NoteGatewayEvent, Noting, note_gateway_event
from talktime.usecases.ports import PaymentGateway, Transact


@frozen
class Reconciled:
    """How many charges a gateway has, how many of them were news to us, and those that explain no purchase."""

    charges_count: int
    settled_count: int
    unexplained: tuple[GatewayEvent, ...]


def reconcile_payments(run: Transact, gateway: PaymentGateway, since: datetime, at: datetime) -> Reconciled:
    """Settle every charge since an instant that is not settled yet; doing it again changes nothing.

    After a backup was restored, purchases made since it are unknown here: their money is parked, and an operator grants
    the credit by hand (money.md 15 and 67). Raise Unavailable where the gateway does not answer.
    """
    charges_count = settled_count = 0
    unexplained = []
    for event in gateway.charges_since(since):
        charges_count += 1
        noting = run(note_gateway_event, NoteGatewayEvent(event, at)).noting
        if noting is Noting.DONE:
            settled_count += 1
        if noting is Noting.PARKED:
            unexplained.append(event)
    return Reconciled(charges_count, settled_count, tuple(unexplained))
