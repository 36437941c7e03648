"""Who is called in the SAMPLE calls: fictitious numbers by class of destination, a few of them called often.

Where a regulator keeps numbers for fiction, they are used (555-01xx in North America, Ofcom's, BNetzA's,
ARCEP's, PTS's, ACMA's); elsewhere the subscriber part is mostly zeros under a real prefix. `#` is any digit.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import NamedTuple

# Popularity falls with 1 ÷ (rank + this), as Zipf and Mandelbrot have it: few peers get most of the calls,
# but none of them a tenth.
_ZIPF_OFFSET = 5
_CALLS_PER_NUMBER = 8
_NUMBERS_MIN = 40


class Destination(NamedTuple):
    """A class of destinations: its share of the outgoing calls, and what its numbers look like."""

    name: str
    per_mille: int
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """Things to choose from, the popular ones first."""

    entries: tuple[str, ...]
    cumulative_weights: tuple[float, ...]

    def choose(self, rng: Random) -> str:
        """Return one entry, by popularity."""
        return rng.choices(self.entries, cum_weights=self.cumulative_weights)[0]


def directory(entries: Collection[str], rng: Random) -> Directory:
    """Return the entries with popularities that fall by rank, ranked by chance."""
    shuffled = rng.sample(sorted(entries), len(entries))
    weights = accumulate(1 / (rank + _ZIPF_OFFSET) for rank in range(1, len(shuffled) + 1))
    return Directory(tuple(shuffled), tuple(weights))


def directory_of(destination: Destination, *, calls_count: int, without: Collection[str], rng: Random) -> Directory:
    """Return a directory of the size that so many calls need to know their peers by heart."""
    size = max(_NUMBERS_MIN, calls_count * destination.per_mille // 1_000 // _CALLS_PER_NUMBER)
    # Twins only make the set smaller: the patterns of a small class hold fewer than a large sample asks for.
    numbers = {_filled(rng.choice(destination.patterns), rng) for _ in range(size)}
    return directory(numbers - set(without), rng)


def _filled(pattern: str, rng: Random) -> str:
    return "".join(rng.choice("0123456789") if sign == "#" else sign for sign in pattern)


_AREA_CODES = (
    "201 205 208 212 215 218 225 231 240 252 256 267 276 302 305 309 313 316 319 323 336 351 361 402 "
    "406 409 413 417 425 503 507 510 515 530 561 573 602 606 609 614 617 623 631 650 661 701 704 708 "
    "714 717 720 731 740 763 772 775 786 803 806 813 816 828 843 850 858 863 870 904 910 914 917 920 "
    "931 940 951 956 972 979 "
)

UNITED_STATES = Destination("united_states", 560, tuple(f"+1{area}55501##" for area in _AREA_CODES.split()))

EUROPE = Destination(
    "europe",
    200,
    (
        *3 * ("+442079460###", "+441134960###", "+447700900###"),
        *2 * ("+493023125###", "+4917139200###"),
        *2 * ("+3319900####", "+33600000###"),
        "+468465004##",
        "+34910000###",
        "+34600000###",
        "+390600000###",
        "+393200000###",
        "+31200000###",
        "+31610000###",
        "+3225000###",
        "+41440000###",
        "+41760000###",
        "+4312345###",
        "+48500000###",
        "+351210000###",
    ),
)

REST_OF_THE_WORLD = Destination(
    "rest_of_the_world",
    155,
    (
        *3 * ("+141655501##", "+160455501##", "+190255501##"),
        *2 * ("+525550000###", "+911120000###", "+919000000###"),
        *2 * ("+61255501###", "+6149157####"),
        "+178755501##",
        "+187655501##",
        "+180955501##",
        "+8613000000###",
        "+81310000###",
        "+819010000###",
        "+821010000###",
        "+6568000###",
        "+5511900000###",
        "+551120000###",
        "+573000000###",
        "+639170000###",
        "+972500000###",
        "+27110000###",
        "+27710000###",
        "+2348030000###",
    ),
)

EXPENSIVE = Destination(
    "expensive",
    40,
    ("+8707730000##", "+8816310000##", "+537000####", "+677200##", "+688200##", "+9603300###", "+247620##"),
)

# The sample deck blocks them.
PREMIUM = Destination("premium", 20, ("+190055501##", "+449098790###", "+338990000##", "+348030000##"))

# Too short, too long, a country code that nobody has, a trunk 0 left in front: what people dial by mistake.
INVALID = Destination("invalid", 15, ("+120655", "+442079", "+12065550100########", "+999123456###", "+0206555####"))

SERVICES = Destination("services", 10, ("911", "411", "511", "711"))

DESTINATIONS = (UNITED_STATES, EUROPE, REST_OF_THE_WORLD, EXPENSIVE, PREMIUM, INVALID, SERVICES)
# Who calls in: the neighborhood, and some from abroad.
INBOUND = Destination("inbound", 180, (*8 * UNITED_STATES.patterns, *20 * EUROPE.patterns[:9]))
# Who dials the toll-free number of the conferences: it can be reached from North America alone.
PARTICIPANTS = Destination("participants", 80, (*UNITED_STATES.patterns, *20 * ("+141655501##", "+178755501##")))
# Whom conferences dial: offices abroad, most of them where a call costs something to connect.
PARTNERS = Destination(
    "partners",
    4,
    (
        *3 * ("+886900000###",),
        *2 * ("+886220000###", "+821010000###"),
        "+60320000###",
        "+442079460###",
        "+121255501##",
    ),
)
