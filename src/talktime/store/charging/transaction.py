"""Charging's transaction: the facts of many requests in a few reads, their outcomes in a few writes, one commit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Protocol

from talktime.core.calls.calls import Call, CallKey, RateReference, text_of
from talktime.core.calls.cdrs import entry_id_of
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.entitlement.cases import meters_wanted, payer_of
from talktime.core.calls.requests import (
    ChargingFacts,
    ChargingTerms,
    CorrectCall,
    CutCall,
    Outcome,
    Parked,
    Request,
    StartCall,
)
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.organizations.users import Identity
from talktime.core.rates.rate_decks import DeckPublication, RateDeck, version_in_force
from talktime.core.values.frozen import frozen
from talktime.store.charging import rows, watch_rows
from talktime.store.charging.decks import Publications, deck_of
from talktime.store.charging.memory import ArrangementRows, Memory
from talktime.store.charging.rows import Row
from talktime.store.instants import to_micros

# Use that is reported later than this is not paid by the lots of then, whatever the setting says.
LATE_USAGE_MAX = timedelta(days=31)


@dataclass(slots=True)
class Writes:
    """The rows that a batch changes, by table; each list is written by one statement."""

    new_calls: list[Row] = field(default_factory=list)
    grown_calls: list[Row] = field(default_factory=list)
    ended_calls: list[Row] = field(default_factory=list)
    # Calls that keep another rate than they did: hardly ever any.
    rerated_calls: list[Row] = field(default_factory=list)
    lots: list[Row] = field(default_factory=list)
    receivables: list[Row] = field(default_factory=list)
    usage: list[Row] = field(default_factory=list)
    postings: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    parked: list[Row] = field(default_factory=list)
    purchases: list[Row] = field(default_factory=list)
    watches: list[Row] = field(default_factory=list)
    meters: list[Row] = field(default_factory=list)


@frozen
class LoadedRows:
    """What stands in the database of the organizations whose rows this transaction has locked."""

    organizations: Sequence[Row]
    calls: Sequence[Row]
    lots: Sequence[Row]
    # (organization, revision) of those that are watched.
    watch_revisions: Sequence[Row]
    publications: Sequence[Row]
    country_versions: Sequence[Row]


@frozen
class ChargedRows:
    """What stands in the database of calls that are corrected: rows of USAGE_COLUMNS in the order of their lines.

    Lots are all of the organizations' lots, in the order of their ids, and `repaid` what each repaid of what was owed.
    """

    usage: Sequence[Row]
    lots: Sequence[Row]
    repaid: Sequence[Row]


# Organization ids, calls by organization and key, and since when lots have expired that are still of interest.
ReadRows = Callable[[list[int], list[tuple[int, str]], int], LoadedRows]


class ChargingStatements(Protocol):
    """Charging's driver SQL, once for SQLite and once for PostgreSQL."""

    def transaction(self) -> AbstractContextManager[None]:
        """Begin; commit at the end, durably; roll back on an error."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Begin a transaction that only reads, and never delays a writer."""

    def find(self, names: list[str], call_keys: list[str]) -> tuple[Sequence[Row], Sequence[Row]]:
        """Return the identities of the names, and (call key, organization) of the calls."""

    def lock(self, organization_ids: list[int], calls: list[tuple[int, str]], expired_since: int) -> LoadedRows:
        """Lock the organizations in the order of their ids, leaving out those that another transaction holds.

        `calls` names the calls to read by organization and key; a call that was never started is no row. Lots are read
        that have something left, or lost it since an instant: late use may still be paid from those.
        """

    def look(self, organization_ids: list[int], calls: list[tuple[int, str]], expired_since: int) -> LoadedRows:
        """Read what `lock` reads, without a lock: for whoever only wants to know."""

    def watch_rows(self, organization_ids: list[int]) -> Sequence[Row]:
        """Return the rows of what is watched of organizations that `lock` has returned."""

    def meters(self, wanted: list[tuple[int, str]]) -> Sequence[Row]:
        """Return (organization, name, used, held) of the meters that have counted something."""

    def charged(self, calls: list[tuple[int, str]]) -> ChargedRows:
        """Read what was written of calls by organization and key, at least one, and of their organizations' credit."""

    def entry_rows(self, entries: list[tuple[int, str]]) -> Sequence[Row]:
        """Return rows of POSTING_COLUMNS of journal entries, by organization and id."""

    def arrangement_rows(self, organization_ids: list[int]) -> ArrangementRows:
        """Return the settings, purchases and license counts of organizations."""

    def country_rows(self, version_id: int) -> Iterable[Row]:
        """Return the rows of a version of the country table."""

    def write(self, writes: Writes) -> None:
        """Write all rows, one statement for each table."""

    def open_calls_overdue(self, at_micros: int, most: int) -> Sequence[Row]:
        """Return the keys of open calls whose switch has been silent too long."""

    def open_legs(self, conference_id: str) -> Sequence[Row]:
        """Return the keys of the open calls of a conference, whoever pays them."""

    def deck_rows(self, version_id: int) -> tuple[Row, Iterable[Row]]:
        """Return a deck version's terms and its rates."""

    def rates_under(self, version_id: int, prefixes: list[str]) -> tuple[Row, Iterable[Row]]:
        """Return a deck version's terms and its rates of these prefixes, of every direction and origin."""

    def clock_micros(self) -> int | None:
        """Return the database's clock, or None where it has none of its own."""

    def versions_to_load(self, since_micros: int) -> Sequence[Row]:
        """Return the ids of the versions in force since an instant or later, and of each deck's newest."""

    def close(self) -> None:
        """Close the connection."""


@frozen
class Loaded:
    """The facts of the requests that can be decided now; the others wait for whoever holds their organization."""

    facts: ChargingFacts
    ready: list[int]
    # Of each request, ready or not; None for what belongs to nobody.
    organization_ids: Sequence[int | None]


class ChargingTransaction:
    """Load, then save: what a use case needs to charge a batch of calls."""

    def __init__(self, statements: ChargingStatements, memory: Memory) -> None:
        """Work on an open transaction of the statements."""
        self._statements = statements
        self._memory = memory

    def load(self, requests: Sequence[Request], terms: ChargingTerms) -> Loaded:
        """Lock the organizations that the requests concern, and read what is needed to decide them."""
        return self._load(requests, terms, self._statements.lock, has_time=not self._memory.decks.is_kept_warm)

    def look(self, requests: Sequence[Request], terms: ChargingTerms) -> ChargingFacts:
        """Read, without a lock, what is needed to tell how requests would be decided; nothing may be saved on it."""
        return self._load(requests, terms, self._statements.look, has_time=False).facts

    def _load(
        self, requests: Sequence[Request], terms: ChargingTerms, read_rows: ReadRows, *, has_time: bool
    ) -> Loaded:
        identities, owners = self._find(requests)
        concerned = _organizations_of(requests, identities, owners)
        wanted = sorted({organization_id for organization_id in concerned if organization_id is not None})
        asked = {
            (organization_id, text_of(request.key))
            for organization_id, request in zip(concerned, requests, strict=True)
            if organization_id is not None
        }
        expired_since = to_micros(min(request.at for request in requests) - LATE_USAGE_MAX) if requests else 0
        read = read_rows(wanted, list(asked), expired_since)
        organizations = {row[0]: rows.organization_of(row) for row in read.organizations}
        calls = {call.setup.key: call for call in map(self._memory.calls.call_of, read.calls)}
        publications = self._memory.decks.publications(read.publications)
        facts = ChargingFacts(
            organizations=organizations,
            credits=self._credits(read),
            calls=calls,
            identities=identities,
            publications=publications,
            decks=self._decks(calls, publications, requests, has_time=has_time),
            watches=self._watches(read.watch_revisions),
            arrangements=self._memory.arrangements.of(organizations.values(), self._statements.arrangement_rows),
            meters={},
            country_tables=self._memory.countries.tables(read.country_versions, self._statements.country_rows),
        )
        ready = [
            index
            for index, organization_id in enumerate(concerned)
            if organization_id is None or organization_id in organizations
        ]
        facts = self._with_charged(facts, requests)
        return Loaded(self._with_meters(facts, requests, terms), ready, concerned)

    def _with_charged(self, facts: ChargingFacts, requests: Sequence[Request]) -> ChargingFacts:
        """Read what was written of the calls that are corrected, and all lots of who paid them: hardly ever any."""
        calls = [facts.calls.get(request.key) for request in requests if isinstance(request, CorrectCall)]
        keys = {(call.setup.organization_id, text_of(call.setup.key)) for call in calls if call is not None}
        if not keys:
            return facts
        read = self._statements.charged(sorted(keys))
        usage = [rows.usage_of(row) for row in read.usage]
        posted = self._statements.entry_rows([(row.organization_id, entry_id_of(row.key, row.line)) for row in usage])
        credit_of = self._memory.credits.credit_of
        credits_ = {
            organization_id: credit_of(organization_id, list(of_lots), facts.credits[organization_id].receivable_micros)
            for organization_id, of_lots in groupby(read.lots, key=itemgetter(0))
        }
        return replace(
            facts,
            credits={**facts.credits, **credits_},
            charged=rows.charged_of(usage, posted),
            repaid={(organization_id, lot_id): int(micros) for organization_id, lot_id, micros in read.repaid},
        )

    def _credits(self, read: LoadedRows) -> dict[int, Credit]:
        by_organization: dict[int, list[Row]] = {row[0]: [] for row in read.organizations}
        for row in read.lots:
            by_organization[row[0]].append(row)
        credit_of = self._memory.credits.credit_of
        return {row[0]: credit_of(row[0], by_organization[row[0]], row[-1]) for row in read.organizations}

    def _watches(self, revisions: Sequence[Row]) -> dict[int, CreditWatch]:
        """Return what is watched, and read only what has changed since it was read last."""
        memory = self._memory.watches
        known = {row[0]: memory.watch_of(*row) for row in revisions}
        unknown = [organization_id for organization_id, watch in known.items() if watch is None]
        if unknown:
            revision_of: dict[int, int] = dict(revisions)
            for row in self._statements.watch_rows(unknown):
                watch = known[row[0]] = watch_rows.watch_of(row)
                memory.keep(row[0], revision_of[row[0]], watch)
        return known  # type: ignore[return-value]

    def _with_meters(self, facts: ChargingFacts, requests: Sequence[Request], terms: ChargingTerms) -> ChargingFacts:
        """Read the meters that may decide: which they are follows from what was read, and mostly there are none."""
        asked = [meters_wanted(facts, request, terms) for request in requests]
        wanted = {(each.organization_id, name) for each in asked for name in each.names}
        cases = {each.case.request.key: each.case for each in asked if each.case is not None}
        read = self._statements.meters(sorted(wanted)) if wanted else ()
        return replace(
            facts, meters={(owner, name): Meter(used, held) for owner, name, used, held in read}, cases=cases
        )

    def save(self, loaded: Loaded, requests: Sequence[Request], outcomes: Sequence[Outcome]) -> None:
        """Write what the outcomes change; several changes of one call or lot become one."""
        writes = Writes()
        calls: dict[CallKey, Call] = {}
        credits_: dict[int, Credit] = {}
        watches: dict[int, CreditWatch] = {}
        meters: dict[tuple[int, str], Meter] = {}
        parked: dict[tuple[CallKey, str], Row] = {}
        for request, outcome in zip(requests, outcomes, strict=True):
            if outcome.call is not None:
                organization_id = outcome.call.setup.organization_id
                calls[outcome.call.setup.key] = outcome.call
                if outcome.credit is not None:
                    credits_[organization_id] = outcome.credit
                if outcome.watch is not None:
                    watches[organization_id] = outcome.watch
                for name, meter in outcome.meters.items():
                    meters[organization_id, name] = meter
            if outcome.purchase is not None:
                writes.purchases.append(watch_rows.purchase_row(outcome.purchase))
            writes.usage += map(rows.usage_row, outcome.usage)
            for entry in outcome.entries:
                writes.postings += rows.posting_rows(entry)
            writes.events += map(rows.event_row, outcome.events)
            if isinstance(outcome.answer, Parked):
                parked[request.key, outcome.answer.reason] = _parked_row(request, outcome.answer)
        self._write_calls(writes, loaded.facts, calls.values())
        self._write_credits(writes, loaded.facts, credits_)
        writes.watches += [(*watch_rows.progress_row(watch), owner) for owner, watch in watches.items()]
        writes.parked += parked.values()
        writes.meters += [(*key, *meter) for key, meter in meters.items()]
        self._statements.write(writes)

    def _write_calls(self, writes: Writes, facts: ChargingFacts, calls: Iterable[Call]) -> None:
        for call in calls:
            key = call.setup.key
            call_key, progress = text_of(key), rows.progress_row(call)
            if key not in facts.calls:
                writes.new_calls.append((*rows.setup_row(call), *progress))
            elif call.result is None:
                writes.grown_calls.append((*rows.grown_of(progress), call.setup.organization_id, call_key))
            else:
                writes.ended_calls.append((*rows.ended_of(progress), call.setup.organization_id, call_key))
                if call.setup.rate is not facts.calls[key].setup.rate:
                    writes.rerated_calls.append((*rows.rate_reference(call), call.setup.organization_id, call_key))
            # Should the commit fail, the row that is read next will differ, and this is not used.
            self._memory.calls.keep(call_key, progress, call)

    def _write_credits(self, writes: Writes, facts: ChargingFacts, credits_: dict[int, Credit]) -> None:
        for organization_id, after in credits_.items():
            before = facts.credits[organization_id]
            if after.receivable_micros != before.receivable_micros:
                writes.receivables.append((after.receivable_micros, organization_id))
            # Lots keep their places while calls are charged; one that came to another is written once too often.
            known = (*before.lots, *(None,) * (len(after.lots) - len(before.lots)))
            changed = [lot for lot, was in zip(after.lots, known, strict=False) if lot is not was]
            writes.lots += [rows.lot_parts(organization_id, lot) for lot in changed]
            # Should the commit fail, the rows that are read next will differ, and this is not used.
            self._memory.credits.keep(organization_id, before, changed, after)

    def _find(self, requests: Sequence[Request]) -> tuple[dict[str, Identity], dict[str, int]]:
        names = {name for request in requests if isinstance(request, StartCall) for name in _names(request)}
        known, unknown = self._known_owners(requests)
        found, owners = self._statements.find(sorted(names), unknown) if names or unknown else ((), ())
        return {row[0]: rows.identity_of(row) for row in found}, known | dict(owners)

    def _known_owners(self, requests: Sequence[Request]) -> tuple[dict[str, int], list[str]]:
        """Return whose the remembered calls are, and the keys of the others; a start is always looked up."""
        known: dict[str, int] = {}
        unknown: list[str] = []
        for request in requests:
            call_key = text_of(request.key)
            owner = None if isinstance(request, StartCall) else self._memory.calls.owner_of(call_key)
            if owner is None:
                unknown.append(call_key)
            else:
                known[call_key] = owner
        return known, unknown

    def _decks(
        self,
        calls: Mapping[CallKey, Call],
        publications: Publications,
        requests: Sequence[Request],
        *,
        has_time: bool,
    ) -> dict[int, RateDeck]:
        needed = {
            call.setup.rate.version_id
            for call in (calls.get(request.key) for request in requests if not isinstance(request, CutCall))
            if call is not None and call.setup.rate is not None
        }
        needed |= {rate.version_id for rate in _other_rates(requests)}
        starts = {request.at for request in requests if isinstance(request, StartCall)}
        if starts:
            earliest, latest = min(starts), max(starts)
            for published in publications.values():
                needed |= _versions_between(published, earliest, latest)
        if has_time:
            return self._memory.decks.ensure(needed, self._statements.deck_rows)
        loaded = self._memory.decks.loaded
        missing = needed - loaded.keys()
        return {**loaded, **self._parts_of_decks(missing, calls, requests)} if missing else loaded

    def _parts_of_decks(
        self, version_ids: Iterable[int], calls: Mapping[CallKey, Call], requests: Sequence[Request]
    ) -> dict[int, RateDeck]:
        """Read of decks that are not in memory what these requests may need: a phone does not wait for all of one."""
        called = {request.called for request in requests if isinstance(request, StartCall)}
        prefixes = {number[:length] for number in called for length in range(1, len(number) + 1)}
        prefixes |= {call.setup.rate.prefix for call in calls.values() if call.setup.rate is not None}
        prefixes |= {rate.prefix for rate in _other_rates(requests)}
        wanted = sorted(prefixes)
        return {each: deck_of(each, *self._statements.rates_under(each, wanted)) for each in version_ids}


def _other_rates(requests: Sequence[Request]) -> list[RateReference]:
    """Return the rates that calls are to keep in place of theirs."""
    return [request.rate for request in requests if isinstance(request, CorrectCall) and request.rate is not None]


def _names(request: StartCall) -> tuple[str, ...]:
    return (request.organizer.lower() or request.forwarded_by.lower() or request.caller), request.called


def _organizations_of(
    requests: Sequence[Request], identities: dict[str, Identity], owners: dict[str, int]
) -> list[int | None]:
    """A call that is known belongs to whom it belonged, a new one to whoever pays it; None where nobody does."""
    known = dict(owners)
    concerned = []
    for request in requests:
        key = text_of(request.key)
        if key not in known and isinstance(request, StartCall):
            payer, _ = payer_of(identities, request)
            if payer is not None:
                # What follows in this batch on the same call goes where its start goes.
                known[key] = payer.organization_id
        concerned.append(known.get(key))
    return concerned


def _versions_between(published: tuple[DeckPublication, ...], earliest: datetime, latest: datetime) -> set[int]:
    first = version_in_force(published, earliest)
    later = {each.version_id for each in published if earliest <= each.published_from <= latest}
    return later if first is None else later | {first}


def _parked_row(request: Request, answer: Parked) -> Row:
    return text_of(request.key), answer.reason, answer.used_seconds, to_micros(request.at)
