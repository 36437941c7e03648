"""A receipt's arithmetic: exact before it is rounded, block by block."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from talktime.core.calls.calls import Call, CallKey, CallKind, CallSetup, CallState, PaysFrom, RateReference
from talktime.core.insight import receipts
from talktime.core.insight.receipts import ReceiptFacts
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import Direction
from talktime.core.rates.rating import Price, PriceStep, Tariff, TimeProfile, Window
from talktime.core.values.money import Rounding

UTC_ZONE = ZoneInfo("UTC")
RATE = RateReference(1, Direction.OUTBOUND, "44", "")
MONDAY_MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("nanos_per_minute", "increment_seconds", "used_seconds", "exact"),
    [
        (13_500_000, 60, 61, "0.027"),
        (1_000_000_000, 60, 60, "1.00"),
        (10_000_000, 1, 1, "0.000166666666…"),
        (6, 1, 1, "0.0000000001"),
    ],
)
def test_the_exact_cost_is_written_out_and_says_where_it_never_ends(
    nanos_per_minute: int, increment_seconds: int, used_seconds: int, exact: str
) -> None:
    tariff = _tariff(Price(0, (PriceStep(0, increment_seconds, nanos_per_minute),)))

    blocks = rating.blocks(tariff, MONDAY_MORNING, used_seconds)

    assert receipts.exact_cost(0, blocks) == exact
    assert receipts.block_cost(blocks[0]) == exact


def test_the_fee_is_that_of_the_price_in_force_when_the_call_was_answered() -> None:
    nights = TimeProfile("night", tuple(Window(day, 0, 6 * 3_600) for day in range(7)))
    days = TimeProfile("day", tuple(Window(day, 6 * 3_600, 86_400) for day in range(7)))
    steps = (PriceStep(0, 60, 1),)
    tariff = _tariff(Price(1_500, steps, nights), Price(20_000_000, steps, days))

    assert rating.connection_fee_micros(tariff, MONDAY_MORNING) == 20_000
    assert rating.connection_fee_micros(tariff, MONDAY_MORNING.replace(hour=3)) == 2


def test_every_flag_and_ending_has_a_sentence() -> None:
    assert set(receipts.FLAG_EXPLANATIONS) == set(receipts.Flags)
    assert set(receipts.ENDING_EXPLANATIONS) == set(receipts.Ending)


@pytest.mark.parametrize(
    ("meters", "rate", "granted_seconds", "sentence"),
    [
        ((), RATE, 120, "The grant of 120 s was final: available credit did not pay for another increment."),
        (
            ("user/1/2026-03",),
            RATE,
            120,
            "The grant of 120 s was final: available credit or a monthly cap did not pay for another increment.",
        ),
        (
            ("user/1/2026-03", "overage/2026-03"),
            RATE,
            60,
            "The grant of 60 s was final: credit, the month's overage or a cap did not pay for another increment.",
        ),
        (
            ("pool/MCOPSTN5/GB/domestic/2026-03",),
            None,
            60,
            "The grant of 60 s was final: the included minutes had no further one, and no money may pay for the call.",
        ),
        ((), RATE, 86_400, "The grant was final: no call is granted more than a day."),
    ],
)
def test_a_final_grant_says_what_did_not_pay_for_more(
    meters: tuple[str, ...], rate: RateReference | None, granted_seconds: int, sentence: str
) -> None:
    call = _open_call(PaysFrom.CREDIT, meters=meters, rate=rate, granted_seconds=granted_seconds)

    assert receipts.receipt(ReceiptFacts("Acme", "GBP", call)).reasons[-1] == sentence


def test_a_call_that_a_license_includes_says_so() -> None:
    call = _open_call(PaysFrom.INCLUDED, meters=(), rate=None, granted_seconds=86_400)

    reasons = receipts.receipt(ReceiptFacts("Acme", "GBP", call)).reasons

    assert reasons[-1] == "A license includes calls of this kind without counting them."


def _open_call(
    pays_from: PaysFrom, *, meters: tuple[str, ...], rate: RateReference | None, granted_seconds: int
) -> Call:
    setup = CallSetup(
        1, CallKey("sbc1", "c1"), CallKind.USER_OUT, "441", "442", MONDAY_MORNING, pays_from, rate=rate, meters=meters
    )
    return Call(setup, CallState.OPEN, granted_seconds, is_final=True)


def _tariff(*prices: Price) -> Tariff:
    return Tariff(prices, 4, Rounding.HALF_UP, UTC_ZONE)
