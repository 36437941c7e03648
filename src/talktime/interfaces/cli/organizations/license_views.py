"""How licenses are shown: the documents for programs, the views for people."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from talktime.core.organizations.licenses import License
from talktime.core.organizations.licensing.assigning import Shortage
from talktime.core.organizations.licensing.offers import Offer
from talktime.core.organizations.licensing.products import LIST_PRICE_CURRENCY, Family, Product, product_of
from talktime.core.organizations.organizations import Organization
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import heading, hint, money, refuse, table, warn
from talktime.usecases.organizations.licensing.assign_licenses import LicenseRow, LicensesAssigned
from talktime.usecases.organizations.licensing.show_licenses import LicenseOverview

ROWS_SHOWN_MAX = 50
COUNTRIES_SHOWN_MAX = 5
_PRICES_ARE = f"Prices are in {LIST_PRICE_CURRENCY} per user and month, from public pages, for orientation."


def words(licenses: License) -> list[str]:
    """Return the names of licenses for programs."""
    return [str(license_.name).lower() for license_ in licenses]


def short_names(licenses: License) -> Text:
    """Return the names of licenses for a cell, however many there are."""
    names = ", ".join(product_of(license_).short_name for license_ in licenses)
    return Text(names) if names else Text("–", "dim")


def shortage_documents(shortages: Sequence[Shortage]) -> list[dict[str, Any]]:
    """Return for programs what was not bought."""
    return [
        {
            "license": product_of(each.license).key,
            "available": each.available,
            "assigned": each.assigned,
            "missing": each.missing,
            "message": each.message,
        }
        for each in shortages
    ]


def tell_shortages(shortages: Sequence[Shortage]) -> None:
    """Say what was not bought and what buys it."""
    for shortage in shortages:
        what, _, command = shortage.message.partition("; ")
        refuse(what)
        hint(command)


def warn_of_cautions(cautions: Sequence[str]) -> None:
    """Say how many people cannot use the credit, once for all of them (S57)."""
    count = sum(map(bool, cautions))
    if count:
        who = "user has" if count == 1 else "users have"
        warn(f"{count:,} {who} no Communications Credits: calls that the licenses do not include are refused")
        hint("They cost nothing: `talktime licenses assign NAMES --on communications-credits`")


# ── assigned ────────────────────────────────────────────────────────────────────────────────────────────────


def assigned_document(assigned: LicensesAssigned, *, dry_run: bool) -> dict[str, Any]:
    """Return what became of each name, for programs."""
    return {
        "organization": assigned.organization,
        "dry_run": dry_run,
        "saved": assigned.is_saved,
        "changed": len(assigned.changed),
        "refused": len(assigned.refused),
        "shortages": shortage_documents(assigned.shortages),
        "rows": [
            {
                "user": row.user_principal_name,
                "before": words(row.before),
                "after": words(row.after),
                "problems": row.problems,
                "caution": row.caution or None,
            }
            for row in assigned.rows
        ],
    }


def assigned_view(assigned: LicensesAssigned, *, dry_run: bool) -> Group:
    """Return a line for each name; where some are refused, for those only."""
    rows = assigned.refused or assigned.rows
    made = table("User", "Problem") if assigned.refused else table("User", "Change", "Licenses")
    for row in rows[:ROWS_SHOWN_MAX]:
        cells = [Text("\n".join(row.problems), "red")] if row.problems else [_change(row), short_names(row.after)]
        made.add_row(row.user_principal_name, *cells)
    lines: list[Any] = [made]
    if len(rows) > ROWS_SHOWN_MAX:
        lines.append(Text(f"… and {len(rows) - ROWS_SHOWN_MAX:,} more; --json has them all", "dim"))
    if not assigned.is_refused:
        would = " would be changed; nothing was, it is a dry run" if dry_run else " changed"
        count = f"{len(assigned.changed):,} of {len(assigned.rows):,} users{would}"
        lines += ["", heading(count, assigned.organization)]
    return Group(*lines)


def _change(row: LicenseRow) -> Text:
    if row.before == row.after:
        return Text("unchanged", "dim")
    on = [(f"+ {product_of(each).short_name}", "green") for each in row.after & ~row.before]
    off = [(f"− {product_of(each).short_name}", "yellow") for each in row.before & ~row.after]
    return Text("\n").join([Text(*part) for part in on + off])


# ── bought and assigned ─────────────────────────────────────────────────────────────────────────────────────────


def overview_document(owner: Organization, overviews: Sequence[LicenseOverview]) -> dict[str, Any]:
    """Return the catalog with what was bought and assigned, for programs; None is any number."""
    return {
        "organization": owner.name,
        "licenses": [
            {
                **_product(overview.product),
                "available": overview.available,
                "assigned": overview.assigned,
                "free": overview.free,
                "by_country": overview.by_country,
            }
            for overview in overviews
        ],
    }


def overview_table(owner: Organization, overviews: Sequence[LicenseOverview]) -> Group:
    """Return the catalog by families; what the organization has stands out."""
    made = table("License", "Part name", "Bought", "Assigned", "Free", "Where", numbers=("Bought", "Assigned", "Free"))
    for family in Family:
        made.add_section()
        for overview in overviews:
            if overview.product.family is family:
                made.add_row(*_overview_cells(overview), style="" if overview.assigned or overview.available else "dim")
    return Group(heading("Licenses", owner.name), "", made)


def _overview_cells(overview: LicenseOverview) -> list[Text]:
    product = overview.product
    where = [f"{country} {count:,}" for country, count in overview.by_country.items()]
    more = len(where) - COUNTRIES_SHOWN_MAX
    shown = ", ".join(where[:COUNTRIES_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
    free = overview.free
    is_overdrawn = free is not None and free < 0
    return [
        Text(product.name),
        Text(product.sku, "dim"),
        Text(
            "unlimited" if overview.available is None else f"{overview.available:,}{' allotted' * product.is_allotted}"
        ),
        Text(f"{overview.assigned:,}"),
        Text("" if free is None else f"{free:,}", "red" if is_overdrawn else ""),
        Text(shown),
    ]


# ── plans and prices ────────────────────────────────────────────────────────────────────────────────────────


def plans_document(country: str, offers: Sequence[Offer]) -> dict[str, Any]:
    """Return plans and prices for programs; minutes are for each license and month."""
    return {
        "country": country.upper() or None,
        "prices": _PRICES_ARE,
        "plans": [
            {
                **_product(offer.product),
                "list_price": _price(offer.product),
                "currency": LIST_PRICE_CURRENCY,
                "domestic_minutes": offer.domestic_minutes if country else None,
                "international_minutes": offer.international_minutes if country else None,
                "refusal": offer.refusal or None,
            }
            for offer in offers
        ],
    }


def plans_view(country: str, offers: Sequence[Offer]) -> Group:
    """Return plans and prices by their three families."""
    minutes = ("Minutes", "abroad", "") if country else ()
    numbers = ("A month", *minutes[:2])
    made = table("Plan", "Part name", "A month", *minutes, numbers=numbers)
    family: Family | None = None
    for offer in offers:
        if offer.product.family is not family:
            made.add_section()
            family = offer.product.family
            made.add_row(Text(family.value, "bold"))
        made.add_row(*_offer_cells(offer, is_in_country=bool(country)), style="dim" if offer.refusal else "")
    lines: list[Any] = [heading("Plans and prices", *([f"in {country.upper()}"] if country else [])), "", made, ""]
    if country:
        lines.append(Text("Minutes are for each license and calendar month, calls abroad have their own.", "dim"))
    else:
        lines.append(Text("`talktime licenses plans DE` shows the minutes in a country.", "dim"))
    return Group(*lines, Text(_PRICES_ARE, "dim"))


def _offer_cells(offer: Offer, *, is_in_country: bool) -> list[Text | str]:
    product = offer.product
    price = product.list_price_micros
    shown = Text("–", "dim") if price is None else Text("free" if price == 0 else money(price))
    cells: list[Text | str] = [f"  {product.name}", Text(product.sku, "dim"), shown]
    if is_in_country:
        minutes = (offer.domestic_minutes, offer.international_minutes)
        cells += [f"{each:,}" if each else "" for each in minutes]
        cells.append(offer.refusal.removeprefix(product.name).strip())
    return cells


def _price(product: Product) -> str | None:
    return None if product.list_price_micros is None else format_micros(product.list_price_micros)


def _product(product: Product) -> dict[str, Any]:
    return {
        "license": product.key,
        "name": product.name,
        "sku": product.sku,
        "family": product.family.name.lower(),
        "needs_any_of": words(product.needs),
        "excludes": words(product.excludes),
        "pool_basis": None if product.basis is None else product.basis.value,
    }
