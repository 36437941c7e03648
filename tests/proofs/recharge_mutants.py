"""Takes one guard of the recharge out of a copy of the package, and runs the tests that must notice.

    killed = run(MUTANTS[0], folder)      a mutant lives if its tests still pass

A mutant is a place in the source, what stands there instead, and the tests that fail then. `tests/…::name` may name a
parametrized test as a whole. docs/rules/recharge.md has the list for people.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "src" / "talktime"
# What pytest answers when tests ran, and some failed: anything else is no verdict.
SOME_FAILED, ALL_PASSED = 1, 0

_CORE = "core/credit"
_TESTS, _PURCHASES = "tests/core/credit", "tests/core/credit/test_purchases.py"
_GUARDS = "tests/proofs/test_recharge_guards.py"
_MIGRATION = "store/migrations/versions/0002_credit_bought_and_told.py"
_FIRST_MIGRATION = "store/migrations/versions/0001_first_schema.py"
_CONCLUDE = "usecases/credit/paying/conclude_purchases.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A guard that is gone: in which file, what stands there and what instead, and which tests must notice."""

    guard: str
    path: str
    source: str
    instead: str
    tests: tuple[str, ...]
    needs_postgresql: bool = False


def _lock(function: str, path: str, source: str, instead: str) -> Mutant:
    test = f"{_GUARDS}::test_whoever_changes_a_purchase_waits_for_the_organization"
    return Mutant(f"organization lock in {function}", path, source, instead, (test,), needs_postgresql=True)


MUTANTS = (
    # ── one at a time ───────────────────────────────────────────────────────────────────────────────────────
    _lock(
        "lease",
        "usecases/credit/paying/charge_purchases.py",
        "organization = tx.organizations.lock_id(request.key.organization_id)",
        "organization = tx.organizations.with_ids([request.key.organization_id])[request.key.organization_id]",
    ),
    _lock(
        "conclude",
        _CONCLUDE,
        "organization = tx.organizations.lock_id(outcome.key.organization_id)",
        "organization = tx.organizations.with_ids([outcome.key.organization_id])[outcome.key.organization_id]",
    ),
    Mutant(
        "organization lock while a call is decided",
        "store/charging/postgresql.py",
        " ORDER BY organization_id FOR NO KEY UPDATE SKIP LOCKED",
        " ORDER BY organization_id",
        (f"{_GUARDS}::test_a_call_is_not_decided_while_somebody_else_holds_the_organization",),
        needs_postgresql=True,
    ),
    Mutant(
        "partial unique index: one open recharge",
        _MIGRATION,
        """            "uq_purchases_one_open_recharge",
            ["organization_id"],
            unique=True,""",
        """            "uq_purchases_one_open_recharge",
            ["organization_id"],
            unique=False,""",
        (f"{_GUARDS}::test_a_second_open_recharge_is_refused_by_the_database_itself",),
    ),
    Mutant(
        "unique epoch",
        _MIGRATION,
        """sa.UniqueConstraint("organization_id", "epoch", name=""",
        """sa.UniqueConstraint("organization_id", "epoch", "purchase_id", name=""",
        (f"{_GUARDS}::test_an_epoch_has_one_recharge_even_when_the_first_is_closed",),
    ),
    Mutant(
        "unique lot of a purchase",
        _FIRST_MIGRATION,
        """sa.UniqueConstraint("organization_id", "reference", name=""",
        """sa.UniqueConstraint("organization_id", "reference", "lot_id", name=""",
        (f"{_GUARDS}::test_a_purchase_becomes_one_lot_even_if_it_were_granted_twice",),
    ),
    Mutant(
        "evaluate: one open recharge",
        f"{_CORE}/recharging/recharge.py",
        "if not policy.is_on or progress.open_purchase_id is not None or progress.paused is not None:",
        "if not policy.is_on or progress.paused is not None:",
        (f"{_TESTS}/test_recharge.py::test_nothing_is_recharged_that_is_off_open_or_paused",),
    ),
    Mutant(
        "evaluate: paused",
        f"{_CORE}/recharging/recharge.py",
        "if not policy.is_on or progress.open_purchase_id is not None or progress.paused is not None:",
        "if not policy.is_on or progress.open_purchase_id is not None:",
        (f"{_TESTS}/test_recharge.py::test_nothing_is_recharged_that_is_off_open_or_paused",),
    ),
    Mutant(
        "evaluate: switched off",
        f"{_CORE}/recharging/recharge.py",
        "if not policy.is_on or progress.open_purchase_id is not None or progress.paused is not None:",
        "if progress.open_purchase_id is not None or progress.paused is not None:",
        (f"{_TESTS}/test_recharge.py::test_nothing_is_recharged_that_is_off_open_or_paused",),
    ),
    Mutant(
        "an epoch is closed by its own recharge only",
        f"{_CORE}/recharging/recharge.py",
        "    if progress.open_purchase_id != purchase_id:\n        return progress\n",
        "",
        (f"{_TESTS}/test_recharge.py::test_an_open_recharge_closes_once_and_only_by_its_own_name",),
    ),
    # ── the same transaction ────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "the call that crosses saves the recharge",
        "store/charging/transaction.py",
        "writes.purchases.append(watch_rows.purchase_row(outcome.purchase))",
        "pass",
        (f"{_GUARDS}::test_the_crossing_and_its_recharge_are_saved_together",),
    ),
    Mutant(
        "the funding that crosses saves the recharge",
        "usecases/credit/moving_credit.py",
        "        tx.purchases.add(watched.purchase)\n",
        "        pass\n",
        (f"{_GUARDS}::test_a_funding_that_is_not_enough_makes_the_next_recharge_due_in_its_own_transaction",),
    ),
    # ── who is believed ─────────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "fence",
        _CONCLUDE,
        "return outcome.fence == purchase.fence",
        "return True",
        (f"{_GUARDS}::test_a_late_refusal_of_a_worker_whose_lease_is_over_is_not_believed",),
    ),
    Mutant(
        "attempt comparison",
        _CONCLUDE,
        " or outcome.attempt != purchase.attempt",
        "",
        (f"{_GUARDS}::test_a_late_refusal_of_an_attempt_before_is_not_believed_of_this_one",),
    ),
    Mutant(
        "settled once",
        _CONCLUDE,
        "    if before.state is PurchaseState.SETTLED:\n        return before\n",
        "",
        (f"{_GUARDS}::test_money_that_moved_is_believed_of_whoever_says_so_however_late",),
    ),
    Mutant(
        "a charge fits its purchase",
        _CONCLUDE,
        "if isinstance(result, Charged) and result.amount_micros != purchase.charged_micros:",
        "if isinstance(result, Charged) and purchase.charged_micros < 0:",
        (f"{_GUARDS}::test_a_charge_of_another_amount_becomes_no_lot",),
    ),
    Mutant(
        "an event counts once",
        "usecases/credit/note_gateway_event.py",
        "if tx.purchases.is_noted(event):",
        "if not event.event_id:",
        (f"{_GUARDS}::test_an_event_that_is_delivered_again_changes_nothing_even_months_later",),
    ),
    # ── keys, leases, proofs ────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "the key grows with the attempt",
        f"{_CORE}/buying/purchases.py",
        "-{self._stamp}-{self.attempt}",
        "-{self._stamp}-1",
        (f"{_PURCHASES}::test_a_soft_decline_is_tried_again_after_1_3_and_7_hours_and_then_given_up",),
    ),
    Mutant(
        "the key stays while the outcome is unknown",
        f"{_CORE}/buying/purchases.py",
        "-{self._stamp}-{self.attempt}",
        "-{self._stamp}-{self.attempt}-{self.asked_count}",
        (f"{_PURCHASES}::test_an_unknown_outcome_is_asked_for_again_with_the_same_key_and_then_searched_for",),
    ),
    Mutant(
        "a key is used for less than a day",
        f"{_CORE}/buying/purchases.py",
        "KEY_KNOWN_FOR = timedelta(hours=24) - timedelta(minutes=30)",
        "KEY_KNOWN_FOR = timedelta(hours=48)",
        (f"{_PURCHASES}::test_a_key_that_the_gateway_may_have_forgotten_is_never_used_again",),
    ),
    Mutant(
        "nobody asks once his lease is over",
        "usecases/credit/paying/charge_purchases.py",
        "if leased is None or not purchases.is_leased(leased.purchase, clock()):",
        "if leased is None or clock() is None:",
        (f"{_GUARDS}::test_a_worker_that_was_frozen_past_its_lease_asks_nothing_any_more",),
    ),
    Mutant(
        "a lease keeps others away",
        f"{_CORE}/buying/purchases.py",
        "if purchase.next_step_at is None or at < purchase.next_step_at:",
        "if purchase.next_step_at is None:",
        (f"{_GUARDS}::test_two_workers_at_once_charge_once",),
    ),
    Mutant(
        "nothing found is proof only after an hour",
        f"{_CORE}/buying/purchases.py",
        "QUIET_BEFORE_PROOF = timedelta(hours=1)",
        "QUIET_BEFORE_PROOF = timedelta(0)",
        (f"{_PURCHASES}::test_nothing_found_is_proof_only_once_the_gateway_has_been_quiet_for_an_hour",),
    ),
    Mutant(
        "what the owner may still pay is withdrawn first",
        f"{_CORE}/buying/purchases.py",
        "    if purchase.state is PurchaseState.NEEDS_ACTION and not purchase.is_withdrawn:\n",
        "    if purchase.attempt < 0:\n",
        (f"{_PURCHASES}::test_an_owner_who_fails_may_still_pay_until_the_gateway_has_withdrawn_it",),
    ),
    Mutant(
        "what was withdrawn is not asked for again",
        f"{_CORE}/buying/purchases.py",
        "return Step.CHARGE if _key_is_known(purchase, at) and not purchase.is_withdrawn else Step.SEARCH",
        "return Step.CHARGE if _key_is_known(purchase, at) else Step.SEARCH",
        (f"{_PURCHASES}::test_what_may_be_moving_money_is_withdrawn_only_as_the_gateway_agrees",),
    ),
    Mutant(
        "hard declines are not tried again",
        f"{_CORE}/buying/purchases.py",
        "purchase.attempt >= ATTEMPTS_MAX or declined.code in HARD_DECLINES or declined.is_final",
        "purchase.attempt >= ATTEMPTS_MAX or declined.is_final",
        (f"{_PURCHASES}::test_a_hard_decline_is_not_tried_again",),
    ),
    Mutant(
        "four attempts at most",
        f"{_CORE}/buying/purchases.py",
        "ATTEMPTS_MAX = len(RETRY_AFTER) + 1",
        "ATTEMPTS_MAX = len(RETRY_AFTER)",
        (f"{_PURCHASES}::test_a_soft_decline_is_tried_again_after_1_3_and_7_hours_and_then_given_up",),
    ),
    # ── comparison, caps, counts ────────────────────────────────────────────────────────────────────────────
    Mutant(
        "strictly below the trigger",
        f"{_CORE}/recharging/recharge.py",
        "    if available_micros < policy.trigger_micros:\n",
        "    if available_micros <= policy.trigger_micros:\n",
        (f"{_TESTS}/test_recharge.py::test_a_recharge_is_due_strictly_below_the_trigger",),
    ),
    Mutant(
        "cap per month",
        f"{_CORE}/recharging/recharge.py",
        "if month_cap is not None and reserved.month_micros + amount_micros > month_cap:",
        "if month_cap is not None and month_cap < 0:",
        (f"{_TESTS}/test_recharge.py::test_a_month_s_cap_counts_the_local_month_and_comes_before_the_day_s",),
    ),
    Mutant(
        "cap per day",
        f"{_CORE}/recharging/recharge.py",
        "if day_cap is not None and reserved.day_micros + amount_micros > day_cap:",
        "if day_cap is not None and day_cap < 0:",
        (f"{_TESTS}/test_recharge.py::test_a_day_s_cap_counts_the_local_day_and_is_reached_exactly",),
    ),
    Mutant(
        "caps are reserved when it is decided",
        f"{_CORE}/recharging/recharge.py",
        "            day_micros=self.day_micros + amount_micros,\n",
        "            day_micros=self.day_micros,\n",
        (f"{_TESTS}/test_recharge.py::test_whenever_it_is_evaluated_no_cap_and_no_count_is_exceeded",),
    ),
    Mutant(
        "a clock that is behind begins no day",
        f"{_CORE}/recharging/recharge.py",
        "        if self.day is not None and day < self.day:\n            return self\n",
        "",
        (f"{_TESTS}/test_recharge.py::test_a_clock_that_is_behind_does_not_forget_what_the_new_day_has_taken",),
    ),
    Mutant(
        "so many an hour",
        f"{_CORE}/recharging/recharge.py",
        "if _count_since(reserved, at - HOUR) >= policy.recharges_per_hour:",
        "if policy.recharges_per_hour < 0:",
        (f"{_TESTS}/test_recharge.py::test_the_fourth_recharge_within_an_hour_waits_until_the_first_is_an_hour_old",),
    ),
    Mutant(
        "so many a day",
        f"{_CORE}/recharging/recharge.py",
        "if _count_since(reserved, at - DAY) >= policy.recharges_per_day:",
        "if policy.recharges_per_day < 0:",
        (f"{_TESTS}/test_recharge.py::test_the_seventh_recharge_within_a_day_stops_until_somebody_has_looked",),
    ),
    # ── told once ───────────────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "an empty balance is told once",
        f"{_CORE}/recharging/watching.py",
        "if not self.watch.is_exhaustion_told and (",
        "if (",
        (f"{_TESTS}/test_watching.py::test_a_balance_that_is_gone_is_told_once_until_it_is_funded",),
    ),
    Mutant(
        "what is held back is told once",
        f"{_CORE}/recharging/watching.py",
        "        if held_back == known:\n            return\n",
        "",
        (f"{_TESTS}/test_watching.py::test_a_recharge_that_waits_says_why_and_until_when_once",),
    ),
    Mutant(
        "a threshold is told once a day",
        f"{_CORE}/recharging/watching.py",
        "ALERT_INTERVAL = timedelta(hours=24)",
        "ALERT_INTERVAL = timedelta(0)",
        (
            f"{_TESTS}/test_watching.py::test_a_threshold_that_is_crossed_again_and_again_is_told_a_day_after_it_was_told",
        ),
    ),
    Mutant(
        "the card's owner is asked once",
        f"{_CORE}/recharging/concluding.py",
        "is_news = it.before.state is not PurchaseState.NEEDS_ACTION and not it.after.is_withdrawn",
        "is_news = not it.after.is_withdrawn",
        (f"{_TESTS}/test_concluding.py::test_a_demand_for_authentication_pauses_and_is_mailed_with_its_link_once",),
    ),
    Mutant(
        "what does not fit is told once",
        f"{_CORE}/recharging/concluding.py",
        "if isinstance(result, Ambiguous) and it.before.reason != result.why:",
        "if isinstance(result, Ambiguous):",
        (f"{_TESTS}/test_concluding.py::test_a_charge_that_does_not_fit_is_told_to_the_operator_once_and_pauses",),
    ),
)


def fits(mutant: Mutant) -> bool:
    """Tell whether the guard stands in the source, in one place."""
    return (PACKAGE / mutant.path).read_text("utf-8").count(mutant.source) == 1


def copied(folder: Path) -> Path:
    """Copy the package; return where it can be imported from."""
    shutil.copytree(PACKAGE, folder / "talktime", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def mutate(mutant: Mutant, folder: Path) -> None:
    """Take the guard out of a copy."""
    path = folder / "talktime" / mutant.path
    source = path.read_text("utf-8")
    path.write_text(source.replace(mutant.source, mutant.instead, 1), "utf-8")


def run(tests: tuple[str, ...], folder: Path, *, needs_postgresql: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run tests against a copy of the package."""
    chosen = () if needs_postgresql else ("-k", "not postgresql")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *chosen, *tests],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
