"""Random decks and calls: nested prefixes that end in 0, short numbers, steps, profiles, origins, clock changes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, Rate, RateDeck
from talktime.core.rates.rated_calls import RatesInForce, RecordedUse
from talktime.core.rates.rating import ANY_TIME, DAYS_PER_WEEK, SECONDS_PER_DAY, Price, PriceStep, TimeProfile, Window
from talktime.core.values.money import Rounding

ZONES = (
    *("UTC", "Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"),
    *("Africa/Casablanca", "America/St_Johns"),
)
ORIGINS = ("", "1", "10", "1204", "44", "440", "4420", "49", "490", "7")
INCREMENTS = (1, 6, 7, 20, 30, 60, 90, 3_600)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def random_rates_in_force(dice: Random, *, prefixes: int = 40, versions: int = 3, absurd: float = 0.1) -> RatesInForce:
    """Return a few versions of a deck, published at instants of 2026, some of them at the same one."""
    decks = {number: random_deck(dice, number, prefixes, absurd) for number in range(1, dice.randint(1, versions) + 1)}
    publications = [
        DeckPublication(dice.choice(list(decks)), datetime(2026, dice.choice((1, 3, 10)), 25, tzinfo=UTC))
        for _ in range(dice.randint(0, 4))
    ]
    return RatesInForce(
        Direction.OUTBOUND, (DeckPublication(1, datetime(2025, 1, 1, tzinfo=UTC)), *publications), decks
    )


def random_deck(dice: Random, version_id: int, prefixes: int, absurd: float) -> RateDeck:
    terms = DeckTerms("USD", ZoneInfo(dice.choice(ZONES)), dice.randint(0, 6), dice.choice(list(Rounding)))
    has_origins, has_profiles = dice.random() < 0.5, dice.random() < 0.6
    # A price that fits into int64 only for short calls.
    is_absurd = dice.random() < absurd
    profiles = [random_profiles(dice) for _ in range(3)] if has_profiles else []
    rates = [
        Rate(
            dice.choice((Direction.OUTBOUND, Direction.OUTBOUND, Direction.TOLL_FREE_INBOUND)),
            prefix,
            origin,
            f"Destination {prefix[:2]}",
            random_prices(dice, profiles, is_absurd=is_absurd),
            blocked=dice.random() < 0.05,
        )
        for prefix in random_prefixes(dice, dice.randint(1, prefixes))
        for origin in (dice.sample(ORIGINS, dice.randint(1, 4)) if has_origins and dice.random() < 0.7 else ("",))
    ]
    return RateDeck(version_id=version_id, terms=terms, rates=rates)


def random_prefixes(dice: Random, count: int) -> list[str]:
    found = ["1", "44", "490"]
    while len(found) < count:
        grown = dice.choice(("2", "4", *found, *found)) + "".join(dice.choices("000012459", k=dice.randint(1, 3)))
        found.append(grown[: dice.choice((15, 15, 17))])
    return sorted(set(found[:count]))


def random_profiles(dice: Random) -> tuple[TimeProfile, ...]:
    """Cut the week at some seconds, and give each part to one of two or three profiles."""
    windows: list[list[Window]] = [[] for _ in range(dice.randint(2, 3))]
    for weekday in range(DAYS_PER_WEEK):
        cuts = sorted(
            {
                0,
                SECONDS_PER_DAY,
                *(dice.choice((3_600, 5_400, 7_200, 9_000, 28_800, 64_800, 79_201)) for _ in range(dice.randint(0, 3))),
            }
        )
        for start, end in pairwise(cuts):
            dice.choice(windows).append(Window(weekday, start, end))
    return tuple(TimeProfile(f"p{number}", tuple(each)) for number, each in enumerate(windows) if each)


def random_prices(dice: Random, profiles: Sequence[tuple[TimeProfile, ...]], *, is_absurd: bool) -> tuple[Price, ...]:
    if profiles and dice.random() < 0.6:
        return tuple(random_price(dice, profile, is_absurd=is_absurd) for profile in dice.choice(profiles))
    return (random_price(dice, ANY_TIME, is_absurd=is_absurd),)


def random_price(dice: Random, profile: TimeProfile, *, is_absurd: bool) -> Price:
    steps: list[PriceStep] = []
    second = 0
    for _ in range(dice.choice((1, 1, 2, 2, 3))):
        increment = dice.choice(INCREMENTS)
        nanos = dice.choice((0, dice.randrange(10**6), dice.randrange(10**9), dice.randrange(10**12)))
        steps.append(PriceStep(second, increment, nanos * 10**6 if is_absurd and dice.random() < 0.3 else nanos))
        second += increment * dice.randint(1, 4)
    return Price(dice.choice((0, dice.randrange(10**9))), tuple(steps), profile)


def random_calls(dice: Random, rates: RatesInForce, count: int) -> Iterator[RecordedUse]:
    """Yield calls around what the decks price, and around the instants at which something changes."""
    prefixes = sorted({rate.prefix for deck in rates.decks.values() for rate in deck.rates()})
    for _ in range(count):
        started_at = random_start(dice)
        yield RecordedUse(
            random_caller(dice),
            random_number(dice, prefixes),
            started_at,
            random_seconds(dice),
            random_answer(dice, started_at),
        )


def random_number(dice: Random, prefixes: Sequence[str]) -> str:
    if dice.random() < 0.02:
        return dice.choice(("", "112", "alice@example.org", "44abc1234567", "0044201234567", "4" * 19, "1" * 16))
    number = dice.choice(prefixes)[: dice.choice((3, 7, 17))] + "".join(dice.choices("000012459", k=dice.randint(4, 9)))
    # Seven digits are the fewest that count as a number, and fewer than many prefixes have.
    return number[: dice.choice((7, 7, 8, 12, 15, 15))]


def random_caller(dice: Random) -> str:
    if dice.random() < 0.1:
        return dice.choice(("", "anonymous", "44x", "1204@example.org", "0", "4" * 30))
    return dice.choice(ORIGINS) + "".join(dice.choices("0000124", k=dice.randint(0, 8)))


def random_answer(dice: Random, started_at: datetime) -> datetime | None:
    return None if dice.random() < 0.5 else started_at + timedelta(seconds=dice.randint(0, 90))


def random_start(dice: Random) -> datetime:
    day = dice.choice(
        (
            datetime(2026, 3, 29, tzinfo=UTC),
            datetime(2026, 10, 25, tzinfo=UTC),
            datetime(2026, 3, 8, tzinfo=UTC),
            datetime(2026, 4, 4, tzinfo=UTC),
            datetime(2026, 12, 31, tzinfo=UTC),
            datetime(2024, 12, 31, tzinfo=UTC),
            datetime(2026, dice.randint(1, 12), dice.randint(1, 28), tzinfo=UTC),
        )
    )
    if dice.random() < 0.002:
        day = dice.choice((datetime(1969, 12, 31, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)))
    hours = timedelta(minutes=30 * dice.randint(0, 47), seconds=dice.choice((0, 0, 1, 59, 1_799)))
    return day + hours - timedelta(microseconds=dice.choice((0, 0, 1, 500_000)))


def random_seconds(dice: Random) -> int:
    if dice.random() < 0.002:
        return dice.choice((-5, 86_401, 200_000))
    return dice.choice((0, 1, 6, 60, 61, 3_600, dice.randrange(120), dice.randrange(7_200), dice.randrange(86_401)))
