"""`talktime countries`: what is offered where, since when, and what a new table changes."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from talktime.core.organizations.country_table import CountryRule
from talktime.core.rates.countries import find_country
from talktime.core.values.places import read_country
from talktime.interfaces.cli.files import STANDARD_OUTPUT, text_stream
from talktime.interfaces.cli.organizations import country_views as views
from talktime.interfaces.cli.terminal import DEFAULTS, Options, hint, now, open_app, parse_instant, refuse, show
from talktime.usecases.organizations.manage_countries import (
    CountriesImported,
    CountryAt,
    ImportCountries,
    import_countries,
    list_country_versions,
    show_country,
    table_at,
)

app = App(name="countries")

EXIT_MISTAKES = 2
At = Annotated[str, Parameter(help="The table of this day or instant (UTC); by default today's.")]


@app.default
@app.command(name="list")
def list_(
    *,
    with_plans: Annotated[bool, Parameter(negative=(), help="Only where calling plans are sold.")] = False,
    without_credits: Annotated[bool, Parameter(negative=(), help="Only where credits cannot be set up.")] = False,
    zone_a: Annotated[bool, Parameter(negative=(), help="Only where conference minutes reach.")] = False,
    at: At = "",
    options: Options = DEFAULTS,
) -> None:
    """List the countries with what is offered in each."""
    with open_app(options.database) as talktime:
        version, table = talktime.read(table_at, parse_instant(at) if at else now())

    def is_wanted(rule: CountryRule) -> bool:
        return not (
            (with_plans and not (rule.domestic_minutes or rule.plan_partner))
            or (without_credits and rule.has_credits)
            or (zone_a and not rule.is_zone_a)
        )

    chosen = [table.rules[country] for country in sorted(table.rules) if is_wanted(table.rules[country])]
    document = views.list_document(version, table, chosen)
    show(options, document, lambda: views.list_view(version, table, chosen))


@app.command(name="show")
def show_(
    country: Annotated[str, Parameter(help="Two ISO 3166 letters, or the English name.")],
    *,
    at: At = "",
    options: Options = DEFAULTS,
) -> None:
    """Show what is offered in a country: included minutes, conferencing, numbers, credits."""
    code = find_country(country) or read_country(country)
    with open_app(options.database) as talktime:
        shown = talktime.read(show_country, CountryAt(code, parse_instant(at) if at else now()))
    show(options, views.country_document(shown), lambda: views.country_view(shown))


@app.command
def versions(*, options: Options = DEFAULTS) -> None:
    """List the versions of the table, each valid until the next one is."""
    at = now()
    with open_app(options.database) as talktime:
        found = talktime.read(list_country_versions, at)
    show(options, views.versions_document(found), lambda: views.versions_view(found, at))


@app.command(name="import")
def import_(
    file: Annotated[Path, Parameter(help="CSV or workbook with one row a country, as `export` writes it.")],
    *,
    from_: Annotated[str, Parameter(name="--from", help="The first day or instant (UTC) for which it is valid.")],
    dry_run: Annotated[bool, Parameter(negative=(), help="Tell what would change, and change nothing.")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Let a whole new table be valid from a day on; until then, and for calls of before, the one before it is."""
    from talktime.imports.country_files import read_country_file

    valid_from, read = parse_instant(from_), read_country_file(file)
    if read.mistakes:
        show(options, views.mistakes_document(read), lambda: views.mistakes_view(read))
        if not options.as_json:
            refuse(f"{file.name}: nothing was imported; correct these lines first")
        return EXIT_MISTAKES
    request = ImportCountries(read.table, file.name, valid_from, now(), dry_run)
    with open_app(options.database) as talktime:
        imported = (talktime.read if dry_run else talktime.run)(import_countries, request)
    document = views.import_document(imported, valid_from, is_dry_run=dry_run)
    show(options, document, lambda: views.import_view(imported, file.name, valid_from))
    if not options.as_json:
        _what_next(imported, dry_run=dry_run)
    return 0


def _what_next(imported: CountriesImported, *, dry_run: bool) -> None:
    if not imported.changes:
        hint("Every country stays as it is, so no version was added.")
    elif dry_run:
        hint("Nothing was written. Leave `--dry-run` away to import it.")
    else:
        hint("`talktime countries versions` shows what is valid when.")


@app.command
def export(
    file: Annotated[str, Parameter(help="Where to; - is standard output.")] = STANDARD_OUTPUT,
    *,
    at: At = "",
    options: Options = DEFAULTS,
) -> None:
    """Write the table as CSV: change what differs, and import it for a day to come."""
    from talktime.exports.countries_csv import write_countries

    with open_app(options.database) as talktime:
        version, table = talktime.read(table_at, parse_instant(at) if at else now())
    with text_stream(file, as_json=options.as_json) as stream:
        write_countries(stream, table)
    if file != STANDARD_OUTPUT:
        document = {"file": file, "version": version.version_id, "countries": len(table.rules)}
        show(options, document, lambda: f"{file}: {len(table.rules)} countries of version {version.version_id}")
