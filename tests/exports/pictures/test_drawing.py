"""Ticks, scales, widths and words: what the pictures are made of."""

import ast
import re
from datetime import date
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.insight.pictures.rhythms import Measure
from talktime.core.values.periods import DAY, Period, start_of_day
from talktime.exports import pictures
from talktime.exports.documents.wording import LOCALES, catalog
from talktime.exports.pictures.drawing import letters
from talktime.exports.pictures.drawing.axes import TICKS_MAX, Scale, nice_ticks
from talktime.exports.pictures.drawing.words import CATALOGS, Words

TRANSLATED = [language for language in LOCALES if language != "en"]
VALUES = re.compile(r"%\(\w+\)s")
UTC = ZoneInfo("UTC")


@given(st.integers(-(10**15), 10**15), st.integers(0, 10**15), st.sampled_from((1, 60, 10_000)))
def test_ticks_are_round_even_and_around_everything(low: int, span: int, unit: int) -> None:
    ticks = nice_ticks(low, low + span, unit)

    steps = {after - before for before, after in pairwise(ticks)}
    assert ticks[0] <= low
    assert low + span <= ticks[-1]
    assert 2 <= len(ticks) <= TICKS_MAX
    (step,) = steps
    assert step % unit == 0
    assert str(step // unit).rstrip("0") in {"1", "2", "5"}


def test_a_scale_maps_its_ends_to_the_edges() -> None:
    scale = Scale(-10, 30, 200, 0)

    assert (scale.at(-10), scale.at(30), scale.at(10)) == (200, 0, 100)


@given(st.text(max_size=80), st.integers(20, 400))
def test_a_shortened_text_has_room(text: str, most: int) -> None:
    assert letters.width(letters.shortened(text, 12, most), 12) <= most


@pytest.mark.parametrize(
    ("letter", "regular", "bold"),
    # Advances of DejaVu Sans, the widest font that systems take by themselves, in hundredths of its size.
    [
        *[("i", 28, 34), ("r", 41, 49), ("0", 64, 70), ("n", 63, 71), ("m", 97, 104), ("W", 99, 110), ("O", 79, 85)],
        *[("+", 84, 84), ("−", 84, 84), ("…", 100, 100), ("@", 100, 100), ("é", 62, 68), ("æ", 98, 105)],
        *[("д", 69, 81), ("ъ", 71, 75), ("ж", 90, 101), ("Щ", 109, 133), ("Ю", 108, 117), ("額", 100, 100)],
    ],
)
def test_a_letter_is_never_wider_than_it_is_taken_for(letter: str, regular: int, bold: int) -> None:
    assert letters.width(letter, 100) >= regular
    assert letters.width(letter, 100, is_bold=True) >= bold


def test_a_summary_is_broken_between_its_parts() -> None:
    text = "Oct 1 – Oct 31, 2026 · in all 970.38 USD · included 6,342 min"

    assert letters.lines(text, 13, 420, 2) == ["Oct 1 – Oct 31, 2026 · in all 970.38 USD", "included 6,342 min"]
    assert letters.lines(text, 13, 120, 2)[1].endswith("…")


def test_chinese_is_broken_between_any_two_characters() -> None:
    assert letters.lines("通话套餐为用户提供分钟", 10, 60, 2) == ["通话套餐为用", "户提供分钟"]


@pytest.mark.parametrize(
    ("language", "paid", "ticks", "hour", "percent"),
    [
        ("en", "1,190.00\u00a0USD", ["0", "2.5M"], "9 AM", "39%"),
        ("ru", "1\u00a0190,00\u00a0USD", ["0", "2,5\u00a0млн"], "09", "39\u00a0%"),
        ("zh-CN", "1,190.00\u00a0USD", ["0", "250万"], "9时", "39%"),
        ("zh-TW", "1,190.00\u00a0USD", ["0", "250萬"], "9時", "39%"),
    ],
)
def test_amounts_hours_and_shares_are_written_as_the_language_does(
    language: str, paid: str, ticks: list[str], hour: str, percent: str
) -> None:
    words = Words(language, UTC, "USD")

    assert words.paid(1_190_000_000) == paid
    assert words.ticks([0, 2_500_000], 0) == ticks
    assert words.clock_hour(9) == hour
    assert words.percent(39, 100) == percent


def test_a_small_amount_is_exact_and_a_larger_one_rounded_half_up() -> None:
    words = Words("en", UTC, "USD")

    assert words.paid(13_500) == "0.0135\u00a0USD"
    assert words.paid(-27_985_000) == "−27.99\u00a0USD"
    assert words.measured(Measure.MINUTES, 90) == "2 min"
    assert words.brief(Measure.COST, 2_500_000_000_000) == "2.5M USD"


def test_a_period_names_each_year_once() -> None:
    words = Words("en", UTC, "USD")

    def span(first: date, days: int) -> str:
        return words.span(Period(start_of_day(first, UTC), start_of_day(first + days * DAY, UTC)))

    assert span(date(2026, 10, 1), 31) == "Oct 1 – Oct 31, 2026"
    assert span(date(2026, 12, 20), 31) == "Dec 20, 2026 – Jan 19, 2027"
    assert span(date(2026, 10, 1), 1) == "Oct 1, 2026"


@pytest.mark.parametrize("language", TRANSLATED)
def test_each_sentence_is_translated_once_with_its_values_and_nothing_else_is(language: str) -> None:
    said = set()
    for path in Path(pictures.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "say":
                said |= {each.value for each in node.args if isinstance(each, ast.Constant)}

    messages = [message for message in catalog(language, CATALOGS) if message.id]

    assert {message.id for message in messages} == said
    assert [message.id for message in messages if message.fuzzy or not message.string] == []
    assert [
        message.id
        for message in messages
        if sorted(VALUES.findall(str(message.id))) != sorted(VALUES.findall(str(message.string)))
    ] == []
