"""Rate decks: stage a version in small steps, compare it, let it be in force, go back to the one before."""

from collections.abc import Callable, Sequence
from datetime import datetime

from talktime.core.rates.publications import succession
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate, RateChange, diff, version_in_force
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.store.rates import DeckVersion
from talktime.store.transaction import Transaction
from talktime.usecases.ports import Transact

# So many rates are written in some milliseconds: charging, which waits for its turn on SQLite, must not notice.
CHUNK_RATES = 500
NAME_CHARACTERS_MAX = 200


@frozen
class StageDeck:
    """A new version of a deck, with where its rates come from."""

    deck: str
    source: str
    terms: DeckTerms
    rates: tuple[Rate, ...]
    at: datetime


@frozen
class PublishDeck:
    """Let a version, by default the newest, be in force from an instant on."""

    deck: str
    number: int | None
    # None: from now on.
    published_from: datetime | None
    at: datetime


@frozen
class RollBackDeck:
    """Let the version before the one in force be in force again, from now on."""

    deck: str
    at: datetime


@frozen
class CompareDeck:
    """Compare two versions, by default the one in force with the newest."""

    deck: str
    from_number: int | None
    to_number: int | None
    at: datetime


@frozen
class DeckPublished:
    """A version that is in force from an instant on, for the directions that it prices; `before` was until then."""

    version: DeckVersion
    directions: tuple[Direction, ...]
    published_from: datetime
    before: DeckVersion | None


@frozen
class DeckCompared:
    """What changes from one version to another; without a first version everything is new."""

    before: DeckVersion | None
    after: DeckVersion
    changes: tuple[RateChange, ...]
    unchanged_count: int


@frozen
class ListedVersion:
    """A version and for which directions it is in force, or will be from when, or whether it ever was published."""

    version: DeckVersion
    is_published: bool
    in_force: tuple[Direction, ...]
    planned_from: datetime | None


def stage_deck(transact: Transact, request: StageDeck, after_chunk: Callable[[int], None]) -> DeckVersion:
    """Write a version in many small transactions; only the last one makes it publishable.

    `after_chunk` is told how many rates were written and may pause. What a crash leaves behind is an incomplete
    version, which nothing can publish.
    """
    version = transact(_begin, request)
    for begin in range(0, len(request.rates), CHUNK_RATES):
        chunk = request.rates[begin : begin + CHUNK_RATES]
        transact(_add_rates, (version.version_id, chunk))
        after_chunk(len(chunk))
    return transact(_complete, (version, len(request.rates)))


def publish_deck(tx: Transaction, request: PublishDeck) -> DeckPublished:
    """Publish a complete version; calls in progress keep the version that they began with."""
    version = find_version(tx, request.deck, request.number)
    if not version.is_complete:
        message = (
            f"version {version.number} of {version.deck!r} is incomplete, its import was interrupted:"
            " import the file again and publish that"
        )
        raise Conflict(message, code="deck_version_incomplete")
    _check_currency(tx, version)
    start = request.published_from or request.at
    directions = tuple(tx.rates.directions(version.version_id))
    before = _in_force(tx, version.deck, directions, start)
    tx.rates.publish(version, directions, start=start, at=request.at)
    return DeckPublished(version, directions, start, before)


def roll_back_deck(tx: Transaction, request: RollBackDeck) -> DeckPublished:
    """Publish the version that was in force before, for the directions of the newest publication; raise Conflict."""
    versions = {version.version_id: version for version in _versions(tx, request.deck)}
    found = {
        direction: reign
        for direction in Direction
        if (reign := succession(tx.rates.publications(request.deck, direction), request.at)) is not None
    }
    if not found:
        message = f"no version of {request.deck!r} is in force: publish one with `talktime decks publish`"
        raise Conflict(message, code="nothing_to_roll_back")
    newest = max(found.values(), key=lambda reign: reign.published_from)
    if newest.before is None:
        message = (
            f"version {versions[newest.version_id].number} of {request.deck!r} is the first that was published:"
            " there is none before it; publish another one with `talktime decks publish`"
        )
        raise Conflict(message, code="nothing_to_roll_back")
    directions = tuple(
        direction
        for direction, reign in found.items()
        if (reign.version_id, reign.before) == (newest.version_id, newest.before)
    )
    version = versions[newest.before]
    tx.rates.publish(version, directions, start=request.at, at=request.at)
    return DeckPublished(version, directions, request.at, versions[newest.version_id])


def compare_deck(tx: Transaction, request: CompareDeck) -> DeckCompared:
    """Return what differs between two versions of a deck."""
    after = find_version(tx, request.deck, request.to_number)
    before = _version_to_compare_with(tx, after, request)
    old = () if before is None else tuple(tx.rates.deck(before.version_id).rates())
    new = tuple(tx.rates.deck(after.version_id).rates())
    changes = tuple(diff(old, new))
    changed = sum(change.after is not None for change in changes)
    return DeckCompared(before, after, changes, len(new) - changed)


def list_versions(tx: Transaction, request: tuple[str | None, datetime]) -> list[ListedVersion]:
    """Return the versions of a deck, or of all, and which are in force at an instant."""
    deck, at = request
    listed: list[ListedVersion] = []
    for version in tx.rates.versions(deck) if deck is None else _versions(tx, deck):
        published = {direction: tx.rates.publications(version.deck, direction) for direction in Direction}
        in_force = tuple(
            direction for direction in Direction if version_in_force(published[direction], at) == version.version_id
        )
        own = [
            publication.published_from
            for publications in published.values()
            for publication in publications
            if publication.version_id == version.version_id
        ]
        planned_from = min((start for start in own if start > at), default=None)
        listed.append(ListedVersion(version, bool(own), in_force, planned_from))
    return listed


def find_version(tx: Transaction, deck: str, number: int | None) -> DeckVersion:
    """Return a version by what people call it, by default the newest; raise NotFound."""
    versions = _versions(tx, deck)
    if number is None:
        return versions[-1]
    for version in versions:
        if version.number == number:
            return version
    message = f"{deck!r} has no version {number}: there are {versions[0].number} to {versions[-1].number}"
    raise NotFound(message, code="deck_version_not_found")


def _versions(tx: Transaction, deck: str) -> Sequence[DeckVersion]:
    versions = tx.rates.versions(deck)
    if versions:
        return versions
    known = sorted({version.deck for version in tx.rates.versions()})
    there = f"there are {', '.join(known)}" if known else "import one with `talktime decks import FILE`"
    message = f"there is no rate deck named {deck!r}: {there}"
    raise NotFound(message, code="deck_not_found")


def _begin(tx: Transaction, request: StageDeck) -> DeckVersion:
    name = request.deck.strip()
    if not name or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        message = f"{request.deck!r} cannot name a deck: write 1 to {NAME_CHARACTERS_MAX} printable characters"
        raise Invalid(message, code="name")
    return tx.rates.stage(name, request.source, request.terms, request.at)


def _add_rates(tx: Transaction, request: tuple[int, tuple[Rate, ...]]) -> None:
    version_id, chunk = request
    tx.rates.add_rates(version_id, chunk)


def _complete(tx: Transaction, request: tuple[DeckVersion, int]) -> DeckVersion:
    version, rates_count = request
    tx.rates.complete(version.version_id, rates_count)
    return next(each for each in tx.rates.versions(version.deck) if each.version_id == version.version_id)


def _check_currency(tx: Transaction, version: DeckVersion) -> None:
    currency = version.terms.currency
    differing = [
        organization
        for organization in tx.organizations.all()
        if organization.deck == version.deck and organization.currency != currency
    ]
    if differing:
        message = (
            f"{version.deck!r} is priced in {currency}, but {differing[0].name} is charged by it and pays in"
            f" {differing[0].currency}: import the deck in {differing[0].currency}, or under another name"
        )
        raise Conflict(message, code="currency_differs")


def _in_force(tx: Transaction, deck: str, directions: Sequence[Direction], at: datetime) -> DeckVersion | None:
    """The version that a publication replaces; where directions differ, the newest of them."""
    ids = {version_in_force(tx.rates.publications(deck, direction), at) for direction in directions}
    found = [version for version in tx.rates.versions(deck) if version.version_id in ids]
    return found[-1] if found else None


def _version_to_compare_with(tx: Transaction, after: DeckVersion, request: CompareDeck) -> DeckVersion | None:
    """The version named, else in force; where that is the one compared, or none is, the one staged before it."""
    if request.from_number is not None:
        return find_version(tx, request.deck, request.from_number)
    in_force = _in_force(tx, after.deck, tuple(Direction), request.at)
    if in_force is not None and in_force.version_id != after.version_id:
        return in_force
    older = [version for version in tx.rates.versions(after.deck) if version.number < after.number]
    return older[-1] if older else None
