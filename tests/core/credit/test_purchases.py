"""A purchase moves money once: what is asked when, what an outcome makes of it, and what is believed to be proven."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import (
    Ambiguous,
    Charged,
    Declined,
    FoundResult,
    NeedsAction,
    NothingFound,
    PurchaseKey,
    Unknown,
)
from talktime.core.credit.buying.purchases import ATTEMPTS_MAX, HARD_DECLINES, LEASE, Purchase, PurchaseState, Step
from tests.core.credit.buying import DAY, HOUR, MINUTE, NOON, ordered, recharged, units

SOFT = Declined("insufficient_funds")


def asked(purchase: Purchase, at: datetime = NOON) -> Purchase:
    """Return the purchase in the hands of a worker that charges."""
    return purchases.leased(purchase, Step.CHARGE, at)


def answered(result: FoundResult, at: datetime = NOON, purchase: Purchase | None = None) -> Purchase:
    """Return the purchase after it was asked for, with this outcome."""
    return purchases.concluded(asked(purchase or recharged(), at), result, at)


# ── what is due ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_purchase_is_charged_when_its_time_has_come_and_not_before() -> None:
    purchase = recharged(next_step_at=NOON)

    assert purchases.step_of(purchase, NOON - MINUTE) is None
    assert purchases.step_of(purchase, NOON) is Step.CHARGE


def test_nobody_asks_while_a_worker_has_the_lease_and_the_next_one_asks_with_the_same_key() -> None:
    leased = asked(recharged())

    assert purchases.step_of(leased, NOON + LEASE - MINUTE) is None
    assert purchases.step_of(leased, NOON + LEASE) is Step.CHARGE
    assert asked(leased, NOON + LEASE).idempotency_key == leased.idempotency_key


def test_a_worker_holds_its_lease_until_it_ends_and_no_longer() -> None:
    leased = asked(recharged())

    assert purchases.is_leased(leased, NOON + LEASE - MINUTE)
    assert not purchases.is_leased(leased, NOON + LEASE)
    assert not purchases.is_leased(replace(leased, next_step_at=None), NOON)


def test_every_lease_has_a_fence_of_its_own() -> None:
    first = asked(recharged())

    assert (first.fence, asked(first).fence, purchases.leased(first, Step.SEARCH, NOON).fence) == (1, 2, 2)


def test_a_search_does_not_count_as_asking_for_money() -> None:
    unknown = answered(Unknown("lost"))

    searching = purchases.leased(unknown, Step.SEARCH, NOON + HOUR)

    assert (searching.state, searching.asked_count, searching.last_asked_at) == (PurchaseState.UNKNOWN, 1, NOON)
    assert searching.next_step_at == NOON + HOUR + LEASE


@pytest.mark.parametrize(
    ("age", "step"), [(DAY - 31 * MINUTE, Step.CHARGE), (DAY - 30 * MINUTE, Step.SEARCH), (DAY, Step.SEARCH)]
)
def test_a_key_that_the_gateway_may_have_forgotten_is_never_used_again(age: timedelta, step: Step) -> None:
    """Case 11: after a day only a search is safe, half an hour before it too."""
    crashed = asked(recharged())
    unknown = replace(crashed, state=PurchaseState.UNKNOWN)

    assert purchases.step_of(crashed, NOON + age) is step
    assert purchases.step_of(unknown, NOON + age) is step


def test_an_unknown_outcome_is_asked_for_again_with_the_same_key_and_then_searched_for() -> None:
    """Case 10: 1, 5, 15 minutes and an hour later the same question, then a search."""
    purchase, at, waits, keys = recharged(), NOON, [], set()
    while purchases.step_of(purchase, at) is Step.CHARGE:
        keys.add(purchase.idempotency_key)
        purchase = purchases.concluded(asked(purchase, at), Unknown("no answer"), at)
        assert purchase.next_step_at is not None
        waits.append(purchase.next_step_at - at)
        at = purchase.next_step_at

    assert waits == [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, HOUR]
    assert len(keys) == 1
    assert purchases.step_of(purchase, at) is Step.SEARCH


def test_a_search_that_fails_is_made_again_and_what_was_known_stays() -> None:
    unknown = answered(Unknown("lost"))

    after = purchases.concluded(unknown, Unknown("cannot search either"), NOON + HOUR)

    assert (after.state, after.reason) == (PurchaseState.UNKNOWN, "lost")
    assert after.attempt == 1


def test_an_invoice_waits_for_its_payment_and_not_for_a_worker() -> None:
    assert purchases.step_of(recharged(state=PurchaseState.INVOICED), NOON) is None


def test_nothing_is_due_about_what_is_closed() -> None:
    assert purchases.step_of(purchases.canceled(recharged(), "so", NOON), NOON + DAY) is None


# ── outcomes ────────────────────────────────────────────────────────────────────────────────────────────────


def test_money_that_moved_closes_the_purchase_with_its_lot_however_it_stood() -> None:
    for state in PurchaseState:
        before = recharged(state=state, reason="?", action_url="https://bank.example")

        after = purchases.settled(before, Charged("ch_1", units(200)), 3, NOON)

        assert (after.state, after.lot_id, after.charge_id) == (PurchaseState.SETTLED, 3, "ch_1")
        assert (after.next_step_at, after.closed_at, after.reason, after.action_url) == (None, NOON, "", "")
        assert not after.is_open


def test_money_that_moved_is_no_outcome_without_a_lot() -> None:
    with pytest.raises(AssertionError, match="money that moved is settled"):
        purchases.concluded(recharged(), Charged("ch_1", units(200)), NOON)


def test_a_soft_decline_is_tried_again_after_1_3_and_7_hours_and_then_given_up() -> None:
    """Case 16."""
    purchase, at, waits, keys = recharged(), NOON, [], []
    while purchase.is_open:
        keys.append(purchase.idempotency_key)
        purchase = purchases.concluded(asked(purchase, at), SOFT, at)
        if purchase.next_step_at is not None:
            waits.append(purchase.next_step_at - at)
            at = purchase.next_step_at

    assert waits == [HOUR, 3 * HOUR, 7 * HOUR]
    assert purchase.state is PurchaseState.FAILED
    assert purchase.attempt == ATTEMPTS_MAX == len(set(keys)) == len(keys)


def test_an_attempt_after_a_decline_begins_its_key_s_day_anew() -> None:
    after = answered(SOFT)

    assert (after.state, after.attempt) == (PurchaseState.DUE, 2)
    assert (after.first_asked_at, after.last_asked_at, after.asked_count) == (None, None, 0)
    assert after.decline_code == "insufficient_funds"
    assert after.reason == "the card was declined: insufficient_funds"


@pytest.mark.parametrize("code", sorted(HARD_DECLINES))
def test_a_hard_decline_is_not_tried_again(code: str) -> None:
    """Case 16."""
    after = answered(Declined(code, "your bank says no"))

    assert (after.state, after.attempt, after.closed_at) == (PurchaseState.FAILED, 1, NOON)
    assert after.reason == "your bank says no"


def test_a_refusal_that_says_it_is_final_is_not_tried_again() -> None:
    assert answered(Declined("agreement_exhausted", is_final=True)).state is PurchaseState.FAILED


def test_an_order_is_not_tried_again_behind_the_admin_s_back() -> None:
    assert answered(SOFT, purchase=ordered()).state is PurchaseState.FAILED


def test_a_demand_for_authentication_waits_for_the_owner_and_looks_every_hour() -> None:
    """Case 17."""
    after = answered(NeedsAction("ch_1", "https://bank.example"), purchase=recharged(decline_code="of_before"))

    assert (after.state, after.charge_id) == (PurchaseState.NEEDS_ACTION, "ch_1")
    assert (after.action_url, after.decline_code) == ("https://bank.example", "")
    assert purchases.step_of(after, NOON + HOUR - MINUTE) is None
    assert purchases.step_of(after, NOON + HOUR) is Step.SEARCH
    still = purchases.concluded(after, Unknown("no answer"), NOON + HOUR)
    assert (still.state, still.next_step_at) == (PurchaseState.NEEDS_ACTION, NOON + 2 * HOUR)


@pytest.mark.parametrize(("age", "step"), [(3 * DAY - MINUTE, Step.SEARCH), (3 * DAY, Step.WITHDRAW)])
def test_an_owner_who_never_comes_does_not_block_the_next_recharge_for_ever(age: timedelta, step: Step) -> None:
    waiting = answered(NeedsAction("ch_1"))

    assert purchases.step_of(waiting, NOON + age) is step
    assert purchases.step_of(replace(waiting, last_asked_at=None), NOON + age) is Step.WITHDRAW


def test_an_owner_who_fails_may_still_pay_until_the_gateway_has_withdrawn_it() -> None:
    """No other attempt is made meanwhile: together they would be two charges."""
    waiting = answered(NeedsAction("ch_1"))

    failed = purchases.concluded(waiting, SOFT, NOON + MINUTE)

    assert (failed.state, failed.attempt, failed.is_withdrawn) == (PurchaseState.NEEDS_ACTION, 1, True)
    assert purchases.step_of(failed, NOON + MINUTE) is Step.WITHDRAW
    assert purchases.concluded(failed, NothingFound(), NOON + HOUR).state is PurchaseState.FAILED
    assert purchases.concluded(failed, SOFT, NOON + MINUTE).state is PurchaseState.FAILED


def test_what_was_withdrawn_asks_its_owner_no_more_while_that_is_proven() -> None:
    withdrawn = purchases.withdrawn(answered(NeedsAction("ch_1")), "a new card", NOON + MINUTE)

    after = purchases.concluded(withdrawn, NothingFound(), NOON + MINUTE)

    assert (after.state, after.next_step_at) == (PurchaseState.NEEDS_ACTION, NOON + HOUR)
    assert purchases.step_of(after, NOON + HOUR) is Step.WITHDRAW
    assert purchases.concluded(after, NothingFound(), NOON + HOUR).state is PurchaseState.CANCELED


@pytest.mark.parametrize(("quiet", "state"), [(HOUR - MINUTE, "unknown"), (HOUR, "canceled")])
def test_nothing_found_is_proof_only_once_the_gateway_has_been_quiet_for_an_hour(quiet: timedelta, state: str) -> None:
    """Case 12."""
    unknown = answered(Unknown("HTTP 500"))

    after = purchases.concluded(unknown, NothingFound(), NOON + quiet)

    assert after.state.value == state
    assert after.next_step_at == (NOON + HOUR if state == "unknown" else None)


def test_nothing_found_of_what_was_never_asked_is_proof_at_once() -> None:
    assert purchases.concluded(recharged(), NothingFound(), NOON).state is PurchaseState.CANCELED


def test_what_does_not_fit_is_looked_at_again_every_hour_and_stays_open() -> None:
    after = answered(Ambiguous("two charges"))

    assert (after.state, after.reason, after.attempt) == (PurchaseState.UNKNOWN, "two charges", 1)
    assert after.next_step_at == NOON + HOUR


# ── withdrawing ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", [PurchaseState.DUE, PurchaseState.INVOICED])
def test_what_nobody_asked_for_yet_is_withdrawn_at_once(state: PurchaseState) -> None:
    after = purchases.withdrawn(recharged(state=state), "switched off", NOON)

    assert (after.state, after.reason, after.closed_at) == (PurchaseState.CANCELED, "switched off", NOON)


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (PurchaseState.CHARGING, Step.SEARCH),
        (PurchaseState.UNKNOWN, Step.SEARCH),
        (PurchaseState.NEEDS_ACTION, Step.WITHDRAW),
    ],
)
def test_what_may_be_moving_money_is_withdrawn_only_as_the_gateway_agrees(state: PurchaseState, step: Step) -> None:
    """Case 9."""
    after = purchases.withdrawn(asked(recharged()), "not wanted", NOON + MINUTE)
    after = replace(after, state=state)

    assert after.is_open
    assert purchases.step_of(after, NOON + MINUTE) is step


def test_what_was_withdrawn_and_is_declined_is_not_tried_again() -> None:
    withdrawn = purchases.withdrawn(asked(recharged()), "not wanted", NOON)

    assert purchases.concluded(withdrawn, SOFT, NOON).state is PurchaseState.CANCELED


# ── names and amounts ───────────────────────────────────────────────────────────────────────────────────────


def test_the_tax_is_taken_on_top_and_never_part_of_the_credit() -> None:
    taxed = purchases.taxed(recharged(), units(38))

    assert (taxed.amount_micros, taxed.charged_micros) == (units(200), units(238))
    assert recharged().charged_micros == units(200)


def test_a_purchase_is_known_to_gateways_by_its_second_too() -> None:
    """Case 67: what was made before a backup was restored is another purchase."""
    purchase, later = recharged(), recharged(created_at=NOON + DAY)

    assert purchase.gateway_key != later.gateway_key
    assert purchase.idempotency_key != later.idempotency_key
    assert purchases.key_of(purchase.gateway_key) == purchase.key == PurchaseKey(7, "recharge-1")


# ── whatever happens ────────────────────────────────────────────────────────────────────────────────────────

RESULTS = st.sampled_from(
    [
        SOFT,
        Declined("lost_card"),
        NeedsAction("ch_1"),
        Unknown("no answer"),
        Ambiguous("two"),
        NothingFound(),
    ]
)
HISTORIES = st.lists(
    st.tuples(st.integers(0, 60 * 24 * 4), st.sampled_from(["tell", "withdraw"]), RESULTS), max_size=40
)


@given(HISTORIES, st.sampled_from([recharged(), ordered()]))
def test_whatever_is_answered_a_key_is_used_within_its_day_and_another_one_only_after_a_decline(
    history: list[tuple[int, str, FoundResult]], purchase: Purchase
) -> None:
    at, proven = NOON, {1}
    for minutes, doing, result in history:
        at += timedelta(minutes=minutes)
        if not purchase.is_open:
            break
        if doing == "withdraw":
            purchase = purchases.withdrawn(purchase, "not wanted", at)
            continue
        step = purchases.step_of(purchase, at)
        if step is None:
            continue
        before = purchase
        purchase = purchases.leased(purchase, step, at)
        if step is Step.CHARGE:
            assert purchase.attempt in proven
            assert purchase.first_asked_at is not None
            assert at - purchase.first_asked_at < DAY - 30 * MINUTE
            assert not before.is_withdrawn
        leased = purchase
        purchase = purchases.concluded(purchase, result, at)
        if isinstance(result, Declined) and leased.state is not PurchaseState.NEEDS_ACTION:
            proven.add(leased.attempt + 1)
        assert purchase.attempt in proven
        assert purchase.is_open == (purchase.closed_at is None)
        assert purchase.next_step_at is None or purchase.next_step_at >= at
        assert (purchase.next_step_at is None) == (not purchase.is_open)
