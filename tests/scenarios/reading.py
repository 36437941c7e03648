"""Scenarios in text: a line says what happens, and after an arrow what must come of it; README.md has the words."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import (
    Answer,
    AnswerCall,
    CloseCall,
    Denied,
    EndCall,
    ExtendCall,
    Finished,
    Granted,
    Noted,
    Parked,
    StartCall,
)
from talktime.core.credit import lots
from talktime.core.credit.lots import CreditLot, LotKind
from talktime.core.credit.recharging import watching
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate, RateDeck
from talktime.core.values.money import format_micros, parse_micros
from talktime.core.values.numbers import normalize
from talktime.core.values.periods import DAY, start_of_day
from tests.core.calls.world import ADA, World, facts
from tests.core.rates.tariffs import price

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class ScenarioError(Exception):
    """A line that cannot be read, or that did not come true; the message names file and line."""


@dataclass
class Scenario:
    """What the lines so far have made of the world."""

    world: World = field(default_factory=lambda: World(facts()))
    now: datetime = datetime(2026, 6, 10, 12, tzinfo=UTC)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/London"))
    rates: list[Rate] = field(default_factory=list)
    lot_ids: dict[str, int] = field(default_factory=dict)
    events_seen: int = 0

    def do(self, line: str) -> str:
        """Do what a line says; return what came of it."""
        for pattern, action in _WORDS:
            if (found := pattern.fullmatch(line)) is not None:
                return action(self, **{name: text for name, text in found.groupdict().items() if text is not None})
        raise ValueError(f"{line.split(maxsplit=1)[0]!r} is no word of a scenario, or something is missing after it")


def run(path: Path) -> None:
    """Run a scenario file; raise ScenarioError at the first line that does not come true."""
    scenario = Scenario()
    for number, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        line, _, expected = (part.strip() for part in text.partition("#")[0].replace("->", "→").partition("→"))
        if not line:
            continue
        try:
            came = scenario.do(line)
        except (ValueError, KeyError, AssertionError) as failure:
            raise ScenarioError(f"{path.name}:{number}: {failure}: {text.strip()}") from failure
        if came != expected:
            raise ScenarioError(f"{path.name}:{number}: {line} → {came or 'nothing'}, not {expected or 'nothing'}")


def _seconds(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]]


def _at(scenario: Scenario, instant: str) -> str:
    scenario.now = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    return ""


def _tick(scenario: Scenario, time: str) -> str:
    scenario.now += timedelta(seconds=_seconds(time))
    return ""


def _zone(scenario: Scenario, name: str) -> str:
    scenario.zone = ZoneInfo(name)
    return ""


def _rate(
    scenario: Scenario, prefix: str, per_minute: str, first: str, following: str, fee: str = "0", origin: str = ""
) -> str:
    direction = Direction.TOLL_FREE_INBOUND if prefix.startswith("+1800") else Direction.OUTBOUND
    priced = price(int(first), int(following), per_minute, fee=fee)
    scenario.rates.append(Rate(direction, normalize(prefix), normalize(origin), prefix, (priced,)))
    _use_rates(scenario)
    return ""


def _blocked(scenario: Scenario, prefix: str) -> str:
    scenario.rates.append(Rate(Direction.OUTBOUND, normalize(prefix), "", prefix, (), blocked=True))
    _use_rates(scenario)
    return ""


def _use_rates(scenario: Scenario) -> None:
    deck = RateDeck(version_id=1, terms=DeckTerms("EUR", scenario.zone), rates=scenario.rates)
    scenario.world.facts = replace(scenario.world.facts, decks={1: deck})


def _lot(scenario: Scenario, name: str, amount: str, kind: str = "purchased", day: str = "") -> str:
    lot_id = scenario.lot_ids[name] = len(scenario.lot_ids) + 1
    ends = (
        start_of_day(date.fromisoformat(day) + DAY, scenario.zone)
        if day
        else lots.expires_at(scenario.now, scenario.zone)
    )
    lot = CreditLot(lot_id, LotKind[kind.upper()], parse_micros(amount), scenario.now, ends)
    scenario.world.credit, postings = lots.grant(scenario.world.credit, lot, scenario.now)
    scenario.world.watch = watching.funded(scenario.world.watch, scenario.world.credit)
    scenario.world.journal += postings
    return ""


def _expire(scenario: Scenario) -> str:
    scenario.world.credit, postings = lots.expire(scenario.world.credit, scenario.now)
    scenario.world.journal += postings
    return "lost " + format_micros(sum(posting.amount_micros for posting in postings))


def _start(scenario: Scenario, name: str, called: str, caller: str = ADA) -> str:
    request = StartCall(CallKey("proxy", name), scenario.now, normalize(caller), normalize(called))
    return _said(scenario.world.ask(request)[0])


def _answer(scenario: Scenario, name: str) -> str:
    return _said(scenario.world.ask(AnswerCall(CallKey("proxy", name), scenario.now, scenario.now))[0])


def _extend(scenario: Scenario, name: str, granted: str) -> str:
    return _said(scenario.world.ask(ExtendCall(CallKey("proxy", name), scenario.now, _seconds(granted)))[0])


def _end(scenario: Scenario, name: str, used: str) -> str:
    return _said(scenario.world.ask(EndCall(CallKey("proxy", name), scenario.now, _seconds(used)))[0])


def _close(scenario: Scenario, name: str) -> str:
    return _said(scenario.world.ask(CloseCall(CallKey("proxy", name), scenario.now))[0])


def _said(answer: Answer) -> str:
    match answer:
        case Granted():
            return f"granted {answer.granted_seconds}s{' final' if answer.is_final else ''}"
        case Denied():
            return f"denied {answer.reason.value}"
        case Finished():
            return f"charged {format_micros(answer.cost_micros)}"
        case Parked():
            return "parked"
        case Noted():
            return ""


def _amount(scenario: Scenario, what: str, stated: str, name: str = "") -> str:
    credit = scenario.world.credit
    if name:
        lot = next(each for each in credit.lots if each.lot_id == scenario.lot_ids[name])
        found = {"spent": lot.spent_micros, "expired": lot.expired_micros, "held": lot.held_micros}[what]
    else:
        found = {
            "available": credit.available_micros(scenario.now),
            "balance": credit.balance_micros,
            "held": credit.held_micros(),
            "owed": credit.receivable_micros,
        }[what]
    if found != parse_micros(stated):
        raise ValueError(f"{what} is {format_micros(found)}")
    return ""


def _event(scenario: Scenario, stated: str) -> str:
    told = [event.kind.value for event in scenario.world.events]
    new = told[scenario.events_seen :]
    scenario.events_seen = len(told)
    if new != [name for name in stated.split() if name != "none"]:
        raise ValueError(f"events are {' '.join(new) or 'none'}")
    return ""


_TIME, _AMOUNT, _NUMBER, _NAME = r"\d+[smhd]", r"-?[\d.]+", r"\+?\w+", r"\w+"
_WORDS: tuple[tuple[re.Pattern[str], Callable[..., str]], ...] = tuple(
    (re.compile(pattern), action)
    for pattern, action in (
        (r"at (?P<instant>\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?)", _at),
        (rf"tick (?P<time>{_TIME})", _tick),
        (r"zone (?P<name>\S+)", _zone),
        (
            (
                rf"rate (?P<prefix>\+\d+) (?P<per_minute>{_AMOUNT}) (?P<first>\d+)/(?P<following>\d+)"
                rf"( fee (?P<fee>{_AMOUNT}))?( from (?P<origin>\+\d+))?"
            ),
            _rate,
        ),
        (r"blocked (?P<prefix>\+\d+)", _blocked),
        (
            rf"lot (?P<name>{_NAME}) (?P<amount>{_AMOUNT})( (?P<kind>promotional))?( expires (?P<day>\S+))?",
            _lot,
        ),
        (r"expire", _expire),
        (rf"start (?P<name>{_NAME})( from (?P<caller>{_NUMBER}))? (?P<called>{_NUMBER})", _start),
        (rf"answer (?P<name>{_NAME})", _answer),
        (rf"extend (?P<name>{_NAME}) (?P<granted>{_TIME})", _extend),
        (rf"end (?P<name>{_NAME}) (?P<used>{_TIME})", _end),
        (rf"close (?P<name>{_NAME})", _close),
        (rf"(?P<what>available|balance|held|owed) (?P<stated>{_AMOUNT})", _amount),
        (rf"(?P<what>spent|expired|held) (?P<name>{_NAME}) (?P<stated>{_AMOUNT})", _amount),
        (r"events (?P<stated>[a-z_ ]+)", _event),
    )
)
