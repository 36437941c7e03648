import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.buying.payments import Charged, NothingFound
from talktime.gateways.payments.sandbox import SandboxGateway
from talktime.gateways.payments.sandbox_cards import CARDS, Behavior
from tests.gateways.payments.orders import AT, TWO_HUNDRED, next_attempt, order

PURCHASES = 20
PROCESSES = 4
CLIENT = Path(__file__).with_name("sandbox_client.py")
GOOD = "sandbox_4242424242424242_2027-12"
CHARGED_ONCE = {
    Behavior.SUCCEEDS,
    Behavior.LOSES_ANSWER,
    Behavior.LOSES_REQUEST,
    Behavior.SLOW,
    Behavior.DISPUTED,
    Behavior.REFUND_FAILS,
}


def client(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(CLIENT), str(folder), GOOD, *arguments]
    root = str(CLIENT.parents[3])
    environment = {"PYTHONPATH": f"{root}/src:{root}"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment)


@pytest.fixture
def gateway(tmp_path: Path) -> SandboxGateway:
    return SandboxGateway(tmp_path, clock=lambda: AT)


@given(card=st.sampled_from(CARDS), asks=st.lists(st.sampled_from(["charge", "find", "withdraw"]), max_size=8))
def test_the_same_key_never_moves_money_twice_whatever_is_asked_in_between(
    tmp_path_factory: pytest.TempPathFactory, card: object, asks: list[str]
) -> None:
    gateway = SandboxGateway(tmp_path_factory.mktemp("sandbox"), clock=lambda: AT)
    wanted = order(gateway.add_card(f"{card.number} 12/27").token)

    answers = [getattr(gateway, ask)(wanted) for ask in asks]

    moved = gateway.moved_micros().get("USD", 0)
    assert moved in ({0, TWO_HUNDRED} if card.behavior in CHARGED_ONCE else {0})
    assert not any(isinstance(answer, Charged) for answer in answers) or moved == TWO_HUNDRED


def test_the_same_key_asked_by_many_threads_at_once_moves_money_once(gateway: SandboxGateway) -> None:
    orders = [order(GOOD, f"r-{number}") for number in range(PURCHASES)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(gateway.charge, orders * 4))

    assert all(isinstance(answer, Charged) for answer in answers)
    assert len(set(answers)) == PURCHASES
    assert gateway.moved_micros() == {"USD": PURCHASES * TWO_HUNDRED}


def test_the_same_keys_asked_by_many_processes_at_once_move_money_once(gateway: SandboxGateway, tmp_path: Path) -> None:
    running = [client(tmp_path, "0", str(PURCHASES)) for _ in range(PROCESSES)]

    answered = [process.communicate()[0].split() for process in running]

    assert answered == [[str(number) for number in range(PURCHASES)]] * PROCESSES
    assert gateway.moved_micros() == {"USD": PURCHASES * TWO_HUNDRED}


def test_a_process_killed_between_the_write_and_the_answer_has_charged_once(
    gateway: SandboxGateway, tmp_path: Path
) -> None:
    with client(tmp_path, "0", "1", "written") as dying:
        assert dying.wait() == -signal.SIGKILL

    answer = gateway.charge(order(GOOD, "r-0"))

    assert isinstance(answer, Charged)
    assert gateway.moved_micros() == {"USD": TWO_HUNDRED}


def test_a_process_killed_in_the_middle_of_writing_has_charged_nothing_and_the_same_key_charges_once(
    gateway: SandboxGateway, tmp_path: Path
) -> None:
    with client(tmp_path, "0", "1", "writing") as dying:
        assert dying.wait() == -signal.SIGXFSZ
    found = gateway.find(order(GOOD, "r-0"))

    answer = gateway.charge(order(GOOD, "r-0"))

    assert found == NothingFound()
    assert isinstance(answer, Charged)
    assert gateway.moved_micros() == {"USD": TWO_HUNDRED}


def test_processes_killed_wherever_they_stand_leave_no_charge_half_written_or_doubled(
    gateway: SandboxGateway, tmp_path: Path
) -> None:
    for killing in range(5):
        with client(tmp_path, str(killing * PURCHASES), "1000000") as dying:
            assert dying.stdout is not None
            for _ in range(killing + 1):
                dying.stdout.readline()
            dying.kill()
            reached = int((dying.stdout.read().split() or [killing * PURCHASES + killing])[-1]) + 1

        for number in range(killing * PURCHASES, reached + 1):
            assert isinstance(gateway.charge(order(GOOD, f"r-{number}")), Charged)

    charges = len(list((tmp_path / "charges").glob("*.json")))
    assert gateway.moved_micros() == {"USD": charges * TWO_HUNDRED}


def test_two_attempts_of_a_purchase_are_two_keys(gateway: SandboxGateway) -> None:
    gateway.charge(order(GOOD))

    assert isinstance(gateway.charge(next_attempt(order(GOOD))), Charged)

    assert gateway.moved_micros() == {"USD": 2 * TWO_HUNDRED}
