from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from talktime.core.credit.buying.payments import (
    Ambiguous,
    Card,
    Charged,
    Declined,
    NeedsAction,
    NothingFound,
    Refunded,
    RefundFailed,
    Unknown,
)
from talktime.core.credit.buying.purchases import HARD_DECLINES
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.gateways.payments.sandbox import SandboxGateway
from talktime.gateways.payments.sandbox_cards import CARDS, Behavior, SandboxCard, table_rows
from tests.gateways.payments.orders import AT, TWO_HUNDRED, next_attempt, order, refund_order

MOVED = {"USD": TWO_HUNDRED}
GOOD = "4242424242424242"
DECLINING = [card for card in CARDS if card.behavior is Behavior.DECLINES]


def card_that(behavior: Behavior) -> str:
    return next(card.number for card in CARDS if card.behavior is behavior)


@pytest.fixture
def gateway(tmp_path: Path) -> SandboxGateway:
    return SandboxGateway(tmp_path / "sandbox", clock=lambda: AT)


@pytest.fixture
def token(gateway: SandboxGateway) -> Callable[[str], str]:
    return lambda number: gateway.add_card(f"{number} 12/27").token


def test_a_good_card_is_charged_and_its_charge_is_found(gateway: SandboxGateway, token: Callable[[str], str]) -> None:
    wanted = order(token(GOOD))

    charged = gateway.charge(wanted)

    assert isinstance(charged, Charged)
    assert charged.amount_micros == TWO_HUNDRED
    assert gateway.find(wanted) == charged
    assert gateway.moved_micros() == MOVED


def test_the_same_key_charges_once(gateway: SandboxGateway, token: Callable[[str], str]) -> None:
    wanted = order(token(GOOD))

    answers = {gateway.charge(wanted) for _ in range(5)}

    assert len(answers) == 1
    assert gateway.moved_micros() == MOVED


def test_the_same_key_for_another_amount_is_no_answer_and_moves_nothing(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(GOOD))
    gateway.charge(wanted)

    answer = gateway.charge(replace(wanted, amount_micros=2 * TWO_HUNDRED))

    assert isinstance(answer, Unknown)
    assert "used for another charge" in answer.why
    assert gateway.moved_micros() == MOVED


@pytest.mark.parametrize("card", DECLINING, ids=lambda card: f"{card.number} {card.code}")
def test_a_card_that_declines_moves_nothing_and_says_why_again_and_again(
    gateway: SandboxGateway, token: Callable[[str], str], card: SandboxCard
) -> None:
    wanted = order(token(card.number))

    answers = [gateway.charge(wanted), gateway.charge(wanted), gateway.find(wanted)]

    assert [answer.code for answer in answers if isinstance(answer, Declined)] == [card.code] * 3
    assert gateway.moved_micros() == {}


def test_there_is_a_card_for_every_hard_decline() -> None:
    assert {card.code for card in DECLINING} >= HARD_DECLINES


def test_the_page_for_operators_lists_every_card_and_what_it_does(repository: Path) -> None:
    page = (repository / "docs/operate/payments.md").read_text("utf-8").splitlines()

    listed = [line for line in page if line.startswith(("| 3", "| 4", "| 5"))]

    assert listed == [f"| {number} | {what} | {then} |" for number, what, then in table_rows()]


def test_no_two_cards_share_a_number_and_every_number_passes_the_check_digit() -> None:
    numbers = [card.number for card in CARDS]

    assert len(set(numbers)) == len(numbers)
    assert [number for number in numbers if not passes_check_digit(number)] == []


def test_a_card_declined_once_is_charged_at_the_next_attempt(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    first = order(token(card_that(Behavior.DECLINES_ONCE)))
    declined = gateway.charge(first)
    second = next_attempt(first)

    searched_before = gateway.find(second)
    charged = gateway.charge(second)

    assert isinstance(declined, Declined)
    assert searched_before == NothingFound()
    assert isinstance(charged, Charged)
    assert gateway.find(second) == charged


def test_case_19_a_card_that_expires_between_being_added_and_charged_is_declined(tmp_path: Path) -> None:
    now = AT
    gateway = SandboxGateway(tmp_path, clock=lambda: now)
    expiring = gateway.add_card(f"{GOOD} 12/26")

    now = AT + timedelta(days=60)
    answer = gateway.charge(order(expiring.token))

    assert isinstance(answer, Declined)
    assert answer.code == "expired_card"


def test_case_17_a_charge_waits_until_its_owner_authenticates(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token("4000002500003155"))
    waiting = gateway.charge(wanted)
    assert isinstance(waiting, NeedsAction)
    assert gateway.find(wanted) == gateway.charge(wanted) == waiting
    assert gateway.moved_micros() == {}

    charged = gateway.authenticate(waiting.charge_id)

    assert charged == Charged(waiting.charge_id, TWO_HUNDRED)
    assert gateway.find(wanted) == gateway.charge(wanted) == charged


def test_an_owner_who_fails_to_authenticate_is_declined(gateway: SandboxGateway, token: Callable[[str], str]) -> None:
    waiting = gateway.charge(order(token("4000002500003155")))
    assert isinstance(waiting, NeedsAction)

    answer = gateway.authenticate(waiting.charge_id, succeeds=False)

    assert isinstance(answer, Declined)
    assert answer.code == "authentication_required"


def test_a_card_can_be_declined_after_its_owner_authenticated(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    waiting = gateway.charge(order(token("4000008260003178")))
    assert isinstance(waiting, NeedsAction)

    answer = gateway.authenticate(waiting.charge_id)

    assert isinstance(answer, Declined)
    assert answer.code == "insufficient_funds"


def test_nobody_authenticates_twice_or_for_nothing(gateway: SandboxGateway, token: Callable[[str], str]) -> None:
    charged = gateway.charge(order(token(GOOD)))
    assert isinstance(charged, Charged)

    with pytest.raises(Conflict):
        gateway.authenticate(charged.charge_id)
    with pytest.raises(NotFound):
        gateway.authenticate("sandbox_0")
    with pytest.raises(NotFound):
        gateway.authenticate("sandbox_../../secret")


def test_a_withdrawn_charge_can_never_move_money(gateway: SandboxGateway, token: Callable[[str], str]) -> None:
    wanted = order(token("4000002500003155"))
    waiting = gateway.charge(wanted)
    assert isinstance(waiting, NeedsAction)

    assert gateway.withdraw(wanted) == NothingFound()

    assert isinstance(gateway.charge(wanted), Unknown)
    assert gateway.find(wanted) == NothingFound()
    with pytest.raises(Conflict):
        gateway.authenticate(waiting.charge_id)


def test_what_moved_before_it_was_withdrawn_is_told(gateway: SandboxGateway, token: Callable[[str], str]) -> None:
    wanted = order(token(GOOD))
    charged = gateway.charge(wanted)

    assert gateway.withdraw(wanted) == charged


def test_case_10_an_answer_lost_after_the_charge_is_told_by_the_same_key_or_a_search(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(card_that(Behavior.LOSES_ANSWER)))

    first, found, second = gateway.charge(wanted), gateway.find(wanted), gateway.charge(wanted)

    assert isinstance(first, Unknown)
    assert isinstance(found, Charged)
    assert second == found
    assert gateway.moved_micros() == MOVED


def test_a_request_lost_on_its_way_is_found_nowhere_and_charged_by_the_same_key(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(card_that(Behavior.LOSES_REQUEST)))

    first, found, second = gateway.charge(wanted), gateway.find(wanted), gateway.charge(wanted)

    assert isinstance(first, Unknown)
    assert found == NothingFound()
    assert isinstance(second, Charged)
    assert gateway.moved_micros() == MOVED


def test_case_12_a_stored_error_is_repeated_for_its_key_and_a_search_proves_that_nothing_moved(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(card_that(Behavior.STORES_ERROR)))

    answers = [gateway.charge(wanted) for _ in range(3)]

    assert all(isinstance(answer, Unknown) for answer in answers)
    assert gateway.find(wanted) == NothingFound()
    assert gateway.moved_micros() == {}


def test_a_slow_charge_is_unknown_until_it_was_asked_for_three_times(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(card_that(Behavior.SLOW)))
    assert isinstance(gateway.charge(wanted), Unknown)

    looks = [gateway.find(wanted) for _ in range(3)]

    assert [type(look) for look in looks] == [Unknown, Unknown, Charged]
    assert gateway.charge(wanted) == looks[-1]
    assert gateway.moved_micros() == MOVED


def test_case_11_two_charges_for_one_purchase_are_for_a_person_to_look_at(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    first = order(token(GOOD))
    gateway.charge(first)
    gateway.charge(next_attempt(first))

    assert isinstance(gateway.find(first), Ambiguous)


def test_case_11_a_charge_of_another_amount_is_for_a_person_to_look_at(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(GOOD))
    gateway.charge(wanted)

    assert isinstance(gateway.find(replace(wanted, amount_micros=1_000_000)), Ambiguous)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"amount_micros": 1}, "invalid_amount"),
        ({"amount_micros": 0}, "invalid_amount"),
        ({"currency": "LYD"}, "currency_not_supported"),
        ({"token": "cus_1/pm_1"}, "invalid_account"),
    ],
)
def test_what_no_card_can_be_charged_is_declined_and_never_raises(
    gateway: SandboxGateway, token: Callable[[str], str], changed: dict[str, object], code: str
) -> None:
    answer = gateway.charge(replace(order(token(GOOD)), **changed))

    assert isinstance(answer, Declined)
    assert answer.code == code


def test_a_charge_is_given_back_in_parts_once_for_each_key_and_never_more_than_it_was(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    charged = gateway.charge(order(token(GOOD)))
    assert isinstance(charged, Charged)
    part = refund_order(charged.charge_id, "a", amount_micros=150_000_000)

    first, again = gateway.refund(part), gateway.refund(part)
    too_much = gateway.refund(refund_order(charged.charge_id, "b", amount_micros=50_000_001))
    rest = gateway.refund(refund_order(charged.charge_id, "c", amount_micros=50_000_000))
    nothing_left = gateway.refund(refund_order(charged.charge_id, "d", amount_micros=1))

    assert isinstance(first, Refunded)
    assert again == first
    assert isinstance(too_much, RefundFailed)
    assert isinstance(rest, Refunded)
    assert isinstance(nothing_left, RefundFailed)
    assert nothing_left.code == "charge_already_refunded"
    assert gateway.moved_micros() == {"USD": 0}


def test_a_refund_that_fails_later_gives_nothing_back(gateway: SandboxGateway, token: Callable[[str], str]) -> None:
    charged = gateway.charge(order(token(card_that(Behavior.REFUND_FAILS))))
    assert isinstance(charged, Charged)

    assert isinstance(gateway.refund(refund_order(charged.charge_id)), Refunded)

    assert gateway.moved_micros() == MOVED


def test_a_disputed_charge_is_given_back_only_after_the_dispute_was_won(
    gateway: SandboxGateway, token: Callable[[str], str]
) -> None:
    charged = gateway.charge(order(token(card_that(Behavior.DISPUTED))))
    assert isinstance(charged, Charged)
    refused = gateway.refund(refund_order(charged.charge_id))

    gateway.close_dispute(charged.charge_id, is_won=True)

    assert isinstance(refused, RefundFailed)
    assert refused.code == "charge_disputed"
    assert isinstance(gateway.refund(refund_order(charged.charge_id)), Refunded)
    with pytest.raises(Conflict):
        gateway.close_dispute(charged.charge_id, is_won=False)


def test_what_was_never_charged_is_not_given_back(gateway: SandboxGateway, token: Callable[[str], str]) -> None:
    waiting = gateway.charge(order(token("4000002500003155")))
    assert isinstance(waiting, NeedsAction)

    assert isinstance(gateway.refund(refund_order(waiting.charge_id)), RefundFailed)
    assert isinstance(gateway.refund(refund_order("sandbox_0")), RefundFailed)


def test_a_card_is_known_by_its_number_whenever_it_is_added(gateway: SandboxGateway) -> None:
    first = gateway.add_card("4242 4242 4242 4242 2/28")
    again = gateway.add_card("4242424242424242  11 / 2029")

    assert first == Card("sandbox_4242424242424242_2028-02", again.fingerprint, "Visa", "4242", date(2028, 2, 29))
    assert again.expires_on == date(2029, 11, 30)
    assert gateway.add_card("5555555555554444 12/27").fingerprint != again.fingerprint


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("4111111111111111 12/27", "card_unknown"),
        ("4242424242424242", "card_unreadable"),
        ("4242424242424242 13/27", "card_unreadable"),
        ("4242424242424242 00/27", "card_unreadable"),
        ("", "card_unreadable"),
        ("pm_card_visa", "card_unreadable"),
        ("4242424242424242 10/26", "card_expired"),
    ],
)
def test_no_card_but_a_test_card_that_is_still_good_is_taken(
    gateway: SandboxGateway, reference: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        gateway.add_card(reference)

    assert refused.value.code == code
    assert "4111" not in refused.value.message


def test_a_file_that_somebody_spoiled_is_no_answer(
    gateway: SandboxGateway, token: Callable[[str], str], tmp_path: Path
) -> None:
    wanted = order(token(GOOD))
    gateway.charge(wanted)
    (kept,) = (tmp_path / "sandbox/charges").glob("*.json")
    kept.write_text("{", "utf-8")

    assert isinstance(gateway.charge(wanted), Unknown)
    assert isinstance(gateway.find(wanted), Unknown)
    assert isinstance(gateway.withdraw(wanted), Unknown)


def test_a_folder_that_cannot_be_made_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    gateway = SandboxGateway(tmp_path / "file", clock=lambda: AT)

    assert isinstance(gateway.charge(order(gateway.add_card(f"{GOOD} 12/27").token)), Unknown)
    assert isinstance(gateway.refund(refund_order("sandbox_0")), Unknown)


def passes_check_digit(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = [2 * digit - 9 if digit > 4 else 2 * digit for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
