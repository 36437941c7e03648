"""How the country table is shown: the documents for programs, the views for people."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.text import Text

from talktime.core.insight.usage import country_name
from talktime.core.organizations.country_table import (
    SHARED_COST_PREFIXES,
    ConferencingSale,
    CountryRule,
    CountryTable,
    PremiumSupport,
    is_domestic_for_minutes,
    is_own_country,
)
from talktime.core.organizations.country_versions import (
    CountryChange,
    CountryChangeKind,
    CountryVersion,
    cells_of,
)
from talktime.core.organizations.licenses import CALLING_PLANS, MINUTE_PLANS, License
from talktime.core.organizations.licensing.offers import missing_in, monthly_minutes, not_sold
from talktime.core.organizations.licensing.products import product_of
from talktime.exports.countries_csv import cell_text
from talktime.imports.country_files import CountryFile
from talktime.interfaces.cli.terminal import facts, heading, instant, table
from talktime.usecases.organizations.manage_countries import CountriesImported, CountryShown, VersionListed

CHANGES_SHOWN_MAX = 50
MISTAKES_SHOWN_MAX = 20

_SALES = {
    ConferencingSale.SUBSCRIPTION: "subscription",
    ConferencingSale.PAY_PER_MINUTE: "per minute",
    ConferencingSale.PARTNER: "by a partner",
    ConferencingSale.NOT_SOLD: "",
}
_SALE_SENTENCES = {
    ConferencingSale.SUBSCRIPTION: "sold as a subscription",
    ConferencingSale.PAY_PER_MINUTE: "sold per minute only: every minute is paid from the credit",
    ConferencingSale.PARTNER: "sold by a partner",
    ConferencingSale.NOT_SOLD: "not sold",
}
_PREMIUM = {PremiumSupport.ALL: "yes", PremiumSupport.SHARED_COST: "shared cost", PremiumSupport.NONE: ""}
_PREMIUM_SENTENCES = {
    PremiumSupport.ALL: "can be called, paid from the credit",
    PremiumSupport.SHARED_COST: f"those that begin with {', '.join(SHARED_COST_PREFIXES)}, paid from the credit",
    PremiumSupport.NONE: "cannot be called; shared-cost numbers can, paid from the credit",
}


# ── all countries ───────────────────────────────────────────────────────────────────────────────────────────


def list_document(version: CountryVersion, countries: CountryTable, rules: Sequence[CountryRule]) -> dict[str, Any]:
    """Return the rows that were asked for, for programs."""
    return {**_version(version), "countries": [_row(countries, rule.country) for rule in rules]}


def list_view(version: CountryVersion, countries: CountryTable, rules: Sequence[CountryRule]) -> Group:
    """Return one line a country, for people; what is not offered stays empty, so that the rest is seen."""
    made = table(
        "",
        "Country",
        "Conferencing",
        "Zone A",
        "Minutes",
        "abroad",
        "PAYG",
        "Numbers",
        "Premium",
        "Credits",
        numbers=("Minutes", "abroad"),
    )
    for rule in rules:
        made.add_row(
            Text(rule.country, "bold"),
            country_name(rule.country),
            _SALES[rule.conferencing],
            Text("✓", "green", justify="center") if rule.is_zone_a else "",
            _minutes(rule),
            f"{rule.international_minutes:,}" if rule.international_minutes else "",
            rule.pay_as_you_go_zone,
            _numbers(rule),
            _PREMIUM[rule.premium],
            "" if rule.has_credits else Text("no", "yellow"),
        )
    count = f"{len(rules)} of {len(countries.rules)} countries"
    lines: list[Any] = [heading(count, _source(version)), ""]
    if not rules:
        return Group(*lines, "No country is so.")
    legend = "Minutes are for each license and calendar month. Credits can be set up where the column is empty."
    return Group(*lines, made, "", Text(legend, "dim"))


def _minutes(rule: CountryRule) -> Text:
    if rule.plan_partner:
        return Text(rule.plan_partner, "dim")
    return Text(f"{rule.domestic_minutes:,}" if rule.domestic_minutes else "")


def _numbers(rule: CountryRule) -> str:
    return ", ".join(
        word
        for word, is_there in (("toll", rule.has_toll_numbers), ("toll-free", rule.has_toll_free_numbers))
        if is_there
    )


# ── one country ─────────────────────────────────────────────────────────────────────────────────────────────


def country_document(shown: CountryShown) -> dict[str, Any]:
    """Return a country's row, its plans and what counts as domestic, for programs."""
    country = shown.rule.country
    return {
        **_version(shown.version),
        "is_described": shown.is_described,
        **_row(shown.table, country),
        "plans": [
            {
                "license": product_of(plan).key,
                "name": product_of(plan).name,
                "domestic_minutes": monthly_minutes(plan, shown.rule)[0],
                "international_minutes": monthly_minutes(plan, shown.rule)[1],
                "is_sold": not not_sold(product_of(plan), country, shown.table),
            }
            for plan in _plans(shown)
        ],
        "domestic_minutes_reach": _domestic(shown),
        "own_country_for_policies": _own(shown),
        "international_minutes_reach": sorted(_abroad(shown)),
    }


def country_view(shown: CountryShown) -> Group:
    """Return what is offered in a country, for people."""
    title = heading(f"{country_name(shown.rule.country)} ({shown.rule.country})", _source(shown.version))
    if not shown.is_described:
        return Group(
            title,
            "",
            "The table does not describe this country: nothing is sold for users there, and calls there are paid from",
            "the credit, by the rate deck.",
        )
    return Group(title, "", _plans_view(shown), "", facts(_calls(shown)), "", facts(_offers(shown.rule)))


def _plans_view(shown: CountryShown) -> Any:
    plans = _plans(shown)
    if not plans:
        partner = shown.rule.plan_partner
        return Text(f"Calling plans are sold by {partner}." if partner else "No calling plan is sold here.")
    made = table("Calling plan", "Minutes", "abroad", "", numbers=("Minutes", "abroad"))
    for plan in plans:
        domestic, international = monthly_minutes(plan, shown.rule)
        made.add_row(
            product_of(plan).name,
            f"{domestic:,}" if domestic else "",
            f"{international:,}" if international else "",
            Text(_remark(plan, shown), "dim"),
        )
    return made


def _remark(plan: License, shown: CountryShown) -> str:
    if plan is License.DOMESTIC_AND_INTERNATIONAL:
        return "whichever are used up first"
    if plan is License.DOMESTIC_120_NOT_POOLED:
        return "each user's own"
    if plan & MINUTE_PLANS:
        return "for each license and calendar month"
    is_sold = not not_sold(product_of(plan), shown.rule.country, shown.table)
    return "every call is paid" + ("" if is_sold else "; not sold here, but one from elsewhere may be assigned")


def _calls(shown: CountryShown) -> list[tuple[str, object]]:
    """Tell what calls from there, and to there, are counted as."""
    rows: list[tuple[str, object]] = []
    if shown.rule.domestic_minutes:
        rows.append(("Domestic minutes reach", _named(_domestic(shown))))
        rows.append(("Minutes abroad reach", f"{len(_abroad(shown)):,} countries"))
    reached = "yes" if shown.rule.country in shown.table.international else "no"
    included = "included minutes of conferencing pay (Zone A)" if shown.rule.is_zone_a else "paid from the credit"
    return [
        *rows,
        ("Own country for policies", _named(_own(shown))),
        ("Reached by minutes abroad", reached),
        ("Conferences that call there", included),
    ]


def _offers(rule: CountryRule) -> list[tuple[str, object]]:
    return [
        ("Audio Conferencing", _SALE_SENTENCES[rule.conferencing]),
        ("Shared conference number", rule.toll_city.replace(";", ",") or "none is assigned by itself"),
        ("Toll numbers", "yes" if rule.has_toll_numbers else "no"),
        ("Toll-free numbers", "yes, once credits are set up" if rule.has_toll_free_numbers else "no"),
        ("Premium numbers", _PREMIUM_SENTENCES[rule.premium]),
        ("Communications Credits", "can be set up" if rule.has_credits else "cannot be set up"),
    ]


def _plans(shown: CountryShown) -> list[License]:
    return [plan for plan in CALLING_PLANS if not missing_in(plan, shown.rule.country, shown.table)]


def _domestic(shown: CountryShown) -> list[str]:
    home = shown.rule.country
    return [country for country in _home_first(shown) if is_domestic_for_minutes(home, country)]


def _abroad(shown: CountryShown) -> frozenset[str]:
    return shown.table.international.difference(_domestic(shown))


def _own(shown: CountryShown) -> list[str]:
    return [country for country in _home_first(shown) if is_own_country(shown.rule.country, country)]


def _home_first(shown: CountryShown) -> list[str]:
    home = shown.rule.country
    return [home, *(country for country in sorted(shown.table.rules) if country != home)]


def _named(countries: Sequence[str]) -> str:
    return ", ".join(map(country_name, countries))


# ── versions ────────────────────────────────────────────────────────────────────────────────────────────────


def versions_document(found: Sequence[VersionListed]) -> dict[str, Any]:
    """Return all versions, for programs."""
    return {
        "versions": [
            {
                **_version(listed.version),
                "valid_until": listed.valid_until,
                "countries": listed.countries_count,
                "is_in_force": listed.is_in_force,
            }
            for listed in found
        ]
    }


def versions_view(found: Sequence[VersionListed], at: datetime) -> Any:
    """Return all versions, for people."""
    made = table("Version", "Valid from", "until", "Countries", "State", "Source", numbers=("Version", "Countries"))
    for listed in found:
        is_planned = listed.version.valid_from > at
        state = Text("planned", "cyan") if is_planned else Text("past", "dim")
        made.add_row(
            str(listed.version.version_id),
            instant(listed.version.valid_from),
            instant(listed.valid_until) if listed.valid_until else Text("–", "dim"),
            f"{listed.countries_count:,}",
            Text("in force", "green") if listed.is_in_force else state,
            listed.version.source,
        )
    return made


# ── import ──────────────────────────────────────────────────────────────────────────────────────────────────


def import_document(imported: CountriesImported, valid_from: datetime, *, is_dry_run: bool) -> dict[str, Any]:
    """Return what a table changes, for programs."""
    return {
        "version": None if imported.version is None else imported.version.version_id,
        "follows": None if imported.before is None else imported.before.version_id,
        "valid_from": valid_from,
        "is_dry_run": is_dry_run,
        "counts": _counts(imported),
        "changes": [
            {
                "country": change.country,
                "change": change.kind,
                "cells": [{"column": each.column, "before": each.before, "after": each.after} for each in change.cells],
            }
            for change in imported.changes
        ],
        "mistakes": [],
    }


def _counts(imported: CountriesImported) -> dict[str, int]:
    counted = Counter(change.kind for change in imported.changes)
    return {kind.value: counted[kind] for kind in CountryChangeKind}


_STYLES = {CountryChangeKind.NEW: "green", CountryChangeKind.CHANGED: "cyan", CountryChangeKind.REMOVED: "yellow"}


def import_view(imported: CountriesImported, name: str, valid_from: datetime) -> Group:
    """Return the first changes, for people."""
    version = f"version {imported.version.version_id}" if imported.version else "a trial"
    follows = f"follows version {imported.before.version_id}" if imported.before else "the first table"
    counts = [
        Text(f"{count:,} {word}", _STYLES[CountryChangeKind(word)])
        for word, count in _counts(imported).items()
        if count
    ]
    title = heading(f"{name}, {version}, valid from {instant(valid_from)}", follows)
    if not imported.changes:
        return Group(
            heading(f"{name} differs in nothing from version {imported.before.version_id}" if imported.before else name)
        )
    made = table("Country", "", "Column", "Before", "After")
    shown = imported.changes[:CHANGES_SHOWN_MAX]
    for change in shown:
        _add_change(made, change)
    lines: list[Any] = [title, "", Text("   ").join(counts), "", made]
    if len(imported.changes) > len(shown):
        lines.append(Text(f"… and {len(imported.changes) - len(shown):,} more countries; --json has them all", "dim"))
    return Group(*lines)


def _add_change(made: Any, change: CountryChange) -> None:
    name = f"{country_name(change.country)} ({change.country})"
    kind = Text(change.kind.value, _STYLES[change.kind])
    if not change.cells:
        made.add_row(name, kind, Text("offers credit and nothing else", "dim"), "", "")
    for index, cell in enumerate(change.cells):
        before, after = (cell_text(value) or Text("–", "dim") for value in (cell.before, cell.after))
        made.add_row(name if index == 0 else "", kind if index == 0 else "", cell.column, before, after)


def mistakes_document(read: CountryFile) -> dict[str, Any]:
    """Return what is wrong with a file, for programs."""
    return {"version": None, "mistakes": [mistake._asdict() for mistake in read.mistakes]}


def mistakes_view(read: CountryFile) -> Group:
    """Return what is wrong with a file, for people."""
    made = table("Line", "Column", "Value", "What is wrong", numbers=("Line",))
    for each in read.mistakes[:MISTAKES_SHOWN_MAX]:
        made.add_row(str(each.line), each.column, each.value, each.reason)
    more = len(read.mistakes) - MISTAKES_SHOWN_MAX
    count = f"{len(read.mistakes):,} {'mistake' if len(read.mistakes) == 1 else 'mistakes'}"
    return Group(heading(count, read.name), "", made, *([f"… and {more:,} more"] if more > 0 else []))


def _version(version: CountryVersion) -> dict[str, Any]:
    return {"version": version.version_id, "valid_from": version.valid_from, "source": version.source}


def _source(version: CountryVersion) -> str:
    return f"version {version.version_id}, valid from {version.valid_from:%Y-%m-%d}, {version.source}"


def _row(countries: CountryTable, country: str) -> dict[str, Any]:
    return {**cells_of(countries, country), "name": country_name(country)}
