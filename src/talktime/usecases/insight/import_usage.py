"""Import usage of another system: staged in chunks, seen all at once, removed again; money of ours is not touched."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from talktime.core.insight.importing.duplicates import CLOCKS_DIFFER_MAX, OwnCalls, SeenCalls, identity_of
from talktime.core.insight.importing.imported_calls import ImportedCall, UsageLine
from talktime.core.insight.importing.pricing import priced
from talktime.core.insight.importing.tallies import ImportTally, Known, KnownCall, Tallying
from talktime.core.organizations.organizations import Organization
from talktime.core.rates.rate_decks import RateDeck
from talktime.core.values.errors import CallerError, Conflict, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period
from talktime.store.insight.usage.imported import NewImport, StagedCall, UsageImport
from talktime.store.rates import DeckVersion
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization
from talktime.usecases.ports import Transact
from talktime.usecases.rates.publish_rate_deck import find_version

# So many rows are written in some milliseconds: charging, which waits for its turn on SQLite, must not notice.
CHUNK_LINES = 500


@frozen
class ImportUsage:
    """Whose usage a file holds, and which deck rates what names no charge: "" none, number None its newest version."""

    organization: str
    file_name: str
    at: datetime
    by: str
    deck: str = ""
    deck_number: int | None = None
    is_dry: bool = False


@frozen
class ReadImported:
    """Whose imported calls, of which time, and who reads them: once, while the transaction is open."""

    organization: str
    period: Period
    read: Callable[[Iterator[ImportedCall]], object]


@frozen
class UsageImported:
    """What was imported, or would be; `import_id` is None of a dry run, and where no call is new."""

    organization: Organization
    deck: str
    import_id: int | None
    tally: ImportTally


@frozen
class _Begun:
    """An import at work: what every chunk needs."""

    organization: Organization
    deck: RateDeck | None
    deck_name: str
    # When our own calls began; what began outside is none of them.
    own_span: tuple[datetime, datetime] | None


@frozen
class _Chunk:
    """Calls that stand in the file for the first time."""

    begun: _Begun
    import_id: int | None
    staged: Sequence[StagedCall]


def import_usage(
    transact: Transact, request: ImportUsage, lines: Iterable[UsageLine], after_chunk: Callable[[int], object]
) -> UsageImported:
    """Stage the new calls of a file in many small transactions; the last, small one lets all of them be seen.

    Nothing of an import that ends early is ever seen: a file that turns out to be damaged is swept at once, what a kill
    left behind by the next import. `after_chunk` is told how many lines were done. Raise what reading the lines raises.
    """
    begun = transact(_prepare, request)
    import_id = None
    try:
        if not request.is_dry:
            import_id = transact(_begin, (begun, request))
            _sweep(transact, begun.organization)
        tally = _stage(transact, begun, import_id, lines, after_chunk)
        if import_id is None or not tally.new_count:
            _abandon(transact, begun.organization, import_id)
            return UsageImported(begun.organization, begun.deck_name, None, tally)
        transact(_complete, (begun.organization, import_id, tally))
    except CallerError:
        _abandon(transact, begun.organization, import_id)
        raise
    return UsageImported(begun.organization, begun.deck_name, import_id, tally)


def list_imports(tx: Transaction, organization: str) -> tuple[Organization, list[UsageImport]]:
    """Return an organization's imports, newest last."""
    found = find_organization(tx, organization)
    return found, tx.imported.imports(found.organization_id)


def remove_import(transact: Transact, request: tuple[str, int], after_chunk: Callable[[int], object]) -> UsageImport:
    """Let an import be seen no more, at once, then delete its calls in chunks; raise NotFound."""
    organization, removed = transact(_hide, request)
    _sweep(transact, organization, after_chunk)
    return removed


def read_imported(tx: Transaction, request: ReadImported) -> Organization:
    """Hand over the calls of complete imports that started in a period, in the order in which they started."""
    organization = find_organization(tx, request.organization)
    request.read(tx.imported.calls(organization.organization_id, request.period))
    return organization


def _prepare(tx: Transaction, request: ImportUsage) -> _Begun:
    organization = find_organization(tx, request.organization)
    own_span = tx.imported.own_span(organization.organization_id)
    if not request.deck:
        return _Begun(organization, None, "", own_span)
    version = _version(tx, request.deck, request.deck_number)
    deck = tx.rates.deck(version.version_id)
    return _Begun(organization, deck, f"{version.deck} {version.number}", own_span)


def _version(tx: Transaction, deck: str, number: int | None) -> DeckVersion:
    """Return the version that is asked for, or the newest that is complete; one that is staged half rates nothing."""
    whole = [version for version in tx.rates.versions(deck) if version.is_complete]
    version = find_version(tx, deck, number) if number is not None or not whole else whole[-1]
    if not version.is_complete:
        message = (
            f"version {version.number} of {deck!r} is incomplete, its import was interrupted: import its file again"
        )
        raise Conflict(message, code="deck_version_incomplete")
    return version


def _begin(tx: Transaction, request: tuple[_Begun, ImportUsage]) -> int:
    begun, asked = request
    organization_id = begun.organization.organization_id
    return tx.imported.begin(NewImport(organization_id, asked.file_name, begun.deck_name, asked.by, asked.at))


def _stage(
    transact: Transact,
    begun: _Begun,
    import_id: int | None,
    lines: Iterable[UsageLine],
    after_chunk: Callable[[int], object],
) -> ImportTally:
    tallying, seen = Tallying(), SeenCalls()
    remaining = iter(lines)
    while chunk := list(islice(remaining, CHUNK_LINES)):
        first = list(_first_in_file(chunk, begun.deck, seen, tallying))
        if first:
            known = transact(_add, _Chunk(begun, import_id, [staged for staged, _ in first]))
            for staged, part in first:
                why = known.get(staged.identity)
                if why is None:
                    tallying.add_new(staged.call)
                else:
                    tallying.add_known(KnownCall(staged.line, why, None, part))
        after_chunk(len(chunk))
    return tallying.tally()


def _first_in_file(
    chunk: Sequence[UsageLine], deck: RateDeck | None, seen: SeenCalls, tallying: Tallying
) -> Iterator[tuple[StagedCall, str]]:
    for line in chunk:
        if line.call is None:
            tallying.add_no_call(line)
            continue
        identity = identity_of(line.call)
        first_line = seen.first_line(identity, line.line)
        if first_line is None:
            call = line.call if deck is None else priced(line.call, deck)
            yield StagedCall(identity, line.line, call), line.part
        else:
            tallying.add_known(KnownCall(line.line, Known.IN_FILE, first_line, line.part))


def _add(tx: Transaction, chunk: _Chunk) -> dict[bytes, Known]:
    """Stage the calls that are not known, and return why the others are; of a dry run nothing is written."""
    organization_id = chunk.begun.organization.organization_id
    identities = [each.identity for each in chunk.staged]
    known = dict.fromkeys(tx.imported.known(organization_id, identities, chunk.import_id), Known.IMPORTED)
    known |= _own(tx, chunk, organization_id)
    if chunk.import_id is not None:
        new = [each for each in chunk.staged if each.identity not in known]
        tx.imported.add(organization_id, chunk.import_id, new)
    return known


def _own(tx: Transaction, chunk: _Chunk, organization_id: int) -> dict[bytes, Known]:
    span = chunk.begun.own_span
    if span is None:
        return {}
    near = [
        each
        for each in chunk.staged
        if span[0] - CLOCKS_DIFFER_MAX <= each.call.started_at <= span[1] + CLOCKS_DIFFER_MAX
    ]
    own = OwnCalls(tx.imported.own_calls(organization_id, [each.call.started_at for each in near]))
    return {each.identity: Known.OWN for each in near if own.has(each.call)}


def _complete(tx: Transaction, request: tuple[Organization, int, ImportTally]) -> None:
    organization, import_id, tally = request
    tx.imported.complete(organization.organization_id, import_id, tally)


def _hide(tx: Transaction, request: tuple[str, int]) -> tuple[Organization, UsageImport]:
    name, import_id = request
    organization, imports = list_imports(tx, name)
    found = next((each for each in imports if each.import_id == import_id), None)
    if found is None:
        there = ", ".join(str(each.import_id) for each in imports) or "none yet"
        message = f"{organization.name} has no import {import_id}: `talktime usage imports` lists them ({there})"
        raise NotFound(message, code="usage_import_not_found")
    tx.imported.hide(organization.organization_id, import_id)
    return organization, found


def _abandon(transact: Transact, organization: Organization, import_id: int | None) -> None:
    if import_id is not None:
        transact(_leave, (organization, import_id))
        _sweep(transact, organization)


def _leave(tx: Transaction, request: tuple[Organization, int]) -> None:
    organization, import_id = request
    tx.imported.hide(organization.organization_id, import_id)


def _sweep(
    transact: Transact, organization: Organization, after_chunk: Callable[[int], object] = lambda _: None
) -> None:
    while count := transact(_sweep_some, organization):
        after_chunk(count)


def _sweep_some(tx: Transaction, organization: Organization) -> int:
    return tx.imported.sweep(organization.organization_id)
