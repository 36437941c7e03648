"""What a purchase's outcome means: for the recharge's epoch, pause and caps, and for who is told (S47, S48)."""

from dataclasses import replace
from datetime import datetime

import pytest

from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import (
    Ambiguous,
    Charged,
    Declined,
    FoundResult,
    MethodKind,
    NeedsAction,
    NothingFound,
    Unknown,
)
from talktime.core.credit.buying.purchases import Purchase, PurchaseState, Step
from talktime.core.credit.recharging import concluding
from talktime.core.credit.recharging.concluding import Conclusion
from talktime.core.credit.recharging.recharge import Due, PauseReason, begun
from talktime.core.credit.recharging.watching import CreditWatch, Watched
from tests.core.credit.buying import (
    DAY,
    EXAMPLE,
    HOUR,
    MINUTE,
    NEW_YORK,
    NOON,
    POLICY,
    conclusion,
    credit,
    method,
    ordered,
    recharged,
    told,
    units,
    watch,
)

SOFT, HARD = Declined("insufficient_funds"), Declined("lost_card")


def pending(**progress: object) -> CreditWatch:
    """Return what is watched while recharge-1 is open."""
    open_ = watch(**progress)
    return replace(open_, progress=begun(open_.progress, Due(units(200), 1), "recharge-1", NOON, NEW_YORK))


def asked(purchase: Purchase | None = None, at: datetime = NOON) -> Purchase:
    """Return a purchase that a worker asks the gateway about."""
    return purchases.leased(purchase or recharged(), Step.CHARGE, at)


def after(result: FoundResult, *, before: Purchase | None = None, watched: CreditWatch | None = None) -> Watched:
    """Return what follows from an outcome without money, at noon."""
    before = before or asked()
    it = conclusion(before, purchases.concluded(before, result, NOON))
    return concluding.after_outcome(EXAMPLE, watched or pending(), it, result, credit(50))


def settled(before: Purchase, watched: CreditWatch, at: datetime = NOON) -> Watched:
    """Return what follows from money that moved."""
    it = conclusion(before, purchases.settled(before, Charged("ch_1", units(200)), 2, at), at)
    return concluding.after_settlement(EXAMPLE, watched, it, credit(250), ("invoice", "2026-0001"))


def details(watched: Watched) -> dict[str, str]:
    """Return what the last event says."""
    return dict(watched.events[-1].details)


# ── money that moved ────────────────────────────────────────────────────────────────────────────────────────


def test_money_that_moved_arms_the_next_epoch_and_is_told_with_its_invoice() -> None:
    watched = settled(asked(), pending())

    assert told(watched) == ["recharge_succeeded"]
    assert (details(watched)["purchase"], details(watched)["invoice"]) == ("recharge-1", "2026-0001")
    assert (watched.watch.progress.open_purchase_id, watched.watch.progress.epoch) == (None, 2)
    assert watched.watch.progress.reserved.day_micros == units(200)


def test_an_order_that_was_paid_is_told_and_leaves_the_recharge_alone() -> None:
    watched = settled(asked(ordered()), pending())

    assert told(watched) == ["credit_purchased"]
    assert watched.watch.progress.open_purchase_id == "recharge-1"


@pytest.mark.parametrize(
    ("reason", "kinds"),
    [
        (PauseReason.CARD_DECLINED, ["credit_purchased", "recharge_resumed"]),
        (PauseReason.AUTHENTICATION_NEEDED, ["credit_purchased", "recharge_resumed"]),
        (PauseReason.METHOD_UNUSABLE, ["credit_purchased", "recharge_resumed"]),
        (PauseReason.BY_ADMIN, ["credit_purchased"]),
        (PauseReason.TOO_MANY, ["credit_purchased"]),
        (PauseReason.CARD_DISPUTED, ["credit_purchased"]),
    ],
)
def test_a_settled_payment_ends_the_pauses_that_it_disproves(reason: PauseReason, kinds: list[str]) -> None:
    watched = settled(asked(ordered()), watch(paused=reason, paused_at=NOON))

    assert told(watched) == kinds
    assert (watched.watch.progress.paused is None) == (len(kinds) == 2)


def test_what_was_given_up_and_paid_all_the_same_takes_its_part_of_the_caps_again() -> None:
    given_up = purchases.canceled(asked(), "nothing found", NOON)
    closed = concluding.after_outcome(
        EXAMPLE, pending(), conclusion(asked(), given_up), NothingFound(), credit(50)
    ).watch

    watched = settled(given_up, closed, NOON + HOUR)

    assert closed.progress.reserved.day_micros == 0
    assert watched.watch.progress.reserved.day_micros == units(200)
    assert (watched.watch.progress.epoch, told(watched)) == (2, ["recharge_succeeded"])


# ── declines ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_soft_decline_is_told_with_the_next_attempt_and_the_recharge_stays_open() -> None:
    """Case 16."""
    watched = after(SOFT)

    assert told(watched) == ["recharge_failed"]
    assert details(watched)["next_attempt_at"] == (NOON + HOUR).isoformat()
    assert (details(watched)["attempt"], details(watched)["attempts_max"]) == ("1", "4")
    assert watched.watch.progress.open_purchase_id == "recharge-1"
    assert watched.watch.progress.paused is None


def test_the_soft_declines_in_between_are_told_of_no_more() -> None:
    assert told(after(SOFT, before=asked(recharged(attempt=2)))) == []


def test_the_last_soft_decline_pauses_and_is_told_as_a_pause() -> None:
    watched = after(SOFT, before=asked(recharged(attempt=4)))

    assert told(watched) == ["recharge_paused"]
    assert watched.watch.progress.paused is PauseReason.CARD_DECLINED
    assert watched.watch.progress.epoch == 2


def test_a_hard_decline_pauses_at_once_in_one_mail_and_gives_the_caps_back() -> None:
    """Case 16."""
    watched = after(HARD)

    assert told(watched) == ["recharge_failed"]
    assert details(watched)["consequence"] == "paused"
    progress = watched.watch.progress
    assert (progress.paused, progress.paused_fingerprint) == (PauseReason.CARD_DECLINED, "fingerprint-1")
    assert (progress.open_purchase_id, progress.epoch, progress.reserved.day_micros) == (None, 2, 0)


def test_an_agreement_that_refuses_is_no_declined_card() -> None:
    before = asked()
    failed = purchases.concluded(before, Declined("agreement_exhausted", is_final=True), NOON)
    it = Conclusion(before, failed, method(kind=MethodKind.AGREEMENT), NOON)

    watched = concluding.after_outcome(EXAMPLE, pending(), it, HARD, credit(50))

    assert watched.watch.progress.paused is PauseReason.METHOD_UNUSABLE


def test_a_card_that_fails_gives_way_to_the_fallback_which_is_not_paused_by_it() -> None:
    policy = replace(POLICY, fallback_method_id=2)

    watched = after(HARD, watched=replace(pending(), policy=policy))

    assert details(watched)["consequence"] == "fallback"
    assert (watched.watch.policy.method_id, watched.watch.policy.fallback_method_id) == (2, None)
    assert watched.watch.policy.version == policy.version + 1
    assert watched.watch.progress.paused is None


@pytest.mark.parametrize(
    ("reason", "stays"), [(PauseReason.AUTHENTICATION_NEEDED, None), (PauseReason.BY_ADMIN, PauseReason.BY_ADMIN)]
)
def test_the_fallback_ends_the_pause_of_the_card_that_failed_and_no_other(
    reason: PauseReason, stays: PauseReason | None
) -> None:
    watched = replace(pending(paused=reason, paused_at=NOON), policy=replace(POLICY, fallback_method_id=2))

    progress = after(HARD, watched=watched).watch.progress

    assert progress.paused is stays
    assert progress.reserved.recent == (NOON,)


@pytest.mark.parametrize("policy", [replace(POLICY, method_id=2), replace(POLICY, is_on=False)])
def test_the_failure_of_a_card_that_was_replaced_meanwhile_stops_nothing(policy: object) -> None:
    """Cases 8 and 9."""
    watched = after(HARD, watched=replace(pending(), policy=policy))  # type: ignore[arg-type]

    assert told(watched) == ["recharge_failed"]
    assert watched.watch.progress.paused is None
    assert watched.watch.progress.open_purchase_id is None


def test_an_order_that_fails_is_told_as_such_and_pauses_nothing() -> None:
    watched = after(SOFT, before=asked(ordered()))

    assert told(watched) == ["purchase_failed"]
    assert details(watched)["code"] == "insufficient_funds"
    assert watched.watch.progress.paused is None


# ── authentication ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_demand_for_authentication_pauses_and_is_mailed_with_its_link_once() -> None:
    """Case 17."""
    demand = NeedsAction("ch_1", "https://bank.example")
    first = after(demand)
    waiting = purchases.concluded(asked(), demand, NOON)

    again = after(demand, before=waiting, watched=first.watch)

    assert told(first) == ["authentication_needed"]
    assert details(first)["url"] == "https://bank.example"
    assert first.watch.progress.paused is PauseReason.AUTHENTICATION_NEEDED
    assert first.watch.progress.open_purchase_id == "recharge-1"
    assert told(again) == []


def test_an_order_s_owner_is_asked_to_authenticate_without_pausing_the_recharge() -> None:
    watched = after(NeedsAction("ch_1"), before=asked(ordered()))

    assert told(watched) == ["authentication_needed"]
    assert watched.watch.progress.paused is None


def test_nobody_is_asked_to_authenticate_what_was_withdrawn() -> None:
    withdrawn = purchases.withdrawn(asked(), "not wanted", NOON)

    watched = after(NeedsAction("ch_1"), before=withdrawn)

    assert told(watched) == []


# ── what nobody knows ───────────────────────────────────────────────────────────────────────────────────────


def test_an_outage_is_told_when_the_second_question_is_not_answered_either() -> None:
    """Case 24: one mail."""
    once = asked()
    twice = asked(purchases.concluded(once, Unknown("no answer"), NOON), NOON + MINUTE)
    thrice = asked(purchases.concluded(twice, Unknown("no answer"), NOON), NOON + HOUR)

    mails = [told(after(Unknown("no answer"), before=each)) for each in (once, twice, thrice)]

    assert mails == [[], ["recharge_delayed"], []]


def test_an_outcome_that_is_unknown_for_a_day_pauses_and_is_told_once() -> None:
    """Case 11."""
    old = replace(asked(at=NOON - DAY), state=PurchaseState.UNKNOWN)

    watched = after(Unknown("no answer"), before=old)

    assert told(watched) == ["recharge_paused"]
    assert watched.watch.progress.paused is PauseReason.CHARGE_AMBIGUOUS
    assert told(after(Unknown("no answer"), before=old, watched=watched.watch)) == []
    assert told(after(Unknown("no answer"), before=replace(old, first_asked_at=None))) == []


def test_a_charge_that_does_not_fit_is_told_to_the_operator_once_and_pauses() -> None:
    """Case 11."""
    first = after(Ambiguous("two charges"))
    unknown = purchases.concluded(asked(), Ambiguous("two charges"), NOON)

    again = after(Ambiguous("two charges"), before=unknown, watched=first.watch)
    after_an_outage = purchases.concluded(unknown, Unknown("no answer"), NOON)

    assert told(first) == ["payment_unexplained", "recharge_paused"]
    assert first.watch.progress.paused is PauseReason.CHARGE_AMBIGUOUS
    assert told(again) == []
    assert told(after(Ambiguous("two charges"), before=after_an_outage, watched=first.watch)) == []


def test_an_order_s_charge_that_does_not_fit_pauses_no_recharge() -> None:
    watched = after(Ambiguous("two charges"), before=asked(ordered()))

    assert told(watched) == ["payment_unexplained"]
    assert watched.watch.progress.paused is None


def test_what_is_proven_not_charged_arms_the_next_epoch_and_gives_the_caps_back() -> None:
    """Case 12."""
    unknown = replace(asked(at=NOON - HOUR), state=PurchaseState.UNKNOWN)

    watched = after(NothingFound(), before=unknown)

    assert told(watched) == []
    progress = watched.watch.progress
    assert (progress.open_purchase_id, progress.epoch, progress.reserved.day_micros) == (None, 2, 0)


def test_a_recharge_goes_on_once_it_is_certain_what_became_of_the_last_charge() -> None:
    """Case 11: a pause whose reason is over would be untrue."""
    old = replace(asked(at=NOON - DAY), state=PurchaseState.UNKNOWN)
    paused = after(Unknown("no answer"), before=old).watch

    charged = settled(old, paused)
    not_charged = after(NothingFound(), before=old, watched=paused)

    assert told(charged) == ["recharge_succeeded", "recharge_resumed"]
    assert told(not_charged) == ["recharge_resumed"]
    assert charged.watch.progress.paused is None
    assert not_charged.watch.progress.paused is None
    assert told(settled(asked(ordered()), paused)) == ["credit_purchased"]
    assert told(after(SOFT, before=old, watched=paused)) == ["recharge_failed", "recharge_resumed"]


def test_what_proves_the_last_charge_may_be_a_reason_of_its_own_to_pause() -> None:
    old = replace(asked(at=NOON - DAY), state=PurchaseState.UNKNOWN)
    paused = after(Unknown("no answer"), before=old).watch

    declined = after(HARD, before=old, watched=paused)
    asks = after(NeedsAction("ch_1"), before=old, watched=paused)

    assert (told(declined), told(asks)) == (["recharge_failed"], ["authentication_needed"])
    assert declined.watch.progress.paused is PauseReason.CARD_DECLINED
    assert asks.watch.progress.paused is PauseReason.AUTHENTICATION_NEEDED
    assert asks.watch.events_count == paused.events_count + 1


# ── what is withdrawn ───────────────────────────────────────────────────────────────────────────────────────


def test_what_was_withdrawn_arms_the_next_epoch_and_only_once_it_is_certain() -> None:
    due = recharged()
    canceled = purchases.withdrawn(due, "switched off", NOON)
    waiting = purchases.withdrawn(asked(), "switched off", NOON)

    done = concluding.after_withdrawal(EXAMPLE, pending(), conclusion(due, canceled), credit(50))
    not_yet = concluding.after_withdrawal(EXAMPLE, pending(), conclusion(asked(), waiting), credit(50))

    assert done.watch.progress.open_purchase_id is None
    assert not_yet.watch == pending()


def test_an_older_purchase_that_is_closed_late_does_not_close_the_one_that_is_open() -> None:
    canceled = purchases.canceled(recharged(purchase_id="recharge-0"), "nothing found", NOON)

    watched = concluding.after_withdrawal(EXAMPLE, pending(), conclusion(recharged(), canceled), credit(50))

    assert watched.watch == pending()


def test_an_attempt_without_a_time_says_no_next_one() -> None:
    before = asked()
    due = replace(purchases.concluded(before, SOFT, NOON), next_step_at=None)

    watched = concluding.after_outcome(EXAMPLE, pending(), conclusion(before, due), SOFT, credit(50))

    assert "next_attempt_at" not in details(watched)
