"""Who the callers are, what they have, and what their calls have cost: straight from the store."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from talktime.core.calls.calls import Call
from talktime.core.credit import lots
from talktime.core.credit.ledger import JournalEntry
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import User
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.store.engine import open_engine
from talktime.store.transaction import operator_transaction
from tests.interfaces.charging.books import Facts
from tests.interfaces.switches.rig import eventually

DECK = "switches"
BY_THE_MINUTE = "442079460000"
BY_THE_SECOND = "33142685300"
BLOCKED = "88213000000"
MINUTE_MICROS = 1_000_000
SECOND_MICROS = 10_000
LICENSES = License.PHONE_SYSTEM | License.COMMUNICATIONS_CREDITS


@dataclass(frozen=True)
class Payer:
    """An organization with one user, who calls from this number."""

    organization_id: int
    number: str


class Books:
    """A price list in force, and organizations that pay by it."""

    def __init__(self, database_url: str) -> None:
        self.url = database_url
        self.facts = Facts(database_url)
        self._engine: Engine = open_engine(database_url)
        self._ids = count(1)

    def publish_rates(self) -> None:
        now = datetime.now(UTC)
        rates = [
            _rate("44", PriceStep(0, 60, MINUTE_MICROS * 1_000)),
            _rate("33", PriceStep(0, 1, SECOND_MICROS * 60 * 1_000)),
            Rate(Direction.OUTBOUND, "882", "", "Satellite", (), blocked=True),
        ]
        with operator_transaction(self._engine) as tx:
            version = tx.rates.stage(DECK, "tests", DeckTerms("USD", ZoneInfo("UTC")), now)
            tx.rates.add_rates(version.version_id, rates)
            tx.rates.complete(version.version_id, len(rates))
            tx.rates.publish(version, [Direction.OUTBOUND], start=now, at=now)

    def payer_with(self, credit_micros: int, *, block_reason: str = "") -> Payer:
        organization_id = next(self._ids)
        now = datetime.now(UTC) - timedelta(seconds=1)
        organization = Organization(organization_id, f"org{organization_id}", "GB", "USD", ZoneInfo("UTC"), DECK)
        number = f"4410000000{organization_id:02}"
        user = User(organization_id, 1, f"ann@org{organization_id}", "Ann", "GB", LICENSES, block_reason=block_reason)
        lot = CreditLot(1, LotKind.PURCHASED, credit_micros, now, lots.expires_at(now, organization.zone))
        _, postings = lots.grant(Credit(), lot, now)
        with operator_transaction(self._engine) as tx:
            tx.organizations.add(organization, now)
            tx.organizations.add_users([user], [(number,)])
            tx.arrangements.recount(organization_id)
            tx.credit.add_lot(organization_id, lot, "first")
            tx.credit.post(JournalEntry(organization_id, "grant:1", now, postings))
            tx.organizations.set_up_credit(organization_id)
        return Payer(organization_id, number)

    def call(self, call_id: str) -> Call | None:
        """Return the only call of that SIP Call-ID, as it stands now."""
        with operator_transaction(self._engine) as tx:
            keys = tx.insight.call_keys(call_id) or self._sessions(call_id)
            return tx.insight.call(keys[0]) if len(keys) == 1 else None

    def _sessions(self, call_id: str) -> list[str]:
        """Return the Diameter sessions of a SIP Call-ID, which is what the switch calls the call."""
        found = self.facts.rows("SELECT call_key, switch_ref FROM calls WHERE switch_ref <> ''")
        return [call_key for call_key, switch_ref in found if switch_ref == call_id]

    def finished(self, call_id: str) -> Call | None:
        """Return the call once it has ended."""
        call = self.call(call_id)
        return call if call is not None and call.result is not None else None

    def ended(self, call_id: str) -> Call:
        """Return a call when it has come to its end."""
        return eventually(lambda: self.finished(call_id), f"the end of the call {call_id}")

    def credit_of(self, payer: Payer) -> Credit:
        with operator_transaction(self._engine) as tx:
            return tx.credit.credit(payer.organization_id)

    def parked_count(self) -> int:
        with operator_transaction(self._engine) as tx:
            return tx.insight.parked_count()

    def close(self) -> None:
        self._engine.dispose()


def _rate(prefix: str, step: PriceStep) -> Rate:
    return Rate(Direction.OUTBOUND, prefix, "", prefix, (Price(0, (step,)),))
