"""The catalogs say everything that documents say, with the same values in it, and in letters that we carry."""

import ast
import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from talktime.exports.documents import wording
from talktime.exports.documents.typesetting import Paper, set_pdf
from talktime.exports.documents.wording import LOCALES, Wording, catalog

TRANSLATED = [language for language in LOCALES if language != wording.ENGLISH]
VALUES = re.compile(r"%\(\w+\)s")


@pytest.fixture(scope="module")
def sentences() -> set[str]:
    """Return what the modules say, out of their source."""
    found = set()
    for path in Path(wording.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in {"say", "marked"}:
                found |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    return found


@pytest.mark.parametrize("language", TRANSLATED)
def test_each_sentence_is_translated_once_and_nothing_else_is(language: str, sentences: set[str]) -> None:
    messages = [message for message in catalog(language) if message.id]

    assert {message.id for message in messages} == sentences
    assert [message.id for message in messages if message.fuzzy or not message.string] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_values_of_its_sentence(language: str) -> None:
    differing = [
        message.id
        for message in catalog(language)
        if message.id and sorted(VALUES.findall(message.id)) != sorted(VALUES.findall(str(message.string)))
    ]

    assert differing == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_our_fonts_have_every_letter_of_the_catalog(language: str) -> None:
    """Set without the fonts of the machine, in PDF/A, which refuses a letter without a shape."""
    said = "".join(sorted({letter for message in catalog(language) for letter in str(message.string)}))
    months = "".join(Wording(language, ZoneInfo("UTC"), "EUR").month(date(2026, month, 1)) for month in range(1, 13))
    content: dict[str, object] = {
        "language": language,
        "title": said,
        "number": months,
        "seller": {"name": ""},
        "buyer": {"name": "", "lines": []},
        "foot": [],
        "page": "",
        "buyer_label": "",
        "facts": [],
        "line": {"title": "", "notes": [], "amount": ""},
        "line_label": "",
        "amount_label": "",
        "sums": [],
        "total": ["", ""],
        "payment": {"title": "", "notes": []},
    }

    assert set_pdf(Paper("invoice.typ", content, datetime(2026, 1, 1, tzinfo=UTC))).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", ("−1,234.50", "October 31, 2026", "October 2026", "7.7%")),
        ("zh-CN", ("−1,234.50", "2026年10月31日", "2026年10月", "7.7%")),
        ("zh-TW", ("−1,234.50", "2026年10月31日", "2026年10月", "7.7%")),
        ("ru", ("−1\xa0234,50", "31 октября 2026\xa0г.", "октябрь 2026\xa0г.", "7,7\xa0%")),
    ],
)
def test_amounts_days_and_rates_are_written_as_the_language_does(language: str, written: tuple[str, ...]) -> None:
    word = Wording(language, ZoneInfo("Asia/Taipei"), "EUR")
    # Past midnight in Taipei.
    at = datetime(2026, 10, 30, 16, 30, tzinfo=UTC)

    said = (word.amount(-1_234_500_000, 2), word.day(at), word.month(date(2026, 10, 1)), word.rate(77_000))

    assert tuple(each.replace("\u202f", "\xa0") for each in said) == written


def test_decimals_are_as_many_as_the_finest_amount_needs() -> None:
    word = Wording("en", ZoneInfo("UTC"), "EUR")

    assert [word.decimals(*amounts) for amounts in ((), (1_000_000,), (1_500, 0), (-1,))] == [2, 2, 4, 6]
    assert Wording("en", ZoneInfo("UTC"), "KWD").decimals(0) == 3


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
