"""A world in which calls that have ended are corrected; what was written of them is kept, as the store does."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

from talktime.core.calls.afterwards import correcting
from talktime.core.calls.calls import PaysFrom
from talktime.core.calls.requests import Answer, CorrectCall, Outcome
from talktime.core.credit import lots, unwinding
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import CreditLot
from tests.core.calls.world import NOON, ORGANIZATION_ID, World, key


@dataclass
class CorrectedWorld(World):
    """Seconds count from noon."""

    corrections_count: int = 0

    def correct(
        self, used: int, *, at: int, reference: str = "", name: str = "c1", answered: int | None = None
    ) -> Answer:
        """Correct a call; without a reference, under one of its own."""
        self.corrections_count += 1
        answered_at = None if answered is None else NOON + timedelta(seconds=answered)
        reference = reference or f"correction {self.corrections_count}"
        at_ = NOON + timedelta(seconds=at)
        return self.ask(CorrectCall(key(name), at_, used, "the switch says so", reference, answered_at))[0]

    def clone(self) -> "CorrectedWorld":
        """Return another world in which all is as in this one."""
        return replace(
            self,
            usage=list(self.usage),
            journal=list(self.journal),
            entry_ids=list(self.entry_ids),
            events=list(self.events),
        )

    def fund(self, part: CreditLot, *, at: int = 0) -> None:
        super().fund(part, at=at)
        self._count_repaid()

    def sweep(self, *, at: int) -> None:
        """Book what has expired."""
        self.credit, postings = lots.expire(self.credit, NOON + timedelta(seconds=at))
        self.journal += postings

    def sums(self) -> dict[tuple[PaysFrom, str], tuple[int, ...]]:
        """Return what the usage rows say of each source, all in all."""
        sums = dict[tuple[PaysFrom, str], Counter[str]]()
        for row in self.usage:
            found = sums.setdefault((row.paid_by, row.capability), Counter())
            found.update(
                used=row.used_seconds,
                billed=row.billed_seconds,
                fee=row.connection_fee_micros,
                cost=row.cost_micros,
                uncovered=row.uncovered_micros,
            )
        return {source: tuple(found.values()) for source, found in sums.items() if any(found.values())}

    def earned_micros(self) -> int:
        """Return what the journal says that calls have cost."""
        return sum(_earned(posting) for posting in self.journal)

    def _keep(self, outcome: Outcome) -> None:
        super()._keep(outcome)
        if outcome.usage:
            self.facts = correcting.after(self.facts, outcome)
            self._count_repaid()

    def _count_repaid(self) -> None:
        found = unwinding.repaid(self.journal)
        self.facts = replace(self.facts, repaid={(ORGANIZATION_ID, lot_id): found[lot_id] for lot_id in found})


def _earned(posting: Posting) -> int:
    if Account.REVENUE not in (posting.debit, posting.credit):
        return 0
    return posting.amount_micros if posting.credit is Account.REVENUE else -posting.amount_micros
