"""Fill a database as an operator's stands after months: one organization by the use cases, then its copies."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import EndCall, Finished, Granted, StartCall
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.organizations.licenses import CREDIT_LICENSES, License
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.gateways.payments.sandbox import NAME as SANDBOX
from talktime.gateways.payments.sandbox import SandboxGateway
from talktime.interfaces.cli.bench.world import deck, people
from talktime.samples.seeded import generator
from talktime.settings import Settings
from talktime.store.bench.cloning import MODEL_ID, clone_model, mark_of, settle_down
from talktime.store.engine import create_schema, open_engine
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.buying.manage_payment_methods import AddCard, add_card
from talktime.usecases.credit.recharging.set_recharge import SetRecharge, set_recharge
from talktime.usecases.organizations.manage_organizations import AddOrganization, add_organization
from talktime.usecases.organizations.manage_users import AddUsers, NewUser, add_users
from talktime.usecases.rates.publish_rate_deck import PublishDeck, StageDeck, publish_deck, stage_deck

DECK = "standard"
PAST_SWITCH = "past"
# Lots were bought so many days ago; the price list is as old as the oldest.
_LOT_DAYS = (80, 50, 20)
_LOT_UNITS = 1_000_000
_TRIGGER_UNITS, _RECHARGE_UNITS = 20, 50
_FIRST_CALL_DAYS, _LAST_CALL_DAYS = 60, 2
_ADMIN = "bench"


@dataclass(frozen=True, slots=True)
class Shape:
    """How much stands in the database before the first measurement."""

    organizations: int = 10_000
    finished_calls: int = 1_000_000
    prefixes: int = deck.PREFIXES_COUNT

    @property
    def signature(self) -> str:
        """Return what makes two filled databases alike."""
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())

    @property
    def calls_of_each(self) -> int:
        """Return how many calls each organization has made."""
        return self.finished_calls // self.organizations


def fill(database_url: str, shape: Shape, now: datetime, advance: Callable[[int], object]) -> None:
    """Fill an empty database; `advance` is told how many more organizations are there."""
    create_schema(database_url)
    with TemporaryDirectory() as folder:
        app = App(replace(Settings(database=database_url), data_folder=Path(folder)))
        with app:
            _publish_deck(app, shape, now - timedelta(days=_LOT_DAYS[0] + 1))
            _add_model(app, Path(folder), now)
            _call(app, shape.calls_of_each, now)
    engine = open_engine(database_url)
    advance(1)
    clone_model(engine, shape.organizations, advance)
    settle_down(engine, database_url)
    engine.dispose()


def _publish_deck(app: App, shape: Shape, at: datetime) -> None:
    rates = deck.generated_rates(shape.prefixes)
    stage_deck(app.run, StageDeck(DECK, "generated", deck.TERMS, rates, at), lambda _: None)
    app.run(publish_deck, PublishDeck(DECK, None, at, at))


def _add_model(app: App, folder: Path, now: datetime) -> None:
    name, bought_at = f"Organization {mark_of(MODEL_ID)}", [now - timedelta(days=days) for days in _LOT_DAYS]
    app.run(add_organization, AddOrganization(name, "GB", "USD", "UTC", DECK, bought_at[0]))
    users = tuple(_user(user) for user in range(people.USERS_COUNT))
    added = app.run(add_users, AddUsers(name, users, bought_at[0], buys_missing=True))
    assert added.is_saved, added.rows
    for number, at in enumerate(bought_at, start=1):
        app.run(add_credit, AddCredit(name, _LOT_UNITS * MICROS_PER_UNIT, f"lot {number}", at, purchased_at=at))
    card = SandboxGateway(folder, clock=lambda: now).add_card(f"4242424242424242 12/{now.year % 100 + 3}")
    method_id = app.run(add_card, AddCard(name, SANDBOX, card, bought_at[0])).method.method_id
    change = RechargeChange(
        is_on=True,
        trigger_micros=_TRIGGER_UNITS * MICROS_PER_UNIT,
        amount_micros=_RECHARGE_UNITS * MICROS_PER_UNIT,
        method_id=method_id,
    )
    app.run(set_recharge, SetRecharge(name, _ADMIN, bought_at[0], change))


def _user(user: int) -> NewUser:
    return NewUser(
        line=user + 1,
        user_principal_name=f"user{user}@{mark_of(MODEL_ID)}.example",
        display_name=f"User {user} of {mark_of(MODEL_ID)}",
        numbers=(people.caller_number(MODEL_ID, user),),
        usage_location="GB",
        licenses=CREDIT_LICENSES | License.DOMESTIC,
    )


def _call(app: App, count: int, now: datetime) -> None:
    """Charge the model's calls of the last two months, one after the other, as they were."""
    charging = app.open_charging()
    try:
        for start, end in _calls(count, now):
            answers = [*charging.charge([start]), *charging.charge([end])]
            assert [type(answer) for answer in answers] == [Granted, Finished], answers
    finally:
        charging.close()


def _calls(count: int, now: datetime) -> Iterator[tuple[StartCall, EndCall]]:
    dice = generator(deck.SEED, "past")
    first_day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(
        days=_FIRST_CALL_DAYS
    )
    for number in range(count):
        # During the day, so that no copy's call, which is up to an hour later, falls into another month.
        day = number * (_FIRST_CALL_DAYS - _LAST_CALL_DAYS) // max(count, 1)
        at = first_day + timedelta(days=day, seconds=dice.randrange(8 * 3_600, 20 * 3_600))
        seconds = min(3_600, 1 + int(dice.expovariate(1 / 120)))
        key = CallKey(PAST_SWITCH, f"{number:06d}-{mark_of(MODEL_ID)}")
        caller = people.caller_number(MODEL_ID, dice.randrange(people.USERS_COUNT))
        start = StartCall(key, at, caller, people.called_number(dice))
        yield start, EndCall(key, at + timedelta(seconds=seconds), seconds)
