"""The receipt of a call, however it went."""

import pytest

from talktime.bootstrap import App
from talktime.core.calls.calls import EXPLANATIONS, CallKey, DenialReason
from talktime.core.insight.receipts import FLAG_EXPLANATIONS, Flags, Receipt
from talktime.core.values.errors import NotFound
from talktime.usecases.insight.show_receipt import OnlyParked, SeveralLegs, ShowReceipt, show_receipt


def test_a_charged_call_shows_prefix_deck_blocks_rounding_and_what_paid(charged_app: App) -> None:
    shown = receipt_of(charged_app, "ordinary-02")

    (charge,) = shown.charges
    reference, deck, matched = shown.facts.call.setup.rate, shown.facts.deck, shown.facts.matched
    assert reference is not None
    assert deck is not None
    assert matched is not None
    assert (reference.prefix, shown.facts.call.setup.destination) == ("33", "France")
    assert (deck.deck, deck.number, deck.source) == ("az", 1, "az.csv")
    assert [(block.increments, block.increment_seconds) for block in charge.blocks] == [(4, 30)]
    assert (charge.connection_fee_nanos, charge.exact_cost) == (50_000_000, "0.112")
    assert matched.tariff.charge_decimals == 4
    assert [(payment.lot.reference, payment.amount_micros) for payment in charge.payments if payment.lot] == [
        ("order-1", 112_000)
    ]
    assert charge.usage.cost_micros == sum(payment.amount_micros for payment in charge.payments)


def test_a_call_that_two_lots_paid_names_both(charged_app: App) -> None:
    paid_by_lots = [
        [payment.lot.lot_id for payment in charge.payments if payment.lot]
        for number in range(24)
        for charge in receipt_of(charged_app, f"ordinary-{number:02}").charges
    ]

    assert [1] in paid_by_lots
    assert [2] in paid_by_lots


def test_what_nothing_covered_is_named_as_owed(charged_app: App) -> None:
    shown = receipt_of(charged_app, "overrun")

    (charge,) = shown.charges
    assert [(payment.lot is None, payment.amount_micros) for payment in charge.payments] == [
        (False, 1_100),
        (True, 107_800),
    ]
    assert any("owes it" in reason for reason in shown.reasons)
    assert FLAG_EXPLANATIONS[Flags.OVERRUN] in shown.flags


def test_a_call_that_was_cut_says_that_credit_did_not_pay_for_more(charged_app: App) -> None:
    shown = receipt_of(charged_app, "cut")

    assert shown.reasons[0] == "The switch cut the call at the end of its grant: credit did not pay for more."
    assert "final" in shown.reasons[1]


@pytest.mark.parametrize(
    ("call_id", "reason"),
    [
        ("denied-license", DenialReason.CREDITS_LICENSE_MISSING),
        ("denied-blocked", DenialReason.DESTINATION_BLOCKED),
        ("denied-unrated", DenialReason.DESTINATION_NOT_RATED),
        ("exhausted", DenialReason.CREDIT_EXHAUSTED),
    ],
)
def test_a_refused_call_says_why_and_what_would_change_it(call_id: str, reason: DenialReason, charged_app: App) -> None:
    shown = receipt_of(charged_app, call_id)

    assert shown.reasons == (EXPLANATIONS[reason],)
    assert shown.charges == ()


def test_an_open_call_shows_what_is_held_and_in_which_lot(charged_app: App) -> None:
    shown = receipt_of(charged_app, "open")

    assert [(payment.lot.lot_id, payment.amount_micros) for payment in shown.held if payment.lot] == [(2, 81_000)]
    assert "nothing is charged yet" in shown.reasons[0]


def test_a_call_that_lapsed_and_was_ended_late_has_two_usage_rows(charged_app: App) -> None:
    shown = receipt_of(charged_app, "late")

    assert [charge.usage.used_seconds for charge in shown.charges] == [0, 75]
    assert FLAG_EXPLANATIONS[Flags.LATE] in shown.flags


def test_a_call_that_lapsed_for_good_says_so(charged_app: App) -> None:
    assert "its hold was released" in receipt_of(charged_app, "lapsed").reasons[0]


def test_a_free_call_says_that_calls_of_its_kind_are_free(charged_app: App) -> None:
    shown = receipt_of(charged_app, "emergency")

    assert "free" in shown.reasons[-1]
    assert shown.charges[0].blocks == ()


def test_a_report_that_was_parked_is_shown_without_a_call(charged_app: App) -> None:
    shown = charged_app.read(show_receipt, ShowReceipt("never-started"))

    assert isinstance(shown, OnlyParked)
    assert shown.key == CallKey("sbc1", "never-started")
    assert [(parked.reason, parked.used_seconds) for parked in shown.parked] == [
        ("no start was seen for this call", 33)
    ]


def test_several_legs_are_listed_and_each_is_found_by_its_key(charged_app: App) -> None:
    shown = charged_app.read(show_receipt, ShowReceipt("two-legs"))

    assert shown == SeveralLegs((CallKey("sbc1", "two-legs", "a"), CallKey("sbc1", "two-legs", "b")))
    assert receipt_of(charged_app, "sbc1|a|two-legs").facts.call.setup.key.leg == "a"


@pytest.mark.parametrize("unknown", ["nothing", "ordinary%", "sbc1||nothing", "ordinary-__"])
def test_what_nobody_knows_is_not_found(unknown: str, charged_app: App) -> None:
    with pytest.raises(NotFound, match="no call and no report"):
        charged_app.read(show_receipt, ShowReceipt(unknown))


def receipt_of(app: App, call_id: str) -> Receipt:
    shown = app.read(show_receipt, ShowReceipt(call_id))
    assert isinstance(shown, Receipt)
    return shown
