"""What a deck says of calls that name no charge."""

from zoneinfo import ZoneInfo

import pytest

from talktime.core.insight.importing import pricing
from talktime.core.insight.importing.imported_calls import UsageKind
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate, RateDeck
from talktime.core.rates.rating import ANY_TIME, Price, PriceStep
from tests.core.insight.importing.imported import a_call

CENT = 10_000


def rate(direction: Direction, prefix: str, cents: int, destination: str = "", *, blocked: bool = False) -> Rate:
    price = Price(0, (PriceStep(0, 60, cents * 10_000_000),), ANY_TIME)
    return Rate(direction, prefix, "", destination, (price,), blocked=blocked)


DECK = RateDeck(
    version_id=1,
    terms=DeckTerms("GBP", ZoneInfo("UTC")),
    rates=(
        rate(Direction.OUTBOUND, "44", 2, "United Kingdom"),
        rate(Direction.OUTBOUND, "447", 9, "United Kingdom, mobile"),
        rate(Direction.OUTBOUND, "4487", 1, blocked=True),
        rate(Direction.TOLL_FREE_INBOUND, "44", 3),
        rate(Direction.TOLL_INBOUND, "44", 1),
    ),
)


def test_a_charge_that_the_file_names_stays() -> None:
    call = a_call(charge_micros=0, currency="USD")

    assert pricing.priced(call, DECK) is call
    assert call.cost_micros == 0


def test_a_call_without_a_charge_costs_what_the_deck_says() -> None:
    priced = pricing.priced(a_call(used_seconds=61), DECK)

    assert (priced.rated_micros, priced.cost_micros, priced.currency) == (4 * CENT, 4 * CENT, "GBP")
    assert priced.destination == "United Kingdom"
    assert pricing.priced(a_call(destination="London"), DECK).destination == "London"


def test_of_a_hidden_number_the_shown_digits_decide() -> None:
    assert pricing.priced(a_call(called="4477009****"), DECK).rated_micros == 9 * CENT


@pytest.mark.parametrize(
    ("call", "cents"),
    [
        (a_call(UsageKind.EMERGENCY_OUT, called="112"), 0),
        (a_call(UsageKind.USER_IN), 0),
        (a_call(UsageKind.CONFERENCE_IN, number_type="Toll-Free"), 3),
        (a_call(UsageKind.VOICE_APP_IN, number_type="TollFree"), 3),
        (a_call(UsageKind.CONFERENCE_IN, number_type="Service", capability="MCOMEETACPEA"), 1),
        (a_call(UsageKind.CONFERENCE_IN, number_type="Service", capability="MCOMEETADD"), 0),
        (a_call(UsageKind.VOICE_APP_IN, number_type="Service", capability="MCOMEETACPEA"), 0),
        (a_call(UsageKind.CONFERENCE_OUT), 2),
        (a_call(UsageKind.DIRECT_OUT), 2),
    ],
)
def test_each_kind_of_call_has_its_rates_or_costs_nothing(call: object, cents: int) -> None:
    assert pricing.priced(call, DECK).rated_micros == cents * CENT  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("called", "reason"),
    [
        ("", pricing.NO_NUMBER),
        ("***", pricing.NO_NUMBER),
        ("6789", pricing.NOT_INTERNATIONAL),
        ("client1", pricing.NOT_INTERNATIONAL),
        ("33140205050", pricing.NOT_RATED),
        ("448701234567", pricing.BLOCKED),
    ],
)
def test_a_call_that_the_deck_cannot_rate_says_why(called: str, reason: str) -> None:
    priced = pricing.priced(a_call(called=called), DECK)

    assert (priced.not_rated, priced.cost_micros) == (reason, None)
