"""A database to measure on: many organizations, each with a user and credit, and one published deck."""

import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from talktime.core.credit import lots
from talktime.core.credit.lots import CreditLot, LotKind
from talktime.core.organizations.licenses import CREDIT_LICENSES
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.store import schema
from talktime.store.engine import create_schema, open_engine
from talktime.store.instants import to_micros
from talktime.store.transaction import operator_transaction

ORGANIZATIONS_COUNT = 10_000
PREFIXES_COUNT = 5_000
GRANTED_MICROS = 100_000 * MICROS_PER_UNIT
OPENED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def caller_of(organization_id: int) -> str:
    """Return the number of the organization's user."""
    return f"4420{organization_id:08d}"


def prepare(database_url: str, *, organizations_count: int = ORGANIZATIONS_COUNT) -> None:
    """Fill an empty database."""
    create_schema(database_url)
    engine = open_engine(database_url)
    with engine.begin() as connection:
        ids = range(1, organizations_count + 1)
        at = to_micros(OPENED_AT)
        expires_at = to_micros(lots.expires_at(OPENED_AT, ZoneInfo("UTC")))
        connection.execute(insert(schema.organizations), [_organization_row(each, at) for each in ids])
        connection.execute(insert(schema.users), [_user_row(each) for each in ids])
        connection.execute(insert(schema.identities), [_identity_row(each) for each in ids])
        connection.execute(insert(schema.credit_lots), [_lot_row(each, at, expires_at) for each in ids])
        connection.execute(insert(schema.postings), [_posting_row(each, at) for each in ids])
    with operator_transaction(engine) as tx:
        version = tx.rates.stage("standard", "generated", DeckTerms("USD", ZoneInfo("UTC")), OPENED_AT)
        rates = random_rates(PREFIXES_COUNT)
        tx.rates.add_rates(version.version_id, rates)
        tx.rates.complete(version.version_id, len(rates))
        tx.rates.publish(version, [Direction.OUTBOUND], start=OPENED_AT, at=OPENED_AT)
    engine.dispose()


def random_rates(count: int, seed: int = 2026) -> list[Rate]:
    """Return a deck of so many prefixes of three to seven digits, with every one-digit prefix under it."""
    dice = random.Random(seed)
    prefixes = {str(digit) for digit in range(1, 10)}
    while len(prefixes) < count:
        prefixes.add(str(dice.randrange(100, 10_000_000)))
    return [_rate(prefix, dice) for prefix in sorted(prefixes)]


def _rate(prefix: str, dice: random.Random) -> Rate:
    price = Price(0, (PriceStep(0, dice.choice((1, 6, 60)), dice.randrange(5, 2_000) * 100_000),))
    return Rate(Direction.OUTBOUND, prefix, "", f"Destination {prefix}", (price,))


def _organization_row(organization_id: int, at: int) -> dict[str, object]:
    return {
        "organization_id": organization_id,
        "name": f"Organization {organization_id}",
        "country": "GB",
        "currency": "USD",
        "time_zone": "UTC",
        "deck": "standard",
        "is_active": True,
        "has_credit_set_up": True,
        "receivable_micros": 0,
        "created_at": at,
    }


def _user_row(organization_id: int) -> dict[str, object]:
    return {
        "organization_id": organization_id,
        "user_id": 1,
        "user_principal_name": f"user@{organization_id}.example",
        "display_name": "User",
        "usage_location": "GB",
        "department": "",
        "licenses": CREDIT_LICENSES.value,
    }


def _identity_row(organization_id: int) -> dict[str, object]:
    return {
        "identity": caller_of(organization_id),
        "organization_id": organization_id,
        "use": "user",
        "user_id": 1,
    }


def _lot_row(organization_id: int, at: int, expires_at: int) -> dict[str, object]:
    lot = CreditLot(1, LotKind.PURCHASED, GRANTED_MICROS, OPENED_AT, OPENED_AT)
    return {
        "organization_id": organization_id,
        "lot_id": lot.lot_id,
        "kind": lot.kind.value,
        "granted_micros": lot.granted_micros,
        "spent_micros": 0,
        "held_micros": 0,
        "expired_micros": 0,
        "refunded_micros": 0,
        "disputed_micros": 0,
        "purchased_at": at,
        "expires_at": expires_at,
        "reference": "first",
    }


def _posting_row(organization_id: int, at: int) -> dict[str, object]:
    return {
        "organization_id": organization_id,
        "entry_id": "grant:1",
        "line": 0,
        "debit": "cash_clearing",
        "credit": "lot",
        "lot_id": 1,
        "amount_micros": GRANTED_MICROS,
        "occurred_at": at,
    }
