"""SAMPLE rate decks as CSV text: outbound A to Z, and toll-free inbound by country; prices are invented."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from random import Random
from typing import NamedTuple

from talktime.samples.destinations import BANDS, Country, Special, countries, country_name, known_prefixes, specials
from talktime.samples.seeded import generator

SEED = 2026
# The names to publish the decks under: whoever reads a receipt sees where its prices come from.
OUTBOUND_DECK_NAME = "SAMPLE A-Z outbound"
TOLL_FREE_DECK_NAME = "SAMPLE toll-free inbound"

OUTBOUND_HEADER = (
    "Destination",
    "Country",
    "Prefix",
    "Rate per minute",
    "Connection fee",
    "Increments",
    "Status",
    "Time profile",
)
TOLL_FREE_HEADER = ("Country", "ISO", "Number type", "Inbound voice price", "Increments")
# These prefixes have two prices; which hours are peak is for whoever publishes the deck to say.
PEAK_AND_OFFPEAK_PREFIXES = frozenset({"44", "49"})

_MICROS_PER_UNIT = 1_000_000
_COUNTRY_INCREMENTS = ("1/1", "60/60", "60/1", "6/6")
_COUNTRY_INCREMENTS_WEIGHTS = (50, 35, 10, 5)
_NORTH_AMERICA = frozenset({"CA", "GU", "MP", "PR", "US", "VI"})
_FEE_PERCENT = 5
_FIVE_DECIMALS_PERCENT = 15
_OFFPEAK_PERCENT = 80
_NETWORK_PERCENTS = range(80, 126)
_NETWORKS_MAX = 3
# Enough to make longest-prefix matching matter, few enough for a deck that people can read.
_NETWORK_PREFIXES_MAX = 5
_NETWORK_PREFIX_DIGITS_MAX = 7
_SATELLITE_FEE_MICROS = 250_000


class _Row(NamedTuple):
    """A row of the outbound deck; prices in micros of USD."""

    destination: str
    country: str
    prefix: str
    micros_per_minute: int
    fee_micros: int
    increments: str
    is_blocked: bool = False
    profile: str = ""


class _Terms(NamedTuple):
    """What a country's rows have in common."""

    fee_micros: int
    increments: str


def sample_rate_deck_csv(seed: int = SEED) -> str:
    """Return an outbound deck in USD as CSV text: every calling code, mobile networks, some blocked rows."""
    by_country = (_country_rows(country, generator(seed, f"outbound/{country.iso}")) for country in countries())
    by_kind = (_special_row(special, generator(seed, f"outbound/{special.prefix}")) for special in specials())
    rows = sorted(chain(chain.from_iterable(by_country), by_kind))
    return _csv_text(OUTBOUND_HEADER, map(_cells, rows))


def sample_toll_free_deck_csv(seed: int = SEED) -> str:
    """Return a toll-free inbound deck in USD as CSV text: prices by the country of the caller."""
    rows = sorted(
        (
            country_name(iso),
            iso,
            "Toll free",
            _decimal(_near(micros, generator(seed, f"toll_free/{iso}"))),
            increments,
        )
        for iso, (micros, increments) in _TOLL_FREE_MICROS.items()
    )
    return _csv_text(TOLL_FREE_HEADER, rows)


def _country_rows(country: Country, rng: Random) -> Iterator[_Row]:
    terms = _terms(country, rng)
    landline_micros = _price_micros(country.landline_band, rng)
    mobile_micros = max(landline_micros, _price_micros(country.mobile_band, rng))
    for prefix in country.landline_prefixes:
        row = _Row(country.name, country.name, prefix, landline_micros, *terms)
        yield from _peak_and_offpeak(row) if prefix in PEAK_AND_OFFPEAK_PREFIXES else (row,)
    for prefix in country.mobile_prefixes:
        yield _Row(f"{country.name} - Mobile", country.name, prefix, mobile_micros, *terms)
    yield from _network_rows(country, mobile_micros, terms, rng)


def _terms(country: Country, rng: Random) -> _Terms:
    fee_micros = 100 * rng.randrange(50, 300) if rng.randrange(100) < _FEE_PERCENT else 0
    increments = rng.choices(_COUNTRY_INCREMENTS, _COUNTRY_INCREMENTS_WEIGHTS)[0]
    return _Terms(0, "30/6") if country.iso in _NORTH_AMERICA else _Terms(fee_micros, increments)


def _peak_and_offpeak(row: _Row) -> tuple[_Row, _Row]:
    offpeak_micros = _in_steps(row.micros_per_minute * _OFFPEAK_PERCENT // 100, 100)
    return row._replace(profile="peak"), row._replace(profile="offpeak", micros_per_minute=offpeak_micros)


def _network_rows(country: Country, mobile_micros: int, terms: _Terms, rng: Random) -> Iterator[_Row]:
    """Price some longer prefixes by network, as real decks do: somewhat beside the country's mobile price."""
    longer = (
        f"{prefix}{digit}"
        for prefix in country.mobile_prefixes
        if len(prefix) < _NETWORK_PREFIX_DIGITS_MAX
        for digit in "0123456789"
    )
    free = sorted(set(longer) - known_prefixes())
    networks = "ABC"[: rng.randint(2, _NETWORKS_MAX)]
    prices = {name: _in_steps(mobile_micros * rng.choice(_NETWORK_PERCENTS) // 100, 100) for name in networks}
    for prefix in rng.sample(free, min(_NETWORK_PREFIXES_MAX, len(free))):
        network = rng.choice(networks)
        yield _Row(f"{country.name} - Mobile network {network}", country.name, prefix, prices[network], *terms)


def _special_row(special: Special, rng: Random) -> _Row:
    return _Row(
        destination=special.destination,
        country=special.country,
        prefix=special.prefix,
        micros_per_minute=_price_micros(special.band, rng),
        fee_micros=_SATELLITE_FEE_MICROS if special.band == "satellite" else 0,
        increments="30/6" if special.prefix.startswith("1") else "60/60",
        is_blocked=special.is_blocked,
    )


def _price_micros(band: str, rng: Random) -> int:
    """Draw from the band, in whole 10⁻⁴ or, for some, 10⁻⁵ USD: a deck mixes four and five decimals."""
    step_micros = 10 if rng.randrange(100) < _FIVE_DECIMALS_PERCENT else 100
    return _in_steps(rng.choice(BANDS[band]), step_micros)


def _near(micros: int, rng: Random) -> int:
    return _in_steps(micros * rng.randint(90, 110) // 100, 100)


def _in_steps(micros: int, step_micros: int) -> int:
    return micros // step_micros * step_micros


def _cells(row: _Row) -> Sequence[str]:
    return (
        row.destination,
        row.country,
        row.prefix,
        _decimal(row.micros_per_minute),
        _decimal(row.fee_micros),
        row.increments,
        "blocked" if row.is_blocked else "active",
        row.profile,
    )


def _decimal(micros: int) -> str:
    """Write micros in units with four decimals, or five where the fifth is not 0."""
    assert micros % 10 == 0
    text = f"{micros // _MICROS_PER_UNIT}.{micros % _MICROS_PER_UNIT // 10:05}"
    return text.removesuffix("0")


def _csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


# Country of the caller → micros of USD per minute before the seed's tenth up or down, and increments.
_TOLL_FREE_MICROS = {
    "AR": (230_000, "60/60"),
    "AT": (110_000, "60/60"),
    "AU": (75_000, "60/60"),
    "BE": (68_000, "60/60"),
    "BR": (160_000, "60/60"),
    "CA": (22_000, "30/6"),
    "CH": (95_000, "60/60"),
    "CL": (190_000, "60/60"),
    "CN": (310_000, "60/60"),
    "CO": (140_000, "60/60"),
    "CZ": (120_000, "60/60"),
    "DE": (62_000, "1/1"),
    "DK": (90_000, "60/60"),
    "ES": (58_000, "60/60"),
    "FI": (180_000, "60/60"),
    "FR": (65_000, "1/1"),
    "GB": (38_000, "1/1"),
    "HK": (130_000, "60/60"),
    "IE": (52_000, "1/1"),
    "IL": (88_000, "60/60"),
    "IT": (84_000, "60/60"),
    "JP": (210_000, "60/60"),
    "KR": (170_000, "60/60"),
    "MX": (150_000, "60/60"),
    "NL": (80_000, "60/60"),
    "NO": (72_000, "60/60"),
    "NZ": (66_000, "60/60"),
    "PL": (98_000, "60/60"),
    "PR": (45_000, "30/6"),
    "PT": (105_000, "60/60"),
    "SE": (55_000, "60/60"),
    "SG": (125_000, "60/60"),
    "US": (18_000, "30/6"),
    "ZA": (260_000, "60/60"),
}
