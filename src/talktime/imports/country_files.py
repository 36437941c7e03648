"""Country tables from CSV files and workbooks: a table is taken whole, and each mistake has its line and column."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import NamedTuple, TypeVar

from talktime.core.organizations.country_table import ConferencingSale, CountryRule, CountryTable, PremiumSupport
from talktime.core.organizations.country_versions import COLUMNS
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.places import read_country
from talktime.imports.spreadsheets import read_sheet

# The world has 250 countries; whoever brings more has taken the wrong file.
ROWS_MAX = 1_000
# A month has 44,640 minutes: a license with more has a misplaced digit.
MINUTES_MAX = 44_640
TEXT_CHARACTERS_MAX = 200
ZONES = ("", "1", "2", "MX")
_YES = frozenset({"yes", "y", "true", "1"})
_NO = frozenset({"no", "n", "false", "0"})

EnumT = TypeVar("EnumT", bound=Enum)
CellT = TypeVar("CellT")


class CountryMistake(NamedTuple):
    """What is wrong with a line, and in which column."""

    line: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class CountryFile:
    """What a file says; with a mistake in it, it is no table."""

    name: str
    table: CountryTable
    mistakes: tuple[CountryMistake, ...]


def read_country_file(path: Path) -> CountryFile:
    """Read a CSV file or a workbook's first sheet; raise Invalid where it as a whole is no country table."""
    if not path.exists():
        message = f"there is no file {str(path)!r}"
        raise NotFound(message, code="file_not_found")
    return read_countries(read_sheet(path), path.name)


def read_countries(rows: Iterable[tuple[int, Sequence[str]]], name: str) -> CountryFile:
    """Read the rows of a sheet, each with its line; the first that is not empty names the columns."""
    filled = ((line, cells) for line, cells in rows if any(cell.strip() for cell in cells))
    _, header = next(filled, (1, ()))
    columns = _columns(header, name)
    read = _Reading()
    for count, (line, cells) in enumerate(filled, start=1):
        if count > ROWS_MAX:
            message = f"{name} has more than {ROWS_MAX:,} rows: it is no table of countries"
            raise Invalid(message, code="country_file_rows")
        read.take(_Line(line, columns, cells))
    if not read.lines:
        message = f"{name} has a header and no country below it"
        raise Invalid(message, code="country_file_empty")
    return CountryFile(name, CountryTable(0, read.rules, frozenset(read.international)), tuple(read.mistakes))


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    words = [re.sub(r"[^a-z0-9]+", "_", word.strip().lower()).strip("_") for word in header]
    missing = [column for column in COLUMNS if column not in words]
    unknown = sorted({word for word in words if word and word not in COLUMNS})
    twice = sorted({word for word in words if word and words.count(word) > 1})
    if missing or unknown or twice:
        said = (
            *([f"lacks {', '.join(missing)}"] if missing else ()),
            *([f"has {', '.join(unknown)}, which nobody reads"] if unknown else ()),
            *([f"names {', '.join(twice)} twice"] if twice else ()),
        )
        message = (
            f"the first line of {name} {'; it '.join(said)}. `talktime countries export` writes a table with all its"
            " columns"
        )
        raise Invalid(message, code="country_file_header")
    return {column: words.index(column) for column in COLUMNS}


class _Line:
    """The cells of one line; what cannot be read is a mistake and reads as nothing."""

    def __init__(self, line: int, columns: Mapping[str, int], cells: Sequence[str]) -> None:
        self.line = line
        self.mistakes: list[CountryMistake] = []
        self._cells = {name: cells[place].strip() if place < len(cells) else "" for name, place in columns.items()}
        beyond = [cell for cell in cells[len(columns) :] if cell.strip()]
        if beyond:
            self.mistakes.append(CountryMistake(line, "", beyond[0], "the row has more cells than the header"))

    def country(self) -> str:
        return self._read("country", read_country, "")

    def one_of(self, column: str, words: type[EnumT], otherwise: EnumT) -> EnumT:
        def read(text: str) -> EnumT:
            for word in words:
                if word.value == text.lower():
                    return word
            message = f"is none of {', '.join(str(word.value) for word in words)}"
            raise ValueError(message)

        return self._read(column, read, otherwise)

    def switch(self, column: str) -> bool:
        def read(text: str) -> bool:
            if text.lower() not in _YES | _NO:
                raise ValueError("write yes or no")
            return text.lower() in _YES

        return self._read(column, read, otherwise=False)

    def minutes(self, column: str) -> int:
        def read(text: str) -> int:
            if re.fullmatch(r"-?[0-9]+", text) is None:
                raise ValueError("is no whole number of minutes; write 0 where no plan is sold")
            minutes = int(text)
            if not 0 <= minutes <= MINUTES_MAX:
                message = f"a license has 0 to {MINUTES_MAX:,} minutes, which is a month"
                raise ValueError(message)
            return minutes

        return self._read(column, read, 0)

    def zone(self) -> str:
        def read(text: str) -> str:
            if text.upper() not in ZONES:
                raise ValueError("write 1, 2 or MX, or nothing where no such plan is sold")
            return text.upper()

        return self._read("pay_as_you_go_zone", read, "")

    def text(self, column: str) -> str:
        def read(text: str) -> str:
            if len(text) > TEXT_CHARACTERS_MAX or not text.isprintable():
                message = f"write at most {TEXT_CHARACTERS_MAX} printable characters"
                raise ValueError(message)
            return text

        return self._read(column, read, "")

    def _read(self, column: str, read: Callable[[str], CellT], otherwise: CellT) -> CellT:
        text = self._cells[column]
        try:
            return read(text)
        except ValueError as failure:
            reason = str(failure)
        except Invalid as failure:
            reason = failure.message
        self.mistakes.append(CountryMistake(self.line, column, text, reason))
        return otherwise


@dataclass(slots=True)
class _Reading:
    """What the lines so far have said."""

    rules: dict[str, CountryRule] = field(default_factory=dict)
    international: set[str] = field(default_factory=set)
    mistakes: list[CountryMistake] = field(default_factory=list)
    # Each country's first line.
    lines: dict[str, int] = field(default_factory=dict)

    def take(self, line: _Line) -> None:
        rule = _rule(line)
        is_international_destination = line.switch("is_international_destination")
        self.mistakes += line.mistakes
        first = self.lines.setdefault(rule.country, line.line)
        if rule.country and first != line.line:
            reason = f"stands in line {first} already"
            self.mistakes.append(CountryMistake(line.line, "country", rule.country, reason))
            return
        self.rules[rule.country] = rule
        if is_international_destination:
            self.international.add(rule.country)


def _rule(line: _Line) -> CountryRule:
    return CountryRule(
        country=line.country(),
        conferencing=line.one_of("conferencing", ConferencingSale, ConferencingSale.NOT_SOLD),
        is_zone_a=line.switch("is_zone_a"),
        domestic_minutes=line.minutes("domestic_minutes"),
        international_minutes=line.minutes("international_minutes"),
        pay_as_you_go_zone=line.zone(),
        plan_partner=line.text("plan_partner"),
        premium=line.one_of("premium", PremiumSupport, PremiumSupport.NONE),
        has_toll_numbers=line.switch("has_toll_numbers"),
        has_toll_free_numbers=line.switch("has_toll_free_numbers"),
        has_credits=line.switch("has_credits"),
        toll_city=line.text("toll_city"),
    )
