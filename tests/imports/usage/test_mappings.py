"""Mapping files: any CSV whose columns have names becomes calls."""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from talktime.core.insight.importing.cells import DateOrder
from talktime.core.insight.importing.imported_calls import UsageKind
from talktime.core.insight.importing.reading import NO_CALL, ReadingTerms
from talktime.core.values.errors import Invalid, NotFound
from talktime.imports.usage import HowToRead, read_mapping
from tests.imports.usage.exports import NOW, OF_2025, calls, lines, on_clock, row, saved


def mapped(folder: Path, text: str) -> HowToRead:
    return HowToRead(ReadingTerms(NOW), mapping=read_mapping(saved(folder, text, "mapping.toml")))


@pytest.fixture
def documented(repository: Path) -> list[str]:
    """Give the mappings of the documentation: of a phone's bill, and of a phone's log."""
    page = (repository / "docs" / "operate" / "importing-usage.md").read_text(encoding="utf-8")
    return re.findall(r"```toml\n(.*?)```", page, re.DOTALL)


def test_a_phone_bill_is_calls_and_what_is_none(shared_data: Path, tmp_path: Path, documented: list[str]) -> None:
    found = lines(shared_data / "calls" / "phone_bill_ie" / "phone_data.csv", mapped(tmp_path, documented[0]))

    told = [line.call for line in found if line.call]
    assert Counter("call" if line.call else line.skipped for line in found) == {"call": 388, NO_CALL: 442}
    # 15 October is summer time in Dublin; some of its dates have four digits of the year, and it is the same column.
    assert told[0].started_at == datetime(2014, 10, 15, 5, 58, tzinfo=UTC)
    assert (told[0].used_seconds, told[0].user, told[0].destination) == (13, "phone", "Vodafone")


def test_a_phones_log_is_calls_and_named_rejects(shared_data: Path, tmp_path: Path, documented: list[str]) -> None:
    found = lines(shared_data / "calls" / "nodobo_calls" / "nodobo_calls_masked.csv", mapped(tmp_path, documented[1]))

    reasons = Counter(line.reject.reason.partition(":")[0] for line in found if line.reject)
    kinds = Counter(line.call.kind for line in found if line.call)
    assert len(found) == 13_031
    assert kinds == {UsageKind.USER_OUT: 8_022, UsageKind.USER_IN: 3_154}
    assert reasons["lies before 2000"] == 28
    assert sum(reasons.values()) == 31
    assert Counter(line.skipped for line in found if line.skipped) == {NO_CALL: 1_824}


def test_everything_that_a_mapping_can_say_is_heard(tmp_path: Path) -> None:
    text = """
    zone = "Europe/Berlin"
    date_format = "%Y%m%d %H%M"
    decimal_comma = true
    duration = "minutes"
    currency = "eur"
    country_code = "+49"
    [columns]
    started_at = "Wann"
    used_seconds = "Minuten"
    called = "Ziel"
    charge = "Betrag"
    direction = "Richtung"
    [kinds]
    ab = "ByotOut"
    """
    path = saved(
        tmp_path, "Wann;Minuten;Ziel;Betrag;Richtung\n20260302 1300;1,5;030 1234567;1.000,05;ab\n", "calls.csv"
    )

    (call,) = calls(path, mapped(tmp_path, text))

    assert call.kind is UsageKind.DIRECT_OUT
    assert call.started_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert (call.used_seconds, call.called) == (90, "49301234567")
    assert (call.charge_micros, call.currency) == (1_000_050_000, "EUR")


def test_what_is_said_on_the_command_line_comes_before_the_mapping(tmp_path: Path) -> None:
    mapping = mapped(tmp_path, 'zone = "Asia/Tokyo"\ndate_format = "%d/%m/%Y"\nkind = "user_out"').mapping
    told = on_clock("UTC", date_order=DateOrder.MONTH_FIRST)
    path = saved(tmp_path, "start,duration\n01/02/2026 09:30,5\n", "calls.csv")

    (call,) = calls(path, HowToRead(told.terms, mapping=mapping))

    assert call.started_at == datetime(2026, 1, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("zone =", "is no TOML"),
        ('shape = "round"', "shape: not known; a mapping has zone"),
        ('zone = "Mars"', "is no time zone"),
        ("zone = 5", "zone: write text in quotes"),
        ('decimal_comma = "yes"', "decimal_comma: write true or false"),
        ('dates = "sideways"', "dates: 'sideways' is none of day-first"),
        ('duration = "days"', "duration: 'days' is none of seconds, minutes, hours"),
        ('currency = "ABC"', "is no currency"),
        ('country_code = "0049"', "is no country code"),
        ('kind = "song"', "'song' is no call type"),
        ('columns = "a"', "columns: write a table, [columns]"),
        ("[columns]\nstarted_at = 5", "columns.started_at: write the name"),
        ('[columns]\nshape = "a"', "columns: 'shape' is none of source_id"),
        ("[kinds]\nx = 5", "5 is no call type"),
        ("[only]\nitem = []", "only.item: write a list of words"),
    ],
)
def test_a_mapping_with_a_mistake_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        read_mapping(saved(tmp_path, text, "mapping.toml"))

    assert sentence in refused.value.message


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no mapping file"):
        read_mapping(tmp_path / "none.toml")


def test_a_mapping_that_wants_rows_by_a_column_that_is_absent_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, "start,duration\n2026-03-02T12:00:00Z,5\n", "calls.csv")

    with pytest.raises(Invalid, match="wants only some rows by 'item'"):
        lines(path, mapped(tmp_path, '[only]\nitem = "call"'))


def test_a_workbook_is_read_below_its_title_and_without_its_total(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for cells in (["Usage of Contoso"], [], list(OF_2025), row(), row(Charge="x"), ["Total"]):
        sheet.append(cells)
    path = tmp_path / "usage.xlsx"
    book.save(path)
    book.close()

    good, bad = lines(path)

    assert good.call is not None
    assert good.call.charge_micros == 50_000
    assert (bad.line, bad.reject and bad.reject.column) == (5, "Charge")


def test_a_workbook_without_calls_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Name", "Amount"])
    book.save(tmp_path / "usage.xlsx")
    book.close()

    with pytest.raises(Invalid, match="no column says started_at"):
        lines(tmp_path / "usage.xlsx")
