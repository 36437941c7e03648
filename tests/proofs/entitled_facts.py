"""What stands in the database says of a call: the oracle's state, the pools and limits that count it, and what is left.

facts = Facts(seen, world)
facts.state(meant, at)                   what the oracle is asked
facts.pools(meant, at)                   by which minutes it may be paid, in their order
facts.left(name, started)                how many minutes a pool has left for a call of then
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tests.oracle import entitlement as oracle
from tests.proofs.entitled_books import CONFERENCE_MINUTES, MINUTES, Destination, Seen, Tariff, UserRow, World
from tests.simulation.model import Model

ENDLESS = 2**62
SKUS = {
    1: "MCOEV",
    2: "MCOMEETADV",
    4: "MCOPSTNC",
    8: "MCOMEETACPEA",
    16: oracle.SELECT_DIAL_OUT,
    32: oracle.EXTENDED_DIAL_OUT,
    64: "MCOEV_VIRTUALUSER",
    512: "MCOPSTN1",
    1_024: "MCOPSTN2",
    2_048: "MCOPSTN5",
    8_192: "MCOPSTN8",
    131_072: "ENTERPRISEPREMIUM",
}
LICENSES = {sku: license_ for license_, sku in SKUS.items()}
SMALL = {"MCOPSTN5": 120, "MCOPSTN8": 120}
_ANYWHERE = "DialoutCPCandPSTNInternational"
_WIDEST = ("MCOPSTN2", "MCOPSTN1", "MCOPSTN5", "MCOPSTN8")


class Meant(NamedTuple):
    """What a start means: the oracle's kind, who pays (0: the organization, -1: nobody), and what is called."""

    kind: str
    user_id: int
    number: str
    destination: Destination | None
    tariff: Tariff | None
    conference_id: str = ""


class Facts:
    """What is arranged and counted, as it stands or as a batch has left it."""

    def __init__(self, seen: Seen, world: World) -> None:
        self.seen, self.world, self.settings = seen, world, seen.settings
        self.meters = {name: [row.used, row.held] for name, row in seen.meters.items()}
        self.credit = Model([_lot(seen, number) for number in _spending_order(seen)], seen.receivable)

    def state(self, meant: Meant, at: datetime) -> oracle.State:
        user = self.seen.users.get(meant.user_id)
        is_out, block, destination = meant.kind in oracle.OUTBOUND_KINDS, self._block(meant), meant.destination
        domestic, international = self._plan_left(meant, at)
        pool = self._name("MCOMEETADD", "", "", at)
        left, bill = self.available(), self._bill_left(at)
        return oracle.State(
            kind=meant.kind,
            number_called=meant.number,
            payer="none" if user is None else "person" if user.account == "person" else "resource_account",
            licenses=frozenset() if user is None else skus_of(user),
            home="" if user is None else user.location,
            destination=destination.country if is_out and destination else "",
            destination_class=destination.number_class if is_out and destination else "ordinary",
            policy=(user.policy if user is not None else "") or self.settings.get("policy") or _ANYWHERE,
            is_blocked=user is not None and user.block_reason != "",
            is_suspended=not self.seen.is_active,
            may_be_dialed_toll_free=user is None or user.is_toll_free_allowed,
            domestic_left=domestic,
            international_left=international,
            conference_left=self.left(pool, micros(at)),
            price="blocked" if destination and destination.is_blocked else "missing" if block is None else "priced",
            credits_set_up=self.seen.has_credit_set_up,
            balance=_amount(left, block),
            is_postpaid=self.seen.mode == "postpaid",
            overage_on=bool(self.settings.get("overage", {}).get("is_on")),
            limit_left="enough" if block is not None and left + bill >= block else "none",
            is_too_expensive=self._is_too_expensive(meant),
            calls_this_hour_left=self._calls_left(user, at),
            user_cap=self._cap(f"user/{meant.user_id}/{self.month(at)}", block),
            department_cap=self._cap("" if user is None else f"department/{user.department}/{self.month(at)}", block),
            plan_required=bool(self._choice("is_calling_plan_required")),
            either_exhausts_plan=bool(self._choice("is_plan_ended_by_either_counter", default=True)),
            use_calling_plan_after_conf_pool=bool(self._choice("uses_plan_after_conference_minutes")),
        )

    def _block(self, meant: Meant) -> int | None:
        return None if meant.tariff is None else meant.tariff.fee + meant.tariff.micros

    def _choice(self, name: str, *, default: bool = False) -> object:
        return self.settings.get("choices", {}).get(name, default)

    def _is_too_expensive(self, meant: Meant) -> bool:
        highest = self.settings.get("stops", {}).get("highest_nanos_per_minute")
        return highest is not None and meant.tariff is not None and meant.tariff.nanos_per_minute > highest

    def _calls_left(self, user: UserRow | None, at: datetime) -> bool:
        most = self.settings.get("stops", {}).get("calls_per_hour")
        return user is None or most is None or self.meters.get(hour_of(user, at), [0])[0] < most

    def _cap(self, name: str, block: int | None) -> str:
        limit = self.limit(name) if name else None
        if limit is None or block is None:
            return "none_set"
        return "enough" if self.left_of(name, limit) >= block else "too_little"

    # ── what is left ─────────────────────────────────────────────────────────────────────────────────────────────────

    def month(self, at: datetime) -> str:
        return f"{at.astimezone(self.world.zone):%Y-%m}"

    def _name(self, code: str, country: str, counter: str, at: datetime) -> str:
        return f"pool/{code}/{country}/{counter}/{self.month(at)}"

    def pools(self, meant: Meant, at: datetime) -> Iterator[str]:
        """Name the pools that may pay for a call, in their order."""
        user, to = self.seen.users.get(meant.user_id), meant.destination
        if user is None or to is None or to.number_class != "ordinary" or meant.kind not in oracle.OUTBOUND_KINDS:
            return
        held, is_conference = skus_of(user), meant.kind in oracle.CONFERENCE_OUT_KINDS
        reach = [oracle.CONFERENCE_POOL_REACH[sku] for sku in held & oracle.SUBSCRIPTIONS]
        if is_conference and any(to.country in each for each in reach):
            yield self._name("MCOMEETADD", "", "", at)
        plan = _plan_of(held)
        if plan and (not is_conference or self._choice("uses_plan_after_conference_minutes")):
            is_near = user.location == to.country or {user.location, to.country} <= oracle.NORTH_AMERICA
            if is_near:
                counter = str(user.user_id) if plan == "MCOPSTN8" else "domestic"
                yield self._name(plan, user.location, counter, at)
            elif plan == "MCOPSTN2" and to.country in oracle.INTERNATIONAL_LIST:
                yield self._name(plan, user.location, "international", at)

    def counted_by(self, meant: Meant, at: datetime) -> Iterator[str]:
        user = self.seen.users.get(meant.user_id)
        if user is not None and user.account == "person":
            names = (f"user/{user.user_id}/{self.month(at)}", f"department/{user.department}/{self.month(at)}")
            yield from (name for name in names if self.limit(name) is not None)
        if self.seen.mode == "postpaid" and self.settings.get("overage", {}).get("is_on"):
            yield f"overage/{self.month(at)}"

    def _plan_left(self, meant: Meant, at: datetime) -> tuple[int, int]:
        """Return the minutes of the plan's counters, domestic and international; the other one has some or is ended."""
        plans = [name for name in self.pools(meant, at) if "/MCOMEETADD/" not in name]
        plan = plans[0] if plans else ""
        left = self.left(plan, micros(at)) if plan else 0
        other = 0 if plan and self._is_ended_by(_other(plan), micros(at)) else 1
        return (other, left) if "/international/" in plan else (left, other)

    def capacity(self, name: str, started: int) -> int:
        """Return how many minutes a pool has by what stands in the database now, for a call of then."""
        _, code, country, counter, _ = name.split("/")
        if code == "MCOMEETADD":
            bought = self.seen.purchased.get(2, 0) + self.seen.purchased.get(LICENSES["ENTERPRISEPREMIUM"], 0)
            return CONFERENCE_MINUTES * (bought + self.seen.holders(LICENSES[oracle.SELECT_DIAL_OUT]).total())
        if code == "MCOPSTN8":
            return SMALL[code]
        holders = self.seen.holders(LICENSES[code])[country]
        table = MINUTES[started >= micros(self.world.second_table_at)]
        each = SMALL.get(code) or table[country][counter == "international"]
        return each * holders

    def left(self, name: str, started: int) -> int:
        return self.left_of(name, self.capacity(name, started))

    def minutes_left(self, name: str, started: int) -> int:
        """Return what a pool can give: nothing where its other counter is used up, if that was chosen (D9)."""
        return 0 if self._is_ended_by(_other(name), started) else self.left(name, started)

    def _is_ended_by(self, other: str, started: int) -> bool:
        """Tell whether a counter is used up and so ends the other one; what is held is not used yet."""
        if not other or not self._choice("is_plan_ended_by_either_counter", default=True):
            return False
        return 0 < self.capacity(other, started) <= self.meters.get(other, [0])[0]

    def limit(self, name: str) -> int | None:
        """Return what is arranged now for a meter of money."""
        caps, overage = self.settings.get("caps", {}), self.settings.get("overage", {})
        kind, whose, *_ = name.split("/")
        if kind == "user":
            own: int | None = caps.get("by_user_micros", {}).get(whose, caps.get("each_user_micros"))
            return own
        if kind == "department":
            of_department: int | None = caps.get("by_department_micros", {}).get(whose)
            return of_department
        # Who pays before use gets nothing on the bill, whatever was arranged for when it was otherwise.
        is_billed = overage.get("is_on") and self.seen.mode == "postpaid"
        limit: int | None = overage.get("limit_per_month_micros") if is_billed else 0
        return limit

    def left_of(self, name: str, limit: int | None) -> int:
        used, held = self.meters.get(name, (0, 0))
        return ENDLESS if limit is None else max(0, limit - used - held)

    def available(self) -> int:
        return self.credit.available()

    def _bill_left(self, at: datetime) -> int:
        name = f"overage/{self.month(at)}"
        return self.left_of(name, self.limit(name)) if self.seen.mode == "postpaid" else 0


def micros(at: datetime) -> int:
    """Return an instant as the database has it."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def skus_of(user: UserRow) -> frozenset[str]:
    """Return the licenses of a user as the oracle calls them."""
    return frozenset(sku for license_, sku in SKUS.items() if user.licenses & license_)


def _plan_of(held: frozenset[str]) -> str:
    return next((plan for plan in _WIDEST if plan in held), "")


def hour_of(user: UserRow, at: datetime) -> str:
    return f"calls/{user.user_id}/{at.astimezone(UTC):%Y-%m-%dT%H}"


def _other(name: str) -> str:
    """Name the other counter of an international plan, or nothing."""
    if "/MCOPSTN2/" not in name:
        return ""
    counters = ("/domestic/", "/international/")
    return name.replace(*counters) if counters[0] in name else name.replace(*reversed(counters))


def _amount(left: int, block: int | None) -> str:
    if left <= 0:
        return "none"
    return "enough" if block is not None and left >= block else "too_little"


def _spending_order(seen: Seen) -> list[int]:
    order = sorted(seen.lots, key=lambda lot: (lot.kind, lot.expires_at, lot.purchased_at, lot.lot_id))
    return [seen.lots.index(lot) for lot in order]


def _lot(seen: Seen, number: int) -> dict[str, int]:
    lot = seen.lots[number]
    return {
        "id": lot.lot_id,
        "granted": lot.granted,
        "spent": lot.spent,
        "held": lot.held,
        "expired": lot.expired,
        "bought": lot.purchased_at,
        "ends": lot.expires_at,
    }
