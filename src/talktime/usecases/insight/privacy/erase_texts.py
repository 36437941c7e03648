"""Take a person out of texts and of imported calls: found while reading, changed in short transactions.

Whoever searches a large table holds nothing meanwhile, so that phones go on ringing; what was found is looked at once
more when it is changed.
"""

from collections import Counter
from collections.abc import Sequence

from talktime.core.insight.privacy.erasing import Erasure
from talktime.core.values.frozen import frozen
from talktime.store.insight.privacy.imported_details import Place, Stretch
from talktime.store.insight.privacy.imported_people import Sought
from talktime.store.insight.privacy.people import Key, KeyPage
from talktime.store.insight.privacy.places import searched_tables
from talktime.store.transaction import Transaction
from talktime.usecases.ports import Transact

# So many calls are looked through by one statement, and so many rows changed in one transaction: while serving, none
# may take longer than 50 ms.
SEARCHED_MAX = 5_000
CHANGED_MAX = 250


@frozen
class _Texts:
    table_name: str
    erasure: Erasure
    after: Key | None = None
    keys: Sequence[Key] = ()


@frozen
class _Imported:
    sought: Sought
    after: Place | None = None
    identities: Sequence[bytes] = ()


def erase_texts(run: Transact, read: Transact, erasure: Erasure) -> "Counter[str]":
    """Take a person out of every table that is searched; return how many rows changed, by table."""
    counts: Counter[str] = Counter()
    for table in searched_tables():
        after: Key | None = None
        is_more = True
        while is_more:
            page = read(_find_texts, _Texts(table.name, erasure, after))
            for first in range(0, len(page.keys), CHANGED_MAX):
                some = page.keys[first : first + CHANGED_MAX]
                counts[table.name] += run(_erase_texts, _Texts(table.name, erasure, keys=some))
            after, is_more = page.last, page.last is not None
    return +counts


def erase_imported(run: Transact, read: Transact, erasure: Erasure) -> "Counter[str]":
    """Take a person out of imported calls; return how many rows changed."""
    counts: Counter[str] = Counter()
    if erasure.is_done:
        return counts
    object_ids = read(find_object_ids, erasure)
    for is_named in (False, True):
        sought = Sought(erasure, object_ids, is_named)
        after: Place | None = None
        is_more = True
        while is_more:
            identities, last = read(_find_imported, _Imported(sought, after))
            for first in range(0, len(identities), CHANGED_MAX):
                some = identities[first : first + CHANGED_MAX]
                counts["imported_calls"] += run(_erase_imported, _Imported(sought, identities=some))
            after, is_more = last, last is not None
    return +counts


def count_imported(tx: Transaction, erasure: Erasure) -> dict[str, int]:
    """Return how many imported calls would change."""
    if erasure.is_done:
        return {}
    object_ids = find_object_ids(tx, erasure)
    count = 0
    for stretch in _stretches(tx, erasure):
        for is_named in (False, True):
            count += len(tx.insight.imported_people.mentions(Sought(erasure, object_ids, is_named), stretch))
    return {"imported_calls": count} if count else {}


def find_object_ids(tx: Transaction, erasure: Erasure) -> frozenset[str]:
    """Return the object ids by which imported calls know a person."""
    people = tx.insight.imported_people
    return frozenset().union(*(people.object_ids(erasure, stretch) for stretch in _stretches(tx, erasure)))


def _stretches(tx: Transaction, erasure: Erasure) -> list[Stretch]:
    stretches: list[Stretch] = []
    while not stretches or stretches[-1].last is not None:
        after = stretches[-1].last if stretches else None
        details = tx.insight.imported_details
        stretches.append(details.stretch_after(erasure.organization_id, after, SEARCHED_MAX))
    return stretches


def _find_texts(tx: Transaction, request: _Texts) -> KeyPage:
    return tx.insight.person.page_after(request.table_name, request.erasure, request.after)


def _erase_texts(tx: Transaction, request: _Texts) -> int:
    tx.organizations.lock_id(request.erasure.organization_id)
    return tx.insight.person.erase_texts(request.table_name, request.erasure, request.keys)


def _find_imported(tx: Transaction, request: _Imported) -> tuple[list[bytes], Place | None]:
    organization_id = request.sought.erasure.organization_id
    stretch = tx.insight.imported_details.stretch_after(organization_id, request.after, SEARCHED_MAX)
    return tx.insight.imported_people.mentions(request.sought, stretch), stretch.last


def _erase_imported(tx: Transaction, request: _Imported) -> int:
    tx.organizations.lock_id(request.sought.erasure.organization_id)
    return tx.insight.imported_people.erase(request.sought, request.identities)
