"""What charging should come to, told a second time: plain dictionaries and whole numbers, nothing of talktime."""

from dataclasses import dataclass, field

QUANTUM, RING, GRACE, OVERRUN, TOLERANCE, LONGEST = 60, 180, 60, 2, 120, 86_400
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

    def settle(self, held: dict[int, int], price: int) -> None:
        """Pay from what was promised, then from what is available; owe the rest."""
        before = self.balance()
        self.revenue += price
        for lot in self.lots:
            promised = held.pop(lot["id"], 0)
            paid = min(price, promised)
            lot["held"] -= promised
            lot["spent"] += paid
            lot["expired"] += promised - paid if self.now >= lot["ends"] else 0
            price -= paid
        self.owed += self.spend(price)
        self.owed = self.spend(self.owed)
        self.events += ["balance_exhausted"] if before > 0 >= self.balance() else []
        self.events += ["balance_overdrawn"] if before >= 0 > self.balance() else []

    def sweep(self) -> None:
        """Lose what has expired and is not promised."""
        for lot in self.lots:
            lot["expired"] += self.free(lot) if self.now >= lot["ends"] else 0
