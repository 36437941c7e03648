"""A generated price list of the shape of a real one: 36,206 prefixes, their lengths, and blocks of 6 seconds."""

from random import Random
from zoneinfo import ZoneInfo

from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.values.money import NANOS_PER_MICRO
from talktime.samples.seeded import generator

PREFIXES_COUNT = 36_206
TERMS = DeckTerms("USD", ZoneInfo("UTC"))
SEED = 2026
# How many prefixes of each length a wholesale price list of 2015 has.
_LENGTHS = {3: 228, 4: 1_026, 5: 3_025, 6: 5_510, 7: 11_594, 8: 6_805, 9: 7_117, 10: 838, 11: 16}
# A larger list has more prefixes of this length: there is room for millions.
_ROOMY_LENGTH = 10
# Under these everything else lies, so that every number has a price.
_TWO_DIGITS = (20, 27, *range(30, 35), 36, *range(39, 42), *range(43, 50), *range(51, 59), *range(60, 67), 76, 77)
_CALLING_CODES = ["1", *map(str, (*_TWO_DIGITS, 81, 82, 84, 86, *range(90, 96), 98))]
# Of a dollar, in ten-thousandths.
_PRICES = (43, 100, 123, 125, 143, 169, 195, 208, 299, 338, 458, 506, 788, 1_125, 1_977, 2_298, 5_460)
# A ten-thousandth, and again a hundredth of it: prices differ by up to a fifth from those.
_NANOS = NANOS_PER_MICRO


def generated_rates(count: int = PREFIXES_COUNT) -> tuple[Rate, ...]:
    """Return so many rates, shaped like the real list; the same every time."""
    dice = generator(SEED, f"deck of {count}")
    prefixes: dict[int, list[str]] = {length: [] for length in range(1, 12)}
    known = set(_CALLING_CODES)
    for code in _CALLING_CODES:
        prefixes[len(code)].append(code)
    for length, share in _LENGTHS.items():
        _grow(prefixes, known, length, share * max(0, count - len(_CALLING_CODES)) // sum(_LENGTHS.values()), dice)
    _grow(prefixes, known, _ROOMY_LENGTH, count - len(known), dice)
    return tuple(_rate(prefix, dice) for prefix in sorted(known)[:count])


def _grow(prefixes: dict[int, list[str]], known: set[str], length: int, wanted: int, dice: Random) -> None:
    """Add prefixes of a length, each under a shorter one."""
    parents = [*prefixes[length - 2], *prefixes[length - 1]] or _CALLING_CODES
    # Half of the numbers under them at most: what does not fit is made longer.
    room = (100 * len(prefixes[length - 2]) + 10 * len(prefixes[length - 1])) // 2
    added = 0
    while added < min(wanted, room):
        parent = dice.choice(parents)
        missing = length - len(parent)
        prefix = f"{parent}{dice.randrange(10**missing):0{missing}d}"
        if prefix not in known:
            known.add(prefix)
            prefixes[length].append(prefix)
            added += 1


def _rate(prefix: str, dice: Random) -> Rate:
    price = Price(0, (PriceStep(0, 6, dice.choice(_PRICES) * _NANOS * dice.randrange(80, 121)),))
    return Rate(Direction.OUTBOUND, prefix, "", f"Destination {prefix[:4]}", (price,))
