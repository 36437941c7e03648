"""The words of scenarios: who and what is there, and what happens; README.md lists them for readers."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.core.calls.calls import SUBCODES, UNCOUNTED, CallKey, CallKind
from talktime.core.calls.counting.meters import month_of
from talktime.core.calls.counting.pools import DOMESTIC, INTERNATIONAL, Pool, capacity_minutes
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
from talktime.core.organizations.arrangements import Overage
from talktime.core.organizations.licenses import CREDIT_LICENSES, NO_LICENSE, License
from talktime.core.organizations.licensing.products import read_license
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.policies import read_policy
from talktime.core.organizations.users import AccountKind, NumberUse, User
from talktime.core.rates.rate_decks import Direction, Rate
from talktime.core.values.money import format_micros, parse_micros, parse_nanos
from talktime.core.values.numbers import normalize
from talktime.core.values.periods import DAY, start_of_day
from tests.core.rates.tariffs import price
from tests.scenarios.worlds import ORGANIZATION_ID, Stage, World, country_table

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FIRST_NUMBER = 442_079_460_000


def default_stage() -> Stage:
    """Give one organization with Ada, who may do everything, Bob, who may nothing, and two service numbers."""
    stage = Stage()
    for name, licenses in (("ada", CREDIT_LICENSES), ("bob", NO_LICENSE)):
        stage.people[name] = person(stage, name, "GB", licenses)
    stage.numbers |= {"442071838750": NumberUse.TOLL, "18005550100": NumberUse.TOLL_FREE}
    return stage


def person(stage: Stage, name: str, country: str, licenses: License) -> tuple[User, tuple[str, ...]]:
    """Make somebody with the next free number."""
    user_id = len(stage.people) + 1
    user = User(ORGANIZATION_ID, user_id, f"{name}@example.com", name.title(), country, licenses)
    return user, (str(_FIRST_NUMBER + user_id - 1),)


@dataclass
class Scene:
    """What the lines so far have made of the world."""

    world: World
    stage: Stage = field(default_factory=default_stage)
    now: datetime = datetime(2026, 6, 10, 12, tzinfo=UTC)
    lot_ids: dict[str, int] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    is_prepared: bool = False
    is_priced: bool = False

    def ready(self) -> World:
        """Return the world as the stage says it is."""
        if not self.is_prepared:
            self.world.prepare(self.stage, self.now, is_priced_anew=not self.is_priced)
            self.is_prepared = self.is_priced = True
        return self.world

    def command(self, words: list[str]) -> str:
        """Run a command of the product; return its JSON."""
        return self.ready().command(words)

    def arrange(self, **changes: object) -> str:
        """Change what the organization has arranged."""
        self.stage.arrangements = replace(self.stage.arrangements, **changes)  # type: ignore[arg-type]
        return self.changed()

    def change_organization(self, **changes: object) -> str:
        """Change the organization itself."""
        self.stage.organization = replace(self.stage.organization, **changes)  # type: ignore[arg-type]
        return self.changed()

    def change_user(self, name: str, **changes: object) -> str:
        """Change somebody."""
        user, own = self.stage.people[name]
        self.stage.people[name] = (replace(user, **changes), own)  # type: ignore[arg-type]
        return self.changed()

    def changed(self) -> str:
        """Note that the world is not yet as the stage is."""
        self.is_prepared = False
        return ""

    def number(self, text: str) -> str:
        """Return somebody's number, or what is a number itself."""
        return self.stage.people[text][1][0] if text in self.stage.people else normalize(text)


# ── who and what is there ───────────────────────────────────────────────────────────────────────────────────


def _at(scene: Scene, instant: str) -> str:
    scene.now = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    return ""


def _tick(scene: Scene, time: str) -> str:
    scene.now += timedelta(seconds=_seconds(time))
    return ""


def _seconds(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]]


def _organization(scene: Scene, country: str = "", zone: str = "", currency: str = "") -> str:
    before = scene.stage.organization
    return scene.change_organization(
        country=country or before.country,
        zone=ZoneInfo(zone) if zone else before.zone,
        currency=currency or before.currency,
    )


def _mode(scene: Scene, mode: str) -> str:
    return scene.change_organization(mode=BillingMode(mode))


def _active(scene: Scene, state: str) -> str:
    return scene.change_organization(is_active=state == "active")


def _set_up(scene: Scene, negation: str = "") -> str:
    return scene.change_organization(has_credit_set_up=not negation)


def _user(scene: Scene, name: str, licenses: str, kind: str = "user", country: str = "") -> str:
    held = NO_LICENSE
    for one in () if licenses == "nothing" else licenses.split(","):
        held |= read_license(one)
    stage = scene.stage
    if name not in stage.people:
        stage.people[name] = person(stage, name, country or stage.organization.country, held)
    account = AccountKind.AUTO_ATTENDANT if kind == "attendant" else AccountKind.PERSON
    return scene.change_user(
        name, licenses=held, account=account, usage_location=country or stage.people[name][0].usage_location
    )


def _others(scene: Scene, count: str, country: str, license_: str) -> str:
    held = read_license(license_)
    for index in range(int(count)):
        name = f"{held.name}_{country}_{index}".lower()
        user, _ = person(scene.stage, name, country, held)
        scene.stage.people[name] = (user, ())
    return scene.changed()


def _bought(scene: Scene, count: str, license_: str) -> str:
    return scene.arrange(
        purchased={**scene.stage.arrangements.purchased, read_license(license_): int(count)},
    )


def _department(scene: Scene, name: str, department: str) -> str:
    return scene.change_user(name, department=department)


def _policy(scene: Scene, name: str, policy: str) -> str:
    if name == "everyone":
        return scene.arrange(policy=read_policy(policy))
    return scene.change_user(name, dialout_policy=read_policy(policy).name)


def _block(scene: Scene, name: str, reason: str = "") -> str:
    return scene.change_user(name, block_reason=reason)


def _toll_free_dial_in(scene: Scene, state: str, name: str) -> str:
    return scene.change_user(name, is_toll_free_dial_in_allowed=state == "on")


def _choice(scene: Scene, choice: str) -> str:
    return scene.arrange(**_CHOICES[choice])


_CHOICES: dict[str, dict[str, object]] = {
    "calling plan required": {"is_calling_plan_required": True},
    "counters independent": {"is_plan_ended_by_either_counter": False},
    "plan after conference minutes": {"uses_plan_after_conference_minutes": True},
}


def _overage(scene: Scene, state: str, limit: str = "") -> str:
    return scene.arrange(overage=Overage(state == "on", parse_micros(limit) if limit else None))


def _cap(scene: Scene, whose: str, amount: str) -> str:
    caps, micros = scene.stage.arrangements.caps, parse_micros(amount)
    if whose == "each user":
        return scene.arrange(caps=replace(caps, each_user_micros=micros))
    if whose.startswith("department "):
        named = {**caps.by_department_micros, whose.removeprefix("department "): micros}
        return scene.arrange(caps=replace(caps, by_department_micros=named))
    by_user = {**caps.by_user_micros, scene.stage.people[whose][0].user_id: micros}
    return scene.arrange(caps=replace(caps, by_user_micros=by_user))


def _stop_calls(scene: Scene, count: str) -> str:
    return scene.arrange(stops=replace(scene.stage.arrangements.stops, calls_per_hour=int(count)))


def _stop_price(scene: Scene, amount: str) -> str:
    stops = replace(scene.stage.arrangements.stops, highest_nanos_per_minute=parse_nanos(amount))
    return scene.arrange(stops=stops)


def _service_number(scene: Scene, kind: str, number: str) -> str:
    scene.stage.numbers[normalize(number)] = NumberUse.TOLL_FREE if kind == "toll-free" else NumberUse.TOLL
    return scene.changed()


_DIRECTIONS = {"toll-free": Direction.TOLL_FREE_INBOUND, "toll": Direction.TOLL_INBOUND}


def _rate(
    scene: Scene,
    prefix: str,
    per_minute: str,
    increments: str,
    direction: str = "",
    fee: str = "0",
    origin: str = "",
) -> str:
    first, following = increments.split("/")
    is_ours = prefix.startswith("+1800")
    way = _DIRECTIONS.get(direction, Direction.TOLL_FREE_INBOUND if is_ours else Direction.OUTBOUND)
    priced = price(int(first), int(following), per_minute, fee=fee)
    return _priced(scene, Rate(way, normalize(prefix), normalize(origin), prefix, (priced,)))


def _blocked(scene: Scene, prefix: str) -> str:
    return _priced(scene, Rate(Direction.OUTBOUND, normalize(prefix), "", prefix, (), blocked=True))


def _priced(scene: Scene, rate: Rate) -> str:
    scene.stage.rates[rate.direction, rate.prefix, rate.origin_prefix] = rate
    scene.is_priced = False
    return scene.changed()


# ── what happens ────────────────────────────────────────────────────────────────────────────────────────────


def _lot(scene: Scene, name: str, amount: str, kind: str = "purchased", day: str = "") -> str:
    zone = scene.stage.organization.zone
    lot_id = scene.lot_ids[name] = len(scene.lot_ids) + 1
    ends = start_of_day(date.fromisoformat(day) + DAY, zone) if day else lots.expires_at(scene.now, zone)
    scene.change_organization(has_credit_set_up=True)
    scene.ready().fund(CreditLot(lot_id, LotKind[kind.upper()], parse_micros(amount), scene.now, ends))
    return ""


def _expire(scene: Scene) -> str:
    return "lost " + format_micros(scene.ready().expire(scene.now))


def _request(
    scene: Scene, called: str, name: str = "", caller: str = "ada", kind: str = "", organizer: str = "", by: str = ""
) -> StartCall:
    people = scene.stage.people
    return StartCall(
        CallKey("proxy", name),
        scene.now,
        scene.number(caller),
        scene.number(called),
        CallKind(kind) if kind else None,
        conference_id="M1" if organizer else "",
        organizer=people[organizer][0].user_principal_name if organizer else "",
        forwarded_by=people[by][0].user_principal_name if by else "",
    )


def _start(scene: Scene, **stated: str) -> str:
    return _said(scene.ready().ask(_request(scene, **stated)))


def _explain(scene: Scene, **stated: str) -> str:
    explanation = scene.ready().explain(_request(scene, **stated))
    if isinstance(explanation.answer, Denied):
        return "refused: " + ", ".join(remedy.reason.value for remedy in explanation.remedies)
    pays = ", ".join(f"{each.paid_by.value} {each.seconds}s" for each in explanation.stretches)
    return "allowed: " + pays + (f", then {explanation.ends_by.value}" if explanation.ends_by else "")


def _answer(scene: Scene, name: str) -> str:
    return _said(scene.ready().ask(AnswerCall(CallKey("proxy", name), scene.now, scene.now)))


def _extend(scene: Scene, name: str, granted: str) -> str:
    return _said(scene.ready().ask(ExtendCall(CallKey("proxy", name), scene.now, _seconds(granted))))


def _end(scene: Scene, name: str, used: str) -> str:
    return _said(scene.ready().ask(EndCall(CallKey("proxy", name), scene.now, _seconds(used))))


def _close(scene: Scene, name: str) -> str:
    return _said(scene.ready().ask(CloseCall(CallKey("proxy", name), scene.now)))


def _said(answer: Answer) -> str:
    match answer:
        case Granted(pays_from=source) if source in UNCOUNTED:
            return source.value
        case Granted():
            final = " final" if answer.is_final else ""
            return f"granted {answer.granted_seconds}s{final} from {answer.pays_from.value}"
        case Denied(reason):
            return f"denied {reason.value}" + (f" {SUBCODES[reason]}" if reason in SUBCODES else "")
        case Finished():
            return f"charged {format_micros(answer.cost_micros)}"
        case Parked():
            return "parked"
        case Noted():
            return ""


# ── what stands now ─────────────────────────────────────────────────────────────────────────────────────────


def _amount(scene: Scene, what: str, stated: str, name: str = "") -> str:
    credit = scene.ready().credit()
    if name:
        lot = next(each for each in credit.lots if each.lot_id == scene.lot_ids[name])
        found = {"spent": lot.spent_micros, "expired": lot.expired_micros, "held": lot.held_micros}[what]
    else:
        found = {
            "available": credit.available_micros(scene.now),
            "balance": credit.balance_micros,
            "held": credit.held_micros(),
            "owed": credit.receivable_micros,
        }[what]
    if found != parse_micros(stated):
        raise ValueError(f"{what} is {format_micros(found)}")
    return ""


def _event(scene: Scene, stated: str) -> str:
    told = Counter(scene.ready().events())
    new = sorted((told - scene.seen).elements())
    scene.seen = told
    if new != sorted(name for name in stated.split() if name != "none"):
        raise ValueError(f"events are {' '.join(new) or 'none'}")
    return ""


def _rows(scene: Scene, name: str) -> str:
    rows = scene.ready().usage(CallKey("proxy", name))
    costs = (f" {format_micros(row.cost_micros)}" if row.cost_micros else "" for row in rows)
    words = (
        f"{row.capability or row.paid_by.value} {row.used_seconds}s{cost}"
        for row, cost in zip(rows, costs, strict=True)
    )
    return ", ".join(words)


def _pool(scene: Scene, counter: str, license_: str = "", country: str = "") -> Pool:
    month = month_of(scene.now, scene.stage.organization.zone)
    if counter == "conference":
        return Pool(License.AUDIO_CONFERENCING, "", "", month)
    name = {"domestic": DOMESTIC, "international": INTERNATIONAL, "own": "1"}[counter]
    return Pool(read_license(license_), country, name, month)


def _used(scene: Scene, count: str, **pool: str) -> str:
    scene.ready().use(_pool(scene, **pool).name, int(count))
    return ""


def _left(scene: Scene, count: str, **stated: str) -> str:
    pool, stage = _pool(scene, **stated), scene.stage
    arrangements = replace(stage.arrangements, assigned=stage.assigned())
    total = capacity_minutes(pool, arrangements, country_table(), stage.organization.country)
    left = scene.ready().meter(pool.name).left(total)
    if left != int(count):
        raise ValueError(f"{left} of {total} minutes are left")
    return ""


_TIME, _AMOUNT, _NUMBER, _NAME = r"\d+[smhd]", r"-?[\d.]+", r"\+?\w+", r"\w+"
_CALL = (
    rf"( from (?P<caller>{_NUMBER}))?( to)? (?P<called>{_NUMBER})( as (?P<kind>\w+))?( led by (?P<organizer>{_NAME}))?"
    rf"( (sent on|transferred) by (?P<by>{_NAME}))?"
)
_POOL = r"(?P<counter>conference|domestic|international|own) minutes( of (?P<license_>.+) in (?P<country>[A-Z]{2}))?"
WORDS: tuple[tuple[re.Pattern[str], Callable[..., str]], ...] = tuple(
    (re.compile(pattern), action)
    for pattern, action in (
        (r"at (?P<instant>\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?)", _at),
        (rf"tick (?P<time>{_TIME})", _tick),
        (r"zone (?P<zone>\S+)", _organization),
        (
            r"organization( in (?P<country>[A-Z]{2}))?( zone (?P<zone>\S+))?( pays (?P<currency>[A-Z]{3}))?",
            _organization,
        ),
        (r"(?P<mode>prepaid|postpaid)", _mode),
        (r"(?P<state>active|suspended)", _active),
        (r"credits( (?P<negation>not))? set up", _set_up),
        (rf"(?P<kind>user|attendant) (?P<name>{_NAME})( in (?P<country>[A-Z]{{2}}))? has (?P<licenses>.+)", _user),
        (r"(?P<count>\d+) others in (?P<country>[A-Z]{2}) have (?P<license_>.+)", _others),
        (r"bought (?P<count>\d+) (?P<license_>.+)", _bought),
        (rf"department (?P<name>{_NAME}) (?P<department>{_NAME})", _department),
        (rf"policy (?P<name>{_NAME}) (?P<policy>\w+)", _policy),
        (rf"block (?P<name>{_NAME}) as (?P<reason>.+)", _block),
        (rf"unblock (?P<name>{_NAME})", _block),
        (rf"toll-free dial-in (?P<state>on|off) for (?P<name>{_NAME})", _toll_free_dial_in),
        (rf"(?P<choice>{'|'.join(_CHOICES)})", _choice),
        (rf"overage (?P<state>on|off)( limit (?P<limit>{_AMOUNT}))?", _overage),
        (rf"cap (?P<whose>each user|department {_NAME}|{_NAME}) (?P<amount>{_AMOUNT})", _cap),
        (r"stop after (?P<count>\d+) calls an hour", _stop_calls),
        (rf"stop above (?P<amount>{_AMOUNT}) a minute", _stop_price),
        (rf"(?P<kind>toll|toll-free) number (?P<number>{_NUMBER})", _service_number),
        (
            (
                rf"rate( (?P<direction>toll|toll-free))? (?P<prefix>\+\d+) (?P<per_minute>{_AMOUNT})"
                rf" (?P<increments>\d+/\d+)( fee (?P<fee>{_AMOUNT}))?( from (?P<origin>\+\d+))?"
            ),
            _rate,
        ),
        (r"blocked (?P<prefix>\+\d+)", _blocked),
        (
            rf"lot (?P<name>{_NAME}) (?P<amount>{_AMOUNT})( (?P<kind>promotional))?( expires (?P<day>\S+))?",
            _lot,
        ),
        (r"expire", _expire),
        (rf"start (?P<name>{_NAME}){_CALL}", _start),
        (rf"explain{_CALL}", _explain),
        (rf"answer (?P<name>{_NAME})", _answer),
        (rf"extend (?P<name>{_NAME}) (?P<granted>{_TIME})", _extend),
        (rf"end (?P<name>{_NAME}) (?P<used>{_TIME})", _end),
        (rf"close (?P<name>{_NAME})", _close),
        (rf"rows (?P<name>{_NAME})", _rows),
        (rf"(?P<what>available|balance|held|owed) (?P<stated>{_AMOUNT})", _amount),
        (rf"(?P<what>spent|expired|held) (?P<name>{_NAME}) (?P<stated>{_AMOUNT})", _amount),
        (r"events (?P<stated>[a-z_ ]+)", _event),
        (rf"used (?P<count>\d+) {_POOL}", _used),
        (rf"left (?P<count>\d+) {_POOL}", _left),
    )
)
