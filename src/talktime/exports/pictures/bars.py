"""The first destinations or users as bars, the largest on top, and all others together below them."""

from talktime.core.insight.pictures.rankings import Ranked, Ranking, Subject
from talktime.core.insight.pictures.rhythms import Measure
from talktime.exports.pictures.drawing import letters
from talktime.exports.pictures.drawing.canvas import Box, Style
from talktime.exports.pictures.drawing.frames import (
    MARGIN,
    WIDTH,
    Drawn,
    Look,
    empty_picture,
    framed,
    nothing_to_show,
    refunds_alone,
)

_ROW, _BAR = 32, 18
_NAME_MAX = 320


def ranking_picture(ranking: Ranking, look: Look) -> Drawn:
    """Draw a bar for each of the first, with its amount and its share of everything."""
    words, subject = look.words, ranking.usage.subject
    title = _title(ranking, look)
    if ranking.is_empty:
        nothing = nothing_to_show(words, is_money=ranking.measure is Measure.COST)
        empty = refunds_alone(words) if ranking.given_back else nothing
        return empty_picture(subject.value, look, title, empty, ranking.twin())
    frame = framed(subject.value, look, title, _summary(ranking, look))
    domain = _common_domain(ranking)
    names = [_name(each, ranking, look).removesuffix(domain) for each in ranking.first]
    rows = [(letters.shortened(name, 13, _NAME_MAX), each) for name, each in zip(names, ranking.first, strict=True)]
    others = ranking.others.amount(ranking.measure)
    if ranking.others_count and others > 0:
        rows.append((words.say("All others (%(count)s)", count=words.count(ranking.others_count)), ranking.others))
    amounts = [words.measured(ranking.measure, each.amount(ranking.measure)) for _, each in rows]
    shares = [words.percent(each.amount(ranking.measure), ranking.charged) for _, each in rows]
    left = MARGIN + 12 + max(letters.width(name, 13) for name, _ in rows)
    share_width = max(letters.width(share, 12) for share in shares)
    right = WIDTH - MARGIN - share_width - 16 - max(letters.width(amount, 13) for amount in amounts) - 8
    most = max(each.amount(ranking.measure) for _, each in rows)
    for number, ((name, each), amount, share) in enumerate(zip(rows, amounts, shares, strict=True)):
        y = frame.top + number * _ROW
        is_other = number >= len(ranking.first)
        length = (right - left) * (each.amount(ranking.measure) / most)
        fill = look.palette.axis if is_other else look.palette.credit
        frame.canvas.text(MARGIN, y + 14, name, Style(look.palette.ink, 13))
        frame.canvas.rect(Box(left, y, left + max(1.0, length), y + _BAR), fill)
        box = frame.canvas.text(left + max(1.0, length) + 8, y + 14, amount, Style(look.palette.ink, 13))
        assert box.right <= WIDTH - MARGIN - share_width
        frame.canvas.text(WIDTH - MARGIN, y + 14, share, Style(look.palette.muted, 12, anchor="end"))
    bottom = frame.top + len(rows) * _ROW
    frame.canvas.line(Box(left, frame.top - 6, left, bottom - 6), look.palette.axis)
    notes = [words.say("Days on the clock of %(zone)s", zone=ranking.usage.zone.key)]
    if domain:
        notes.insert(0, words.say("Names without %(domain)s", domain=domain))
    frame.note(bottom + 22, " · ".join(notes))
    return frame.drawn(bottom + 38, ranking.twin())


def _title(ranking: Ranking, look: Look) -> str:
    say = look.words.say
    titles = {
        (Subject.DESTINATIONS, Measure.COST): say("Destinations by cost"),
        (Subject.DESTINATIONS, Measure.MINUTES): say("Destinations by minutes"),
        (Subject.DESTINATIONS, Measure.CALLS): say("Destinations by calls"),
        (Subject.USERS, Measure.COST): say("Users by cost"),
        (Subject.USERS, Measure.MINUTES): say("Users by minutes"),
        (Subject.USERS, Measure.CALLS): say("Users by calls"),
    }
    return titles[ranking.usage.subject, ranking.measure]


def _summary(ranking: Ranking, look: Look) -> str:
    words, measure = look.words, ranking.measure
    total = ranking.total.amount(measure)
    parts = [
        words.span(ranking.usage.period),
        words.say("in all %(amount)s", amount=words.measured(measure, total)),
    ]
    if total < 0:
        parts.append(words.say("more was given back than charged"))
    return " · ".join((*parts, _first(ranking, look)))


def _first(ranking: Ranking, look: Look) -> str:
    words, first = look.words, ranking.first[0]
    amount = first.amount(ranking.measure)
    values = {
        "name": _name(first, ranking, look),
        "amount": words.measured(ranking.measure, amount),
        "share": words.percent(amount, ranking.charged),
    }
    if ranking.given_back:
        return words.say("first %(name)s with %(amount)s, %(share)s of what was charged", **values)
    return words.say("first %(name)s with %(amount)s, %(share)s of it", **values)


def _name(each: Ranked, ranking: Ranking, look: Look) -> str:
    if each.name:
        return each.name
    say = look.words.say
    return say("No destination") if ranking.usage.subject is Subject.DESTINATIONS else say("The organization itself")


def _common_domain(ranking: Ranking) -> str:
    """Return what stands behind the @ of every user shown, where it is the same; empty where it is not."""
    domains = {"@" + each.name.partition("@")[2] for each in ranking.first if each.name}
    is_common = ranking.usage.subject is Subject.USERS and len(domains) == 1
    return domains.pop().rstrip("@") if is_common else ""
