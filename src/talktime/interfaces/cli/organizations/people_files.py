"""Lists of people as CSV, workbook or plain text: columns by their names, whatever their order."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from talktime.core.organizations.licenses import CREDIT_LICENSES, NO_LICENSE, License
from talktime.core.organizations.licensing.products import known_as, read_license
from talktime.core.values.errors import Invalid
from talktime.imports.spreadsheets import read_sheet
from talktime.usecases.organizations.manage_users import NewUser

_COLUMNS: dict[str, tuple[str, ...]] = {
    "user": ("user", "userprincipalname", "upn", "username", "principalname", "login", "email", "mail"),
    "display_name": ("displayname", "name", "fullname"),
    "numbers": (
        "number",
        "numbers",
        "phonenumber",
        "phonenumbers",
        "phone",
        "telephone",
        "lineuri",
        "did",
        "extension",
    ),
    "usage_location": ("usagelocation", "country", "location"),
    "department": ("department", "costcenter"),
    "licenses": ("licenses", "license", "licences", "licence"),
}
_YES = frozenset({"yes", "y", "true", "1", "on", "x"})
_NO = frozenset({"no", "n", "false", "0", "off", ""})
# What calls and conferences that reach everywhere need.
_ALL = "all"
_SEPARATORS = re.compile(r"[;,|\n]")
PEOPLE_MAX = 100_000


def read_people(path: Path) -> tuple[NewUser, ...]:
    """Return the people of a file, each with what could not be read of him; raise Invalid for a file without users."""
    names, lines = _header_and_lines(path)
    header, switches = _columns(names), _license_columns(names)
    if "user" not in header:
        message = (
            f"{path.name} has no column for the user principal name; it may be called `user principal name` or `user`,"
            " beside display name, number, usage location, department, licenses"
        )
        raise Invalid(message, code="users_header")
    people = tuple(_person(line, header, switches, cells) for line, cells in lines)
    if not people:
        message = f"{path.name} has a header and no user below it"
        raise Invalid(message, code="users_empty")
    return people


def read_names(path: Path) -> tuple[str, ...]:
    """Return the user principal names of a file: one a line, or the user column of a table."""
    if path.suffix.lower() == ".txt":
        words = [cells[0].strip() for _, cells in read_sheet(path) if cells]
        names = tuple(word for word in words if word and not word.startswith("#"))
    else:
        names = tuple(person.user_principal_name for person in read_people(path))
    if not names:
        message = f"{path.name} names no user"
        raise Invalid(message, code="users_empty")
    return names


def _header_and_lines(path: Path) -> tuple[tuple[str, ...], list[tuple[int, tuple[str, ...]]]]:
    lines = [(line, cells) for line, cells in read_sheet(path) if any(cell.strip() for cell in cells)]
    if not lines:
        message = f"{path.name} is empty"
        raise Invalid(message, code="users_empty")
    (_, names), *rest = lines
    if len(rest) > PEOPLE_MAX:
        message = f"{path.name} has more than {PEOPLE_MAX:,} users; split it"
        raise Invalid(message, code="users_too_many")
    return names, rest


def _columns(names: Sequence[str]) -> dict[str, int]:
    keys = [re.sub(r"[^a-z0-9]", "", name.lower().replace("(s)", "")) for name in names]
    return {
        column: keys.index(synonym)
        for column, synonyms in _COLUMNS.items()
        for synonym in reversed(synonyms)
        if synonym in keys
    }


def _license_columns(names: Sequence[str]) -> dict[int, License]:
    """Find the licenses that are columns of their own, with yes or no in them."""
    return {place: license_ for place, name in enumerate(names) if (license_ := known_as(name)) is not None}


@lru_cache(maxsize=1_024)
def read_licenses(text: str) -> tuple[License, tuple[str, ...]]:
    """Return the licenses that are named, and what of the text names none."""
    found, problems = NO_LICENSE, []
    for word in filter(None, map(str.strip, _SEPARATORS.split(text))):
        try:
            found |= CREDIT_LICENSES if word.lower() == _ALL else read_license(word)
        except Invalid as refusal:
            problems.append(refusal.message)
    return found, tuple(problems)


def _person(line: int, header: Mapping[str, int], switches: Mapping[int, License], cells: Sequence[str]) -> NewUser:
    text = {name: cells[place].strip() if place < len(cells) else "" for name, place in header.items()}
    named, problems = read_licenses(text.get("licenses", ""))
    switched, further = _switched(switches, cells)
    return NewUser(
        line=line,
        user_principal_name=text["user"],
        display_name=text.get("display_name", ""),
        numbers=tuple(filter(None, map(str.strip, _SEPARATORS.split(text.get("numbers", ""))))),
        usage_location=text.get("usage_location", ""),
        department=text.get("department", ""),
        licenses=named | switched,
        problems=(*problems, *further),
    )


def _switched(switches: Mapping[int, License], cells: Sequence[str]) -> tuple[License, tuple[str, ...]]:
    found, problems = NO_LICENSE, []
    for place, license_ in switches.items():
        answer = cells[place].strip().lower() if place < len(cells) else ""
        if answer in _YES:
            found |= license_
        elif answer not in _NO:
            problems.append(f"{cells[place].strip()!r} is neither yes nor no")
    return found, tuple(problems)
