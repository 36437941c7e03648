"""The country table: look a country up, list versions, and add one for the time to come (S17)."""

from datetime import datetime

from talktime.core.organizations import country_versions
from talktime.core.organizations.country_table import CountryRule, CountryTable
from talktime.core.organizations.country_versions import CountryChange, CountryVersion
from talktime.core.values.errors import NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction


@frozen
class CountryAt:
    """A country, and the instant whose table is asked."""

    country: str
    at: datetime


@frozen
class CountryShown:
    """A country's row and the table that it stands in; a country that is not described has credit and nothing else."""

    version: CountryVersion
    table: CountryTable
    rule: CountryRule
    is_described: bool


@frozen
class VersionListed:
    """A version, until when it is valid, and whether it is at the instant that was asked."""

    version: CountryVersion
    valid_until: datetime | None
    countries_count: int
    is_in_force: bool


@frozen
class ImportCountries:
    """A table that is to be valid from an instant on, until the next one is."""

    table: CountryTable
    source: str
    valid_from: datetime
    at: datetime
    is_dry_run: bool = False


@frozen
class CountriesImported:
    """What a table changes of the one that it follows; `version` is None where nothing was saved."""

    before: CountryVersion | None
    changes: tuple[CountryChange, ...]
    version: CountryVersion | None


def show_country(tx: Transaction, request: CountryAt) -> CountryShown:
    """Return what is offered in a country at an instant; raise NotFound before the first table."""
    version, table = table_at(tx, request.at)
    return CountryShown(version, table, table.of(request.country), request.country in table.rules)


def table_at(tx: Transaction, at: datetime) -> tuple[CountryVersion, CountryTable]:
    """Return the version that is valid at an instant, with its rows; raise NotFound before the first."""
    versions = tx.countries.versions()
    version = country_versions.version_in_force(versions, at)
    if version is None:
        begins = f"; the first begins at {versions[0].valid_from:%Y-%m-%d %H:%M} UTC" if versions else ""
        message = f"no country table is valid at {at:%Y-%m-%d %H:%M} UTC{begins}"
        raise NotFound(message, code="country_version_not_found")
    return version, tx.countries.table(version.version_id)


def list_country_versions(tx: Transaction, at: datetime) -> list[VersionListed]:
    """Return all versions in the order in which they are valid."""
    versions = tx.countries.versions()
    current = country_versions.version_in_force(versions, at)
    ends = [*(version.valid_from for version in versions[1:]), None]
    return [
        VersionListed(version, end, len(tx.countries.table(version.version_id).rules), version == current)
        for version, end in zip(versions, ends, strict=False)
    ]


def import_countries(tx: Transaction, request: ImportCountries) -> CountriesImported:
    """Add a version where it changes anything; raise Conflict where one may not begin then."""
    versions = tx.countries.versions()
    country_versions.check_beginning(versions, request.valid_from, request.at)
    before = country_versions.version_in_force(versions, request.valid_from)
    changes = country_versions.compare(tx.countries.in_force(request.valid_from), request.table)
    if request.is_dry_run or not changes:
        return CountriesImported(before, changes, None)
    version = tx.countries.add(request.table, source=request.source, valid_from=request.valid_from, at=request.at)
    return CountriesImported(before, changes, version)
