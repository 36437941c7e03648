"""Every picture, in every language and in both colors: well-formed, accessible, and no text on another."""

import re
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from talktime.core.insight.pictures.rhythms import Measure
from talktime.exports.pictures.drawing.canvas import Box, Style, text_box
from talktime.exports.pictures.drawing.frames import WIDTH, Drawn
from talktime.exports.pictures.drawing.palettes import DARK, LIGHT, PAGE
from tests.exports.pictures import samples
from tests.exports.pictures.samples import CASES, PICTURES, look

SVG = "{http://www.w3.org/2000/svg}"
LANGUAGES = ("en", "zh-CN", "zh-TW", "ru")


def parsed(drawn: Drawn) -> ET.Element:
    return ET.fromstring(drawn.svg)  # noqa: S314 -- our own


def summary_of(drawn: Drawn) -> str:
    return drawn.summary.replace("\N{NO-BREAK SPACE}", " ")


def said_in(drawn: Drawn) -> list[str]:
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text, _ in texts(parsed(drawn))]


def texts(root: ET.Element) -> list[tuple[str, Box]]:
    """Return each text with the place that it takes in the widest usual font."""
    found = []
    for each in root.iter(f"{SVG}text"):
        is_bold, anchor = each.get("font-weight") == "600", each.get("text-anchor", "start")
        assert anchor in {"start", "middle", "end"}
        style = Style("", int(each.get("font-size", "0")), is_bold=is_bold, anchor=anchor)  # type: ignore[arg-type]
        text = each.text or ""
        found.append((text, text_box(float(each.get("x", "0")), float(each.get("y", "0")), text, style)))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_no_text_stands_on_another_and_none_leaves_the_paper(case: str, language: str) -> None:
    root = parsed(CASES[case](look(language)))

    height = float(root.get("height", "0"))
    found = texts(root)
    assert [text for text, box in found if box.left < 0 or box.right > WIDTH or box.bottom > height] == []
    assert [(one, other) for (one, a), (other, b) in combinations(found, 2) if a.meets(b)] == []


@pytest.mark.parametrize("case", CASES)
def test_a_picture_says_its_title_and_its_summary_to_whoever_does_not_see_it(case: str) -> None:
    drawn = CASES[case](look())
    root = parsed(drawn)

    title, summary = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert summary is not None
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {summary.get('id')}"
    assert (title.text, summary.text) == (drawn.title, drawn.summary)
    assert drawn.title
    assert drawn.summary


@pytest.mark.parametrize("case", CASES)
def test_a_picture_is_nothing_but_shapes_and_texts_inside_its_paper(case: str) -> None:
    root = parsed(CASES[case](look()))

    names = {each.tag.removeprefix(SVG) for each in root.iter()}
    assert names <= {"svg", "title", "desc", "defs", "pattern", "rect", "line", "path", "circle", "text"}
    height = float(root.get("height", "0"))
    for each in root.findall(f"{SVG}rect"):
        x, y, wide, high = (float(each.get(name, "0")) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + wide <= WIDTH + 0.1
        assert y + high <= height + 0.1
        assert wide > 0
        assert high > 0


@pytest.mark.parametrize("name", PICTURES)
def test_ids_of_pictures_on_one_page_are_each_others_own(name: str) -> None:
    others = [PICTURES[other](look()).svg for other in PICTURES if other != name]

    ids = set(re.findall(r' id="([^"]+)"', PICTURES[name](look()).svg))

    assert len(ids) >= 2
    assert all(ids.isdisjoint(re.findall(r' id="([^"]+)"', other)) for other in others)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_for_a_page_takes_its_colors_from_the_page(name: str) -> None:
    svg = PICTURES[name](look(palette=PAGE)).svg

    assert "var(--talktime-ink, #1b2430)" in svg
    assert re.findall(r'fill="#', svg) == []


@pytest.mark.parametrize("name", PICTURES)
def test_dark_and_light_differ_in_colors_only(name: str) -> None:
    light, dark = (PICTURES[name](look(palette=palette)) for palette in (LIGHT, DARK))

    assert light.svg != dark.svg
    assert re.sub(r"#[0-9a-f]{6}", "", light.svg) == re.sub(r"#[0-9a-f]{6}", "", dark.svg)


def test_the_same_picture_is_drawn_twice_alike() -> None:
    assert samples.balance(look()).svg == samples.balance(look()).svg


def test_the_balance_shows_its_purchases_the_trigger_and_the_cone() -> None:
    drawn = samples.balance(look())

    root = parsed(drawn)
    said = said_in(drawn)
    assert {"+40.00 USD", "Trigger 20.00 USD", "forecast", "Balance", "Purchase"} <= set(said)
    # Five purchases, the end of the line, and the dot of the legend.
    assert len(root.findall(f"{SVG}circle")) == 7
    assert "bought 200.00 USD (purchases: 5)" in summary_of(drawn)
    assert "in 8 of 10 cases" in summary_of(drawn)


def test_a_balance_that_is_still_to_come_shows_the_recharge_that_is_likely() -> None:
    drawn = samples.to_come(look())

    assert drawn.title == "How the balance may fare"
    assert summary_of(drawn) == (
        "Nov 1, 2026 · balance 100.00 USD · on Nov 5 between 60.00 USD and 79.00 USD in 8 of 10 cases"
    )
    rings = [each for each in parsed(drawn).findall(f"{SVG}circle") if each.get("fill") == LIGHT.paper]
    # One in the legend, one on the middle path.
    assert len(rings) == 2
    assert "Recharge, as forecast" in said_in(drawn)


def test_what_is_below_zero_is_drawn_in_the_color_of_debt() -> None:
    svg = samples.balance(look(), 1, has_forecast=False).svg

    assert LIGHT.uncovered not in svg
    assert LIGHT.uncovered in samples.balance(look(), 31).svg


def test_a_bar_is_stacked_of_what_paid_and_as_high_as_the_day_was_dear() -> None:
    root = parsed(samples.spend(look()))

    credit = [each for each in root.findall(f"{SVG}rect") if each.get("fill") == LIGHT.credit][1:]
    heights = [float(each.get("height", "0")) for each in credit]
    assert len(heights) == 31
    assert heights == sorted(heights)
    # The first day cost 1.234567 of credit, the last 31 times as much: as far as tenths of pixels tell.
    assert heights[-1] == pytest.approx(31 * heights[0], rel=0.03)
    hatches = [each for each in root.findall(f"{SVG}rect") if (each.get("fill") or "").startswith("url(")]
    assert len(hatches) == 1 + 31


def test_each_hour_of_the_week_has_a_cell_and_the_busiest_an_edge() -> None:
    drawn = samples.heatmap(look())
    root = parsed(drawn)

    cells = [each for each in root.findall(f"{SVG}rect") if each.get("height") == "30"]
    assert len(cells) == 7 * 24
    assert len([each for each in root.findall(f"{SVG}rect") if each.get("fill") == "none"]) == 1
    assert "most on Sunday from 11 PM to 12 AM: 13.80 USD" in summary_of(drawn)


def test_the_week_begins_as_the_reader_knows_it() -> None:
    english, russian = ([text for text, _ in texts(parsed(samples.heatmap(look(each))))] for each in ("en", "ru"))

    assert english.index("Sun") < english.index("Mon")
    assert russian.index("пн") < russian.index("вс")


def test_others_have_one_bar_together() -> None:
    drawn = samples.destinations(look())

    said = said_in(drawn)
    assert "All others (4)" in said
    assert drawn.table.rows[-1][0] == "(4 others)"
    assert len(drawn.table.rows) == 11


def test_a_domain_that_all_have_is_said_once() -> None:
    said = said_in(samples.users(look()))

    assert "somebody.0" in said
    assert any(text.startswith("Names without @contoso.example") for text in said)


def test_a_pool_of_which_more_is_used_than_there_is_shows_the_limit() -> None:
    said = said_in(samples.pools(look()))

    assert "117%" in said
    assert "1,400 of 1,200 min" in said


def test_pools_without_room_are_told_of() -> None:
    said = said_in(samples.pools(look(), 40))

    assert "Pools that stand in the table only: 24" in said


@pytest.mark.parametrize("measure", Measure)
def test_hours_are_measured_in_what_was_asked_for(measure: Measure) -> None:
    drawn = samples.heatmap(look(), 1, measure)

    units = {Measure.COST: "USD", Measure.MINUTES: "min", Measure.CALLS: "504"}
    assert units[measure] in summary_of(drawn)


def test_names_can_hold_any_letter() -> None:
    drawn = samples.destinations(look())

    said = "".join(text for text, _ in texts(parsed(drawn)))
    assert "<&>" in said
    assert "Россия" in said
    assert "中国移动电话" in said


@pytest.mark.parametrize("name", ["a\uffffb", "a\ufffeb", "a\x00\x1b\ud800b", "a\x85\u202eb", "a\tb"])
def test_no_name_makes_a_picture_unreadable(name: str) -> None:
    drawn = samples.costs((name, 10_000_000), ("b", 1))

    assert any(text.startswith("a") for text in said_in(drawn))


def test_a_period_with_nothing_but_refunds_is_told_of_in_each_picture_of_money() -> None:
    for drawn in (samples.refunds(look()), samples.costs(("ada@contoso.example", -1_000_000))):
        assert drawn.summary.startswith("More was given back in this period than its calls cost.")
        assert -1_000_000 in drawn.table.rows[0]


def test_shares_are_of_what_was_charged_and_not_of_what_refunds_left_of_it() -> None:
    drawn = samples.costs(("ada@contoso.example", 10_000_000), ("bob@contoso.example", -9_000_000))

    assert "in all 1.00 USD · first ada@contoso.example with 10.00 USD, 100% of what was charged" in summary_of(drawn)
    assert "100%" in said_in(drawn)


def test_refunds_that_outweigh_are_said_to() -> None:
    ranked = samples.costs(("ada@contoso.example", 10_000_000), ("bob@contoso.example", -11_000_000))
    spent = samples.refunds(look(), 400_000)

    assert "in all −1.00 USD · more was given back than charged · first ada@contoso.example" in summary_of(ranked)
    assert summary_of(spent).endswith("in all −0.60 USD · more was given back than charged")
    assert "Credit" in said_in(spent)
