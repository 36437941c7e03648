"""The minute pools of a month: how much of each domestic and international calls have used, and what is left."""

from talktime.core.insight.pictures.pool_bars import Minutes, PoolBar, PoolBars
from talktime.exports.pictures.drawing import letters
from talktime.exports.pictures.drawing.canvas import Box, Style
from talktime.exports.pictures.drawing.frames import (
    MARGIN,
    WIDTH,
    Drawn,
    Empty,
    Entry,
    Frame,
    Look,
    Mark,
    empty_picture,
    framed,
)

_ROW, _BAR = 46, 18
_NAME_MAX = 300


def pools_picture(pools: PoolBars, look: Look) -> Drawn:
    """Draw a bar of equal length for each pool, because the small ones run out first."""
    words = look.words
    title = words.say("Included minutes of %(month)s", month=words.month(pools.first_day))
    if pools.is_empty:
        why = words.say("There are no included minutes.")
        remedy = words.say("A calling plan brings some to its user's country: assign one.")
        return empty_picture("pools", look, title, Empty(why, remedy), pools.twin())
    frame = framed("pools", look, title, _summary(pools, look))
    _legend(frame, pools)
    names = [letters.shortened(_place(bar, look), 13, _NAME_MAX) for bar in pools.bars]
    plans = [letters.shortened(bar.plan_name, 11, _NAME_MAX) for bar in pools.bars]
    amounts = [_amount(bar, look) for bar in pools.bars]
    shares = [words.percent(bar.used_minutes, max(1, bar.total_minutes)) for bar in pools.bars]
    widest = max(*(letters.width(name, 13) for name in names), *(letters.width(plan, 11) for plan in plans))
    left = MARGIN + widest + 14
    right = WIDTH - MARGIN - max(letters.width(amount, 12) for amount in amounts) - 14
    for number, bar in enumerate(pools.bars):
        y = frame.top + 8 + number * _ROW
        frame.canvas.text(MARGIN, y + 8, names[number], Style(look.palette.ink, 13))
        frame.canvas.text(MARGIN, y + 24, plans[number], Style(look.palette.muted, 11))
        _bar(frame, bar, Box(left, y, right, y + _BAR))
        frame.canvas.text(
            WIDTH - MARGIN, y + 8, shares[number], Style(look.palette.ink, 13, is_bold=True, anchor="end")
        )
        frame.canvas.text(WIDTH - MARGIN, y + 24, amounts[number], Style(look.palette.muted, 11, anchor="end"))
    bottom = frame.top + 8 + len(pools.bars) * _ROW
    if pools.hidden_count:
        frame.note(
            bottom + 10,
            words.say("Pools that stand in the table only: %(count)s", count=words.count(pools.hidden_count)),
        )
        bottom += 16
    return frame.drawn(bottom + 14, pools.twin())


def _summary(pools: PoolBars, look: Look) -> str:
    words = look.words
    total, used = (sum(amounts) for amounts in zip(*(bar[3:5] for bar in pools.all_bars), strict=True))
    ended = sum(bar.unused_minutes == 0 for bar in pools.all_bars)
    parts = [
        words.say("pools: %(count)s", count=words.count(len(pools.all_bars))),
        words.say("used %(used)s of %(total)s min", used=words.count(used), total=words.count(total)),
        words.say("used up: %(count)s", count=words.count(ended)),
    ]
    return " · ".join(parts)


def _legend(frame: Frame, pools: PoolBars) -> None:
    say, palette = frame.look.words.say, frame.look.palette
    present = {bar.minutes for bar in pools.bars}
    entries = [
        Entry(Mark.AREA, _colors(frame)[kind], label) for kind, label in _labels(frame.look).items() if kind in present
    ]
    if any(bar.held_minutes for bar in pools.bars):
        entries.append(Entry(Mark.AREA, frame.canvas.hatched(palette.muted), say("Held by open calls")))
    frame.legend([*entries, Entry(Mark.AREA, palette.unused, say("Unused"))])


def _labels(look: Look) -> dict[Minutes, str]:
    say = look.words.say
    return {
        Minutes.DOMESTIC: say("Domestic used"),
        Minutes.INTERNATIONAL: say("International used"),
        Minutes.CONFERENCE: say("Conference dial-out used"),
    }


def _colors(frame: Frame) -> dict[Minutes, str]:
    palette = frame.look.palette
    return {
        Minutes.DOMESTIC: palette.credit,
        Minutes.INTERNATIONAL: palette.overage,
        Minutes.CONFERENCE: palette.conference,
    }


def _bar(frame: Frame, bar: PoolBar, place: Box) -> None:
    """Draw used, held and unused; what licenses taken away leave too much used ends the bar with an edge."""
    palette, length = frame.look.palette, place.right - place.left
    whole = max(1, bar.total_minutes, bar.used_minutes + bar.held_minutes)
    used = place.left + length * (bar.used_minutes / whole)
    held = used + length * (bar.held_minutes / whole)
    frame.canvas.rect(place, palette.unused)
    frame.canvas.rect(Box(place.left, place.top, used, place.bottom), _colors(frame)[bar.minutes])
    if bar.held_minutes:
        frame.canvas.rect(Box(used, place.top, held, place.bottom), frame.canvas.hatched(palette.muted))
    if bar.used_minutes > bar.total_minutes:
        limit = place.left + length * (bar.total_minutes / whole)
        frame.canvas.rect(Box(limit, place.top, used, place.bottom), palette.unused)
        frame.canvas.rect(Box(limit, place.top, used, place.bottom), frame.canvas.hatched(_colors(frame)[bar.minutes]))
        frame.canvas.line(Box(limit, place.top - 4, limit, place.bottom + 4), palette.ink, width=2)


def _place(bar: PoolBar, look: Look) -> str:
    kinds = {
        Minutes.DOMESTIC: look.words.say("domestic"),
        Minutes.INTERNATIONAL: look.words.say("international"),
        Minutes.CONFERENCE: look.words.say("conferences"),
    }
    country = look.words.country(bar.country) if bar.country else look.words.say("Whole organization")
    return f"{country} · {kinds[bar.minutes]}"


def _amount(bar: PoolBar, look: Look) -> str:
    words = look.words
    return words.say(
        "%(used)s of %(total)s min", used=words.count(bar.used_minutes), total=words.count(bar.total_minutes)
    )
