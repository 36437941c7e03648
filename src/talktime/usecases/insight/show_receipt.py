"""Show the receipt of a call: by its id, or by its whole key where several legs bear the id."""

from collections.abc import Iterable

from talktime.core.calls.calls import KEY_SEPARATOR, Call, CallKey, key_of, text_of
from talktime.core.calls.cdrs import entry_id_of
from talktime.core.calls.counting.meters import POOL, kind_of
from talktime.core.calls.counting.pools import pool_of
from talktime.core.credit.ledger import Posting
from talktime.core.insight.pool_report import PoolFacts, PoolLine
from talktime.core.insight.receipts import ParkedReport, Receipt, ReceiptFacts, receipt
from talktime.core.values.errors import NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction


@frozen
class ShowReceipt:
    """Which call: its id as the switch gave it, or `switch|leg|id`."""

    call: str


@frozen
class SeveralLegs:
    """Several calls bear the id; each key names one."""

    keys: tuple[CallKey, ...]


@frozen
class OnlyParked:
    """No such call was started; what the switch reported of it is kept."""

    key: CallKey
    parked: tuple[ParkedReport, ...]


ReceiptShown = Receipt | SeveralLegs | OnlyParked


def show_receipt(tx: Transaction, request: ShowReceipt) -> ReceiptShown:
    """Explain a call from the books; raise NotFound where nothing is known by that id."""
    tx.insight.books.begin_snapshot()
    shown = _by_key(tx, request.call) if request.call.count(KEY_SEPARATOR) >= len(CallKey._fields) - 1 else None
    if shown is not None:
        return shown
    keys = tx.insight.call_keys(request.call)
    if len(keys) > 1:
        return SeveralLegs(tuple(map(key_of, keys)))
    shown = _by_key(tx, keys[0]) if keys else None
    if shown is None:
        message = f"no call and no report of one is known as {request.call!r}"
        raise NotFound(message, code="call_not_found")
    return shown


def _by_key(tx: Transaction, call_key: str) -> Receipt | OnlyParked | None:
    call = tx.insight.call(call_key)
    parked = tx.insight.parked(call_key)
    if call is not None:
        return receipt(_facts(tx, call, parked))
    return OnlyParked(key_of(call_key), parked) if parked else None


def _facts(tx: Transaction, call: Call, parked: tuple[ParkedReport, ...]) -> ReceiptFacts:
    setup = call.setup
    organization, currency = tx.insight.name_and_currency(setup.organization_id)
    usage = tx.insight.usage_of_call(setup.organization_id, text_of(setup.key))
    lines = {entry_id_of(row.key, row.line): row.line for row in usage}
    postings = tuple((lines[entry_id], each) for entry_id, each in tx.insight.postings(setup.organization_id, lines))
    return ReceiptFacts(
        organization,
        currency,
        call,
        usage,
        postings,
        tx.insight.lot_labels(setup.organization_id, _lot_ids(call, (posting for _, posting in postings))),
        None if setup.rate is None else tx.insight.deck_label(setup.rate.version_id),
        None if setup.rate is None else tx.insight.books.rate(setup.rate),
        parked,
        _pools(tx, call),
    )


def _pools(tx: Transaction, call: Call) -> tuple[PoolLine, ...]:
    setup = call.setup
    pools = [pool_of(name) for name in setup.meters if kind_of(name) == POOL]
    if not pools:
        return ()
    organization = tx.organizations.with_ids([setup.organization_id])[setup.organization_id]
    siblings = [pool.sibling for pool in pools if pool.sibling is not None]
    facts = PoolFacts(
        tx.arrangements.of(setup.organization_id),
        tx.countries.in_force(setup.started_at),
        organization.country,
        tx.insight.meters(setup.organization_id, [pool.name for pool in (*pools, *siblings)]),
    )
    return tuple(map(facts.line, pools))


def _lot_ids(call: Call, postings: Iterable[Posting]) -> set[int]:
    held = {part.lot_id for part in call.hold.slices}
    return held | {posting.lot_id for posting in postings if posting.lot_id is not None}
