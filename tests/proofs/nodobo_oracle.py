"""What the real calls cost by a second opinion: exact fractions, nothing of talktime, one screen to read.

    python tests/proofs/nodobo_oracle.py DECK.csv CALLS.csv

It restates the rules that the proof checks, in the order in which charging asks them:

1. A call that a user did not make costs nothing, whenever it was: incoming and missed calls are included.
2. A number that is an emergency number somewhere is free (`EMERGENCY_NUMBERS`).
3. A number that is not 7 to 15 digits, or begins with 0, is no international number: denied. A leading + is decoration.
4. Before the deck was published there are no prices: denied.
5. The longest prefix in the deck prices the call; none: denied.
6. Each started block of `inc` seconds counts whole; the cost is rounded once, half-up, to four decimals; a call of no
   seconds costs nothing.
"""

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

PUBLISHED_FROM = datetime(2010, 1, 1, tzinfo=UTC)
CHARGE_DECIMALS = 4
# Short numbers in the log that reach police, fire brigade or ambulance in some country, though in the UK, where the log
# is from, most are an operator's own service. The default of the product is the union of all countries: a wrong yes
# costs one short call, a wrong no a life.
EMERGENCY_NUMBERS = frozenset({"127", "129", "157", "192", "193", "901"})


class Price(NamedTuple):
    """One row of the deck."""

    per_minute: Fraction
    connection_fee: Fraction
    increment_seconds: int


class Verdict(NamedTuple):
    """What becomes of one line of the log."""

    label: str
    outcome: str
    cost: Fraction = Fraction(0)


def read_deck(path: Path) -> dict[str, Price]:
    """Return prefix → price; a pattern is `^` + digits + `.*`."""
    with path.open(newline="", encoding="utf-8") as stream:
        return {
            row["pattern"].removeprefix("^").removesuffix(".*"): Price(
                Fraction(row["cost"]), Fraction(row["connectcost"]), int(row["inc"])
            )
            for row in csv.DictReader(stream)
        }


def cost_of(price: Price, duration_seconds: int) -> Fraction:
    """Return the cost of a call, rounded half-up."""
    if duration_seconds == 0:
        return Fraction(0)
    blocks = -(-duration_seconds // price.increment_seconds)
    exact = price.connection_fee + price.per_minute * blocks * price.increment_seconds / 60
    scale = 10**CHARGE_DECIMALS
    return Fraction((exact * scale + Fraction(1, 2)) // 1, scale)


def judge(deck: Mapping[str, Price], row: Mapping[str, str]) -> Verdict:
    """Apply the rules to one line."""
    label = row["direction"].lower() or "blank"
    if not (row["direction"] and row["duration_seconds"] and row["start_time"]):
        return Verdict(label, "rejected")
    if label != "outgoing":
        return Verdict(label, "free")
    number = row["peer_prefix_masked"].removeprefix("+")
    if number in EMERGENCY_NUMBERS:
        return Verdict(label, "free")
    if not 7 <= len(number) <= 15 or number.startswith("0"):
        return Verdict(label, "number_not_e164")
    if datetime.fromisoformat(row["start_time"]) < PUBLISHED_FROM:
        return Verdict(label, "no_rate_deck_in_force")
    prefixes = (number[:length] for length in range(len(number), 0, -1))
    price = next((deck[prefix] for prefix in prefixes if prefix in deck), None)
    if price is None:
        return Verdict(label, "destination_not_rated")
    return Verdict(label, "charged", cost_of(price, int(row["duration_seconds"])))


def verdicts(deck_path: Path, calls_path: Path) -> Iterator[Verdict]:
    """Yield the verdict on each line of the log."""
    deck = read_deck(deck_path)
    with calls_path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            yield judge(deck, row)


def main() -> None:
    """Print counts and the total as one JSON object."""
    found = list(verdicts(Path(sys.argv[1]), Path(sys.argv[2])))
    total = sum((verdict.cost for verdict in found), Fraction(0))
    report = {
        "lines": len(found),
        "classes": dict(Counter(verdict.label for verdict in found)),
        "outcomes": dict(Counter(verdict.outcome for verdict in found)),
        "total_micros": int(total * 1_000_000),
        "total": f"{float(total):.4f}",
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
