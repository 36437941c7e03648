"""The rows of a price list together: which of them price the same calls, and whether they agree."""

from collections.abc import Iterable, Mapping, Sequence

from talktime.core.rates.rate_decks import Rate, RateKey
from talktime.core.rates.rating import covers_week
from talktime.core.rates.sheets.columns import Field
from talktime.core.rates.sheets.rows import SheetRow
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen

# Forty times the largest real deck; a sheet that unfolds to more has origins or ranges that nobody meant.
RATES_MAX = 2_000_000


@frozen
class Refusal:
    """Why a row, readable by itself, cannot stand beside the others."""

    line: int
    column: Field
    value: str
    reason: str


@frozen
class SheetWarning:
    """What somebody should look at, though it is taken as it stands."""

    line: int
    message: str


@frozen
class Settled:
    """The rates that the rows agree on, the rows that they are made of, and what was wrong with the others."""

    rates: tuple[Rate, ...]
    lines: Mapping[RateKey, int]
    refusals: tuple[Refusal, ...]
    warnings: tuple[SheetWarning, ...]


_Claims = dict[RateKey, tuple[SheetRow, ...]]


def settle(rows: Iterable[SheetRow]) -> Settled:
    """Make one rate of each key; a row that contradicts an earlier one, or leaves hours unpriced, is refused whole."""
    kept = list(rows)
    refusals: list[Refusal] = []
    while True:
        claims, contradictions, repeats = _claims(kept)
        incomplete = _incomplete(claims)
        refusals += [*contradictions, *incomplete]
        if not incomplete:
            break
        # As rows go whole, others may miss them: what is left is judged as if the refused had never been there.
        refused = {refusal.line for refusal in refusals}
        kept = [row for row in kept if row.line not in refused]
    return Settled(
        rates=tuple(_rate(key, claimants) for key, claimants in claims.items()),
        lines={key: claimants[0].line for key, claimants in claims.items()},
        refusals=tuple(refusals),
        warnings=tuple(repeats),
    )


def _claims(rows: Iterable[SheetRow]) -> tuple[_Claims, list[Refusal], list[SheetWarning]]:
    claims: _Claims = {}
    refusals: list[Refusal] = []
    warnings: list[SheetWarning] = []
    for row in rows:
        earlier = _earlier(claims, row)
        contradicted = [key for key, other in earlier.items() if other.offer != row.offer]
        if contradicted:
            refusals.append(_contradiction(row, contradicted[0], earlier[contradicted[0]]))
            continue
        for key in row.keys:
            if key not in earlier:
                claims[key] = (*claims.get(key, ()), row)
        if earlier:
            warnings.append(_repeat(row, earlier))
        if len(claims) > RATES_MAX:
            raise Invalid(f"line {row.line}: the sheet has more than {RATES_MAX:,} rates")
    return claims, refusals, warnings


def _earlier(claims: _Claims, row: SheetRow) -> dict[RateKey, SheetRow]:
    """Return the rows above that price the same calls at the same hours."""
    found: dict[RateKey, SheetRow] = {}
    for key in row.keys:
        for other in claims.get(key, ()):
            if other.offer.profile.name == row.offer.profile.name:
                found[key] = other
    return found


def _contradiction(row: SheetRow, key: RateKey, other: SheetRow) -> Refusal:
    return Refusal(row.line, Field.PREFIX, _words(key), f"has another price in line {other.line}")


def _repeat(row: SheetRow, earlier: Mapping[RateKey, SheetRow]) -> SheetWarning:
    key, other = next(iter(earlier.items()))
    more = f" and {len(earlier) - 1} more" if len(earlier) > 1 else ""
    return SheetWarning(row.line, f"{_words(key)}{more}: priced the same in line {other.line}; kept once")


def _incomplete(claims: _Claims) -> list[Refusal]:
    """Return the rows whose hours do not make up a week, each once."""
    refused: dict[int, Refusal] = {}
    for key, rows in claims.items():
        problem = _problem(rows)
        if problem is None:
            continue
        lines = ", ".join(str(row.line) for row in rows)
        reason = f"{_words(key)} ({'line' if len(rows) == 1 else 'lines'} {lines}) {problem}"
        for row in rows:
            refused.setdefault(row.line, Refusal(row.line, Field.TIME_PROFILE, row.offer.profile.name, reason))
    return list(refused.values())


def _problem(rows: Sequence[SheetRow]) -> str | None:
    if len(rows) == 1 and not rows[0].offer.profile.windows:
        return None
    profiles = [row.offer.profile for row in rows]
    if not all(profile.windows for profile in profiles):
        return "has a price for any time and another for certain hours"
    if not covers_week(profiles):
        return "does not have exactly one price at every hour of the week"
    if len({row.offer.is_blocked for row in rows}) > 1:
        return "is blocked at some hours and priced at others, which a deck cannot say"
    return None


def _rate(key: RateKey, rows: Sequence[SheetRow]) -> Rate:
    prices = rows[0].offer.prices
    if len(rows) > 1:
        every = (price for row in rows for price in row.offer.prices)
        prices = tuple(sorted(every, key=lambda price: price.profile.name))
    return Rate(*key, rows[0].destination, prices, blocked=not prices)


def _words(key: RateKey) -> str:
    _, prefix, origin_prefix = key
    return f"{prefix} from {origin_prefix}" if origin_prefix else prefix
