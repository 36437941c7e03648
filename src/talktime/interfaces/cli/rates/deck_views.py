"""How rate decks are shown: the documents for programs, the views for people."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from talktime.core.rates.rate_decks import Change, Direction, Rate, RateChange
from talktime.core.rates.rate_sheets import RateSheet
from talktime.interfaces.cli.rates.deck_files import price_text
from talktime.interfaces.cli.terminal import facts, heading, instant, table
from talktime.store.rates import DeckVersion
from talktime.usecases.rates.publish_rate_deck import DeckCompared, DeckPublished, ListedVersion


def import_document(version: DeckVersion, sheet: RateSheet) -> dict[str, Any]:
    """Return what was staged and what was not, for programs."""
    return {
        **_version_document(version),
        "rows_read": sheet.rows_read,
        "rows_taken": sheet.rows_taken,
        "rows_skipped": sheet.rows_skipped,
        "rejected": [asdict(each) for each in sheet.rejections],
        "warnings": [asdict(each) for each in sheet.warnings],
        "effective_at": sheet.effective_at,
        "ignored_columns": sheet.ignored_columns,
    }


def _version_document(version: DeckVersion) -> dict[str, Any]:
    return {
        "deck": version.deck,
        "version": version.number,
        "currency": version.terms.currency,
        "time_zone": version.terms.zone.key,
        "charge_decimals": version.terms.charge_decimals,
        "rounding": version.terms.rounding,
        "rates": version.rates_count,
        "is_complete": version.is_complete,
        "source": version.source,
        "staged_at": version.staged_at,
    }


def import_view(version: DeckVersion, sheet: RateSheet) -> Group:
    """Return what was staged, for people."""
    directions = Counter(rate.direction for rate in sheet.rates)
    priced = ", ".join(f"{count:,} {_words(direction)}" for direction, count in directions.items())
    skipped = f", {sheet.rows_skipped:,} no longer sold" if sheet.rows_skipped else ""
    rejected = f", {len(sheet.rejections):,} rejected" if sheet.rejections else ""
    rows: list[tuple[str, object]] = [
        ("Rates", priced),
        ("Rows", f"{sheet.rows_read:,} read, {sheet.rows_taken:,} taken{skipped}{rejected}"),
        ("Charged in", _terms_text(version)),
        ("Time zone", version.terms.zone.key),
    ]
    if sheet.ignored_columns:
        rows.append(("Columns ignored", ", ".join(sheet.ignored_columns)))
    return Group(heading(f"{version.deck}, version {version.number}, staged", version.source), "", facts(rows))


def _terms_text(version: DeckVersion) -> str:
    rounding = version.terms.rounding.value.replace("_", " ")
    return f"{version.terms.currency}, rounded {rounding} to {version.terms.charge_decimals} decimals"


def _words(direction: Direction) -> str:
    return direction.value.replace("_", " ")


def diff_document(compared: DeckCompared) -> dict[str, Any]:
    """Return all changes, for programs."""
    return {
        "deck": compared.after.deck,
        "from": None if compared.before is None else compared.before.number,
        "to": compared.after.number,
        "counts": _counts(compared),
        "unchanged": compared.unchanged_count,
        "changes": [_change_document(change) for change in compared.changes],
    }


def _counts(compared: DeckCompared) -> dict[str, int]:
    counted = Counter(change.change for change in compared.changes)
    return {change.value: counted[change] for change in Change}


def _change_document(change: RateChange) -> dict[str, Any]:
    rate = _rate(change)
    return {
        "change": change.change,
        "direction": rate.direction,
        "prefix": rate.prefix,
        "origin_prefix": rate.origin_prefix,
        "destination": rate.destination,
        "before": price_text(change.before) or None,
        "after": price_text(change.after) or None,
    }


def _rate(change: RateChange) -> Rate:
    rate = change.after or change.before
    assert rate is not None
    return rate


_STYLES = {
    Change.NEW: "green",
    Change.UP: "red",
    Change.DOWN: "cyan",
    Change.BLOCKED: "magenta",
    Change.REMOVED: "yellow",
    Change.OTHER: "dim",
}


def diff_view(compared: DeckCompared, limit: int) -> Group:
    """Return the counts and the first changes, for people."""
    before, after = compared.before, compared.after
    versions = f"version {after.number}" + (" against nothing" if before is None else f" against {before.number}")
    counts = [Text(f"{count:,} {name}", _STYLES[Change(name)]) for name, count in _counts(compared).items() if count]
    summary = Text("   ").join([*counts, Text(f"{compared.unchanged_count:,} unchanged", "dim")])
    lines: list[Any] = [heading(after.deck, versions), "", summary]
    if not compared.changes:
        return Group(*lines, "Every price is the same.")
    made = table("Change", "Prefix", "Destination", "Before", "After")
    for change in compared.changes[:limit]:
        rate = _rate(change)
        origin = f" from {rate.origin_prefix}" if rate.origin_prefix else ""
        made.add_row(
            Text(change.change.value, _STYLES[change.change]),
            rate.prefix + origin,
            rate.destination,
            price_text(change.before) or Text("–", "dim"),
            price_text(change.after) or Text("–", "dim"),
        )
    lines += ["", made]
    if len(compared.changes) > limit:
        lines.append(Text(f"… and {len(compared.changes) - limit:,} more; --limit shows more, --json all", "dim"))
    return Group(*lines)


def published_document(published: DeckPublished) -> dict[str, Any]:
    """Return what is in force, for programs."""
    return {
        "deck": published.version.deck,
        "version": published.version.number,
        "directions": published.directions,
        "published_from": published.published_from,
        "replaces": None if published.before is None else published.before.number,
    }


def published_view(published: DeckPublished, state: str) -> Group:
    """Return what is in force, for people."""
    version, before = published.version, published.before
    start = instant(published.published_from, version.terms.zone)
    rows: list[tuple[str, object]] = [("For", ", ".join(map(_words, published.directions)))]
    if before is not None and before.version_id != version.version_id:
        rows.append(("Replaces", f"version {before.number}; calls in progress keep it"))
    return Group(heading(f"{version.deck}, version {version.number}, {state} {start}"), "", facts(rows))


def listed_document(listed: ListedVersion) -> dict[str, Any]:
    """Return a version and its state, for programs."""
    return {
        **_version_document(listed.version),
        "is_published": listed.is_published,
        "in_force": listed.in_force,
        "planned_from": listed.planned_from,
    }


def list_view(found: list[ListedVersion]) -> Table:
    """Return the versions and their states, for people."""
    made = table("Deck", "Version", "State", "Rates", "Currency", "Staged", "Source", numbers=("Version", "Rates"))
    for listed in found:
        version = listed.version
        made.add_row(
            version.deck,
            str(version.number),
            _state(listed),
            f"{version.rates_count:,}" if version.is_complete else "–",
            version.terms.currency,
            f"{version.staged_at:%Y-%m-%d}",
            version.source,
        )
    return made


def _state(listed: ListedVersion) -> Text:
    if not listed.version.is_complete:
        return Text("incomplete", "yellow")
    if listed.in_force:
        return Text(f"in force: {', '.join(map(_words, listed.in_force))}", "green")
    if listed.planned_from is not None:
        return Text(f"from {instant(listed.planned_from, listed.version.terms.zone)}", "cyan")
    return Text("replaced" if listed.is_published else "staged", "dim")
