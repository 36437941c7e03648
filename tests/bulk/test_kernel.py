"""The kernel equals the scalar core on every row: cost, billed seconds, rate, version, or why there is none."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talktime.bulk import kernel
from talktime.bulk.columns import call_columns
from talktime.bulk.plans import REASONS, rating_plan
from talktime.core.calls.calls import DenialReason
from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, Rate, RateDeck
from talktime.core.rates.rate_sheets import SheetOptions, read_rate_sheet
from talktime.core.rates.rated_calls import NotRated, RatedCall, RatesInForce, RecordedUse, rate_call
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.values.errors import Invalid
from talktime.imports.spreadsheets import read_sheet
from tests.bulk.random_rates import random_calls, random_rates_in_force
from tests.bulk.rows import batch_of, rated_in_bulk

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
Answers = list[RatedCall | NotRated]


def told(rate_all: Callable[[], Answers]) -> Answers | str:
    """Return the answers, or why there are none at all."""
    try:
        return rate_all()
    except Invalid as refused:
        return refused.code


def both(rates: RatesInForce, calls: Sequence[RecordedUse]) -> tuple[Answers | str, Answers | str]:
    """Return what the kernel says, and what the scalar core does."""
    return (
        told(lambda: rated_in_bulk(rating_plan(rates), calls)),
        told(lambda: [rate_call(rates, call) for call in calls]),
    )


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_every_row_is_what_the_scalar_core_says(dice: Random) -> None:
    rates = random_rates_in_force(dice, prefixes=12)
    calls = list(random_calls(dice, rates, 30))

    in_bulk, one_by_one = both(rates, calls)

    assert in_bulk == one_by_one


def test_many_rows_of_many_decks_are_what_the_scalar_core_says() -> None:
    assert prove(decks=20, calls=500) > 8_000


@pytest.mark.proof
def test_a_million_rows_are_what_the_scalar_core_says() -> None:
    assert prove(decks=600, calls=2_000) > 1_000_000


def prove(*, decks: int, calls: int) -> int:
    """Compare so many decks with so many calls each, and return how many rows were equal."""
    dice, equal = Random(2026), 0
    for _ in range(decks):
        rates = random_rates_in_force(dice)
        recorded = list(random_calls(dice, rates, calls))
        in_bulk, one_by_one = both(rates, recorded)
        assert in_bulk == one_by_one
        equal += len(in_bulk) if isinstance(in_bulk, list) else 0
    return equal


@pytest.mark.parametrize("file", ["astpp_az_2015/astpp_outbound_routes.csv", "caribbeano_retail/rates_table.csv"])
def test_real_price_lists_rate_in_bulk_as_the_scalar_core_does(shared_data: Path, file: str) -> None:
    options = SheetOptions(currency="USD", zone=ZoneInfo("Europe/Rome"))
    sheet = read_rate_sheet(read_sheet(shared_data / "rate_decks" / file), options)
    rates = in_force(RateDeck(version_id=1, terms=sheet.terms, rates=sheet.rates))

    in_bulk, one_by_one = both(rates, list(random_calls(Random(7), rates, 4_000)))

    assert in_bulk == one_by_one


def in_force(*decks: RateDeck, direction: Direction = Direction.OUTBOUND) -> RatesInForce:
    return RatesInForce(direction, (DeckPublication(1, LONG_AGO),), {deck.version_id: deck for deck in decks})


def deck_of(*rates: Rate, version_id: int = 1) -> RateDeck:
    return RateDeck(version_id=version_id, terms=DeckTerms("USD", ZoneInfo("UTC")), rates=rates)


def rate_of(prefix: str, nanos: int = 60_000_000, origin: str = "", *, increment: int = 1) -> Rate:
    return Rate(Direction.OUTBOUND, prefix, origin, prefix, (Price(0, (PriceStep(0, increment, nanos),)),))


def call_to(called: str, caller: str = "", used_seconds: int = 60, at: datetime = AT) -> RecordedUse:
    return RecordedUse(caller, called, at, used_seconds)


def prefix_of(answer: RatedCall | NotRated) -> str:
    return f"{answer.rate.origin_prefix}→{answer.rate.prefix}" if isinstance(answer, RatedCall) else answer.value


def test_a_number_shorter_than_a_prefix_that_ends_in_0_does_not_match_it() -> None:
    rates = in_force(deck_of(rate_of("4930"), rate_of("49305550"), rate_of("493055500"), rate_of("4930555000")))

    in_bulk, one_by_one = both(rates, [call_to("4930555"), call_to("49305550"), call_to("493055500")])

    assert in_bulk == one_by_one
    assert [prefix_of(each) for each in in_bulk] == ["→4930", "→49305550", "→493055500"]  # type: ignore[arg-type]


def test_where_no_origin_of_the_longest_prefix_fits_a_shorter_prefix_does() -> None:
    rates = in_force(deck_of(rate_of("44"), rate_of("4420", origin="1"), rate_of("4420", origin="120")))
    callers = ["12125550100", "12025550100", "331", "", "1", "12", "120"]

    in_bulk, one_by_one = both(rates, [call_to("442079460000", caller) for caller in callers])

    assert in_bulk == one_by_one
    assert [prefix_of(each) for each in in_bulk] == [  # type: ignore[arg-type]
        *("1→4420", "120→4420", "→44", "→44", "1→4420", "1→4420", "120→4420"),
    ]


def test_each_call_is_rated_by_the_version_in_force_when_it_began() -> None:
    first, second = deck_of(rate_of("44")), deck_of(rate_of("44", 120_000_000), version_id=2)
    publications = (
        DeckPublication(1, AT),
        DeckPublication(1, AT + timedelta(hours=1)),
        DeckPublication(2, AT + timedelta(hours=1)),
    )
    rates = RatesInForce(Direction.OUTBOUND, publications, {1: first, 2: second})
    instants = [AT - timedelta(microseconds=1), AT, AT + timedelta(minutes=59), AT + timedelta(hours=1)]

    in_bulk, one_by_one = both(rates, [call_to("442079460000", at=at) for at in instants])

    assert in_bulk == one_by_one
    assert [getattr(each, "cost_micros", each) for each in in_bulk] == [
        NotRated.NO_RATE_DECK_IN_FORCE,
        60_000,
        60_000,
        120_000,
    ]


def test_a_price_that_does_not_fit_into_int64_is_rated_one_by_one() -> None:
    rates = in_force(deck_of(rate_of("44", 5 * 10**14), rate_of("1")))
    plan = rating_plan(rates)

    in_bulk, one_by_one = both(rates, [call_to("442079460000", used_seconds=86_400), call_to("12125550100")])

    assert plan.decks[1].tariffs.used_seconds_max < 86_400
    assert in_bulk == one_by_one
    assert in_bulk[0].cost_micros == 5 * 10**11 * 1_440  # type: ignore[union-attr]


def test_a_cost_beyond_all_measure_is_refused_and_not_wrapped_around() -> None:
    rates = in_force(deck_of(rate_of("44", 10**18)))

    in_bulk, one_by_one = both(rates, [call_to("442079460000", used_seconds=86_400)])

    assert in_bulk == one_by_one
    assert in_bulk == "amount_too_large"


def test_what_has_no_place_in_the_columns_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="more than 18 digits"):
        rating_plan(in_force(deck_of(rate_of("4" * 19))))
    with pytest.raises(Invalid, match="bulk rating cannot hold"):
        rating_plan(in_force(deck_of(rate_of("44", 10**19))))


def test_threads_rate_as_one_does() -> None:
    dice = Random(3)
    rates = random_rates_in_force(dice, absurd=0)
    plan, columns = rating_plan(rates), call_columns(batch_of(list(random_calls(dice, rates, 3_000))))
    many = columns.take(np.resize(np.arange(len(columns)), 3 * kernel.BLOCK_ROWS + 5))

    alone, together = kernel.rate_columns(plan, many), kernel.rate_columns(plan, many, threads=2)

    for name in ("reason", "rate", "billed_seconds", "cost_micros"):
        assert (getattr(alone, name) == getattr(together, name)).all()


def test_why_a_call_is_not_rated_is_said_in_the_words_of_charging() -> None:
    assert {DenialReason(reason.value) for reason in REASONS} == {
        *(DenialReason.NUMBER_NOT_E164, DenialReason.NO_RATE_DECK_IN_FORCE),
        *(DenialReason.DESTINATION_NOT_RATED, DenialReason.DESTINATION_BLOCKED),
    }
