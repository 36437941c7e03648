"""Mapping files (TOML): which column of a plain CSV file says what, and how its cells are written.

zone = "Europe/Dublin"            # the clock of instants that state no offset
date_format = "%d/%m/%y %H:%M"    # as Python's strptime; or dates = "day-first" | "month-first" | "year-first"
decimal_comma = false
duration = "seconds"              # "minutes" or "hours" for a bare number; hh:mm:ss is read in any case
currency = "EUR"                  # where the file has no column for it
country_code = "353"              # goes before numbers that begin with one 0
kind = "user_out"                 # where neither a call type nor a direction is written
user = "ada@example.ie"           # whose calls they are, where no column says it

[columns]                         # a field of ours = the file's column
started_at = "date"
used_seconds = "duration"

[kinds]                           # the file's word = a call type
Outgoing = "user_out"

[only]                            # rows with other words there are no calls
item = ["call"]
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from talktime.core.insight.importing.cells import CellTerms, DateOrder, DurationUnit
from talktime.core.insight.importing.columns import Field
from talktime.core.insight.importing.imported_calls import UsageKind
from talktime.core.insight.importing.reading import ReadingTerms, kind_of
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.places import read_currency, read_zone

ChoiceT = TypeVar("ChoiceT", bound=Enum)

FILE_MAX_BYTES = 100_000
_WORDS = ("zone", "date_format", "dates", "duration", "currency", "country_code", "kind", "user")
_TABLES = ("columns", "kinds", "only")


@dataclass(frozen=True, slots=True)
class UsageMapping:
    """What a mapping file says; None and empty are what it leaves open."""

    columns: Mapping[Field, str] | None = None
    kinds: Mapping[str, UsageKind] = field(default_factory=dict)
    wanted: Mapping[str, frozenset[str]] = field(default_factory=dict)
    zone: ZoneInfo | None = None
    date_order: DateOrder | None = None
    date_format: str = ""
    decimal_comma: bool = False
    duration_unit: DurationUnit = DurationUnit.SECONDS
    currency: str = ""
    country_code: str = ""
    kind: UsageKind | None = None
    user: str = ""

    def terms(self, terms: ReadingTerms) -> ReadingTerms:
        """Return reading terms with what the mapping says; what was said on the command line stays."""
        stated = terms.cells
        cells = CellTerms(
            stated.zone or self.zone,
            stated.date_order or self.date_order,
            "" if stated.date_order else self.date_format,
            decimal_comma=stated.decimal_comma or self.decimal_comma,
            duration_unit=self.duration_unit,
            country_code=self.country_code,
        )
        return replace(
            terms, cells=cells, kinds=self.kinds, currency=self.currency, kind=self.kind or terms.kind, user=self.user
        )


def read_mapping(path: Path) -> UsageMapping:
    """Read a mapping file; raise NotFound or Invalid with what is wrong in it."""
    if not path.is_file():
        message = f"there is no mapping file {str(path)!r}"
        raise NotFound(message, code="file_not_found")
    with path.open("rb") as file:
        content = file.read(FILE_MAX_BYTES + 1)
    try:
        stated = tomllib.loads(content[:FILE_MAX_BYTES].decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise _wrong(path, f"is no TOML: {failure}") from failure
    try:
        return mapping_of(stated)
    except ValueError as failure:
        raise _wrong(path, str(failure)) from failure


def mapping_of(stated: Mapping[str, object]) -> UsageMapping:
    """Return what the tables and words of a mapping say; raise ValueError or Invalid."""
    unknown = [name for name in stated if name not in {*_WORDS, *_TABLES, "decimal_comma"}]
    if unknown:
        known = ", ".join((*_WORDS, "decimal_comma", *_TABLES))
        raise ValueError(f"{', '.join(unknown)}: not known; a mapping has {known}")
    word = {name: _word(stated, name) for name in _WORDS}
    comma = stated.get("decimal_comma", False)
    if not isinstance(comma, bool):
        raise ValueError("decimal_comma: write true or false")  # noqa: TRY004 -- one kind of mistake in the file
    return UsageMapping(
        columns=_columns(_table(stated, "columns")),
        kinds={each.lower(): _kind(kind) for each, kind in _table(stated, "kinds").items()},
        wanted={column: _words(column, words) for column, words in _table(stated, "only").items()},
        zone=read_zone(word["zone"]) if word["zone"] else None,
        date_order=_one_of(DateOrder, "dates", word["dates"]) if word["dates"] else None,
        date_format=word["date_format"],
        decimal_comma=comma,
        duration_unit=_unit(word["duration"] or "seconds"),
        currency=read_currency(word["currency"]) if word["currency"] else "",
        country_code=_country_code(word["country_code"]),
        kind=_kind(word["kind"]) if word["kind"] else None,
        user=word["user"],
    )


def _columns(table: Mapping[str, object]) -> Mapping[Field, str] | None:
    if not table:
        return None
    columns: dict[Field, str] = {}
    for name, column in table.items():
        if not isinstance(column, str) or not column.strip():
            raise ValueError(f"columns.{name}: write the name of the file's column")
        columns[_one_of(Field, "columns", name)] = column
    return columns


def _words(column: str, words: object) -> frozenset[str]:
    stated = [words] if isinstance(words, str) else words
    if not isinstance(stated, list) or not stated or not all(isinstance(each, str) for each in stated):
        raise ValueError(f'only.{column}: write a list of words, such as ["call"]')
    return frozenset(each.lower() for each in stated)


def _kind(word: object) -> UsageKind:
    found = kind_of(word) if isinstance(word, str) else None
    if found is None:
        raise ValueError(f"{word!r} is no call type: {', '.join(kind.value for kind in UsageKind)} are")
    return found


def _unit(word: str) -> DurationUnit:
    units = {unit.name.lower(): unit for unit in DurationUnit}
    if word not in units:
        raise ValueError(f"duration: {word!r} is none of {', '.join(units)}")
    return units[word]


def _country_code(word: str) -> str:
    digits = word.removeprefix("+")
    if word and not (digits.isascii() and digits.isdigit() and len(digits) <= 3):  # noqa: PLR2004 -- ITU-T E.164 §6.1
        raise ValueError(f"country_code: {word!r} is no country code such as 353")
    return digits


def _one_of(choices: type[ChoiceT], where: str, word: str) -> ChoiceT:
    known = {each.value: each for each in choices}
    if word not in known:
        raise ValueError(f"{where}: {word!r} is none of {', '.join(map(str, known))}")
    return known[word]


def _table(stated: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = stated.get(name, {})
    if not isinstance(table, dict):
        raise ValueError(f"{name}: write a table, [{name}]")  # noqa: TRY004 -- as above
    return table


def _word(stated: Mapping[str, object], name: str) -> str:
    word = stated.get(name, "")
    if not isinstance(word, str):
        raise ValueError(f"{name}: write text in quotes")  # noqa: TRY004 -- as above
    return word.strip()


def _wrong(path: Path, what: str) -> Invalid:
    return Invalid(f"{path.name}: {what}", code="usage_mapping")
