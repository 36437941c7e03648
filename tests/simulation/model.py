"""What charging should come to, told a second time: plain dictionaries and whole numbers, nothing of talktime."""

from copy import deepcopy
from dataclasses import dataclass, field

QUANTUM, RING, GRACE, OVERRUN, TOLERANCE, LONGEST, LATE = 60, 180, 60, 2, 120, 86_400, 259_200
OPEN, LAPSED, OVER = "open", "lapsed", "over"
# called → (fee, price of an increment, its seconds)
PRICES = {"33123456789": (0, 10_000, 1), "4930123456": (20_000, 60_000, 60)}


def cost(called: str, seconds: int) -> int:
    """Price a call."""
    fee, price, increment = PRICES[called]
    return fee + -(-seconds // increment) * price if seconds > 0 else 0


def affordable(called: str, budget: int, wanted: int) -> int:
    """Count the increments that a budget pays, up to those of what is wanted."""
    fee, price, increment = PRICES[called]
    return min(max(0, (budget - fee) // price), -(-max(0, wanted) // increment)) * increment


@dataclass
class Model:
    """Lots and calls of one organization; instants are seconds."""

    lots: list[dict[str, int]] = field(default_factory=list)
    owed: int = 0
    revenue: int = 0
    now: int = 0
    events: list[str] = field(default_factory=list)
    # Told since the last funding that credit is gone, or lacking.
    told: bool = False

    def balance(self) -> int:
        """Return what remains in the lots less what is owed."""
        return sum(lot["granted"] - lot["spent"] - lot["expired"] for lot in self.lots) - self.owed

    def free(self, lot: dict[str, int]) -> int:
        """Return what is neither gone nor promised."""
        return lot["granted"] - lot["spent"] - lot["expired"] - lot["held"]

    def available(self) -> int:
        """Return what a new call could be promised."""
        return max(0, sum(self.free(lot) for lot in self.lots if self.now < lot["ends"]) - self.owed)

    def fund(self, granted: int, ends: int) -> None:
        """Buy a lot, which pays debts first."""
        lot = {"id": len(self.lots) + 1, "granted": granted, "spent": 0, "held": 0, "expired": 0, "ends": ends}
        self.lots = sorted([*self.lots, lot], key=lambda each: (each["ends"], each["id"]))
        self.owed = self.spend(self.owed)
        self.told = self.told and self.balance() <= 0

    def tell_exhausted(self) -> None:
        """Say once until the next funding that credit is gone, or lacking for a call."""
        self.events += [] if self.told else ["balance_exhausted"]
        self.told = True

    def spend(self, amount: int) -> int:
        """Take available credit; return what was missing."""
        for lot in self.lots:
            taken = min(amount, self.free(lot)) if self.now < lot["ends"] else 0
            lot["spent"] += taken
            amount -= taken
        return amount

    def hold(self, held: dict[int, int], amount: int) -> None:
        """Promise available credit to a call."""
        for lot in self.lots:
            taken = min(amount, self.free(lot)) if self.now < lot["ends"] else 0
            lot["held"] += taken
            held[lot["id"]] = held.get(lot["id"], 0) + taken
            amount -= taken
        assert amount == 0

    def settle(self, held: dict[int, int], price: int, used_at: int | None = None) -> None:
        """Pay from what was promised, late use from what was there then, then from what is available; owe the rest."""
        before = self.balance()
        self.revenue += price
        for lot in self.lots:
            promised = held.pop(lot["id"], 0)
            paid = min(price, promised)
            lot["held"] -= promised
            lot["spent"] += paid
            lot["expired"] += promised - paid if self.now >= lot["ends"] else 0
            price -= paid
        price = price if used_at is None else self.spend_as_of(price, used_at)
        self.owed += self.spend(price)
        self.owed = self.spend(self.owed)
        if before > 0 >= self.balance():
            self.tell_exhausted()
        self.events += ["balance_overdrawn"] if before >= 0 > self.balance() else []

    def would_owe(self, held: dict[int, int], price: int, used_at: int | None = None) -> bool:
        """Tell whether a price that is settled so would leave something that nothing pays."""
        tried = deepcopy(self)
        tried.settle(dict(held), price, used_at)
        return tried.owed > self.owed

    def spend_as_of(self, amount: int, used_at: int) -> int:
        """Take what was there then, lapsed since or not; return what was missing. Lots were bought at 0, or so said."""
        for lot in self.lots:
            if not lot.get("bought", 0) <= used_at < lot["ends"]:
                continue
            unbooked = min(amount, self.free(lot))
            lapsed = min(amount - unbooked, lot["expired"])
            lot["spent"] += unbooked + lapsed
            lot["expired"] -= lapsed
            amount -= unbooked + lapsed
        return amount

    def sweep(self) -> None:
        """Lose what has expired and is not promised."""
        for lot in self.lots:
            lot["expired"] += self.free(lot) if self.now >= lot["ends"] else 0
