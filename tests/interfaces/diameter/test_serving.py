"""Diameter as processes: beside HTTP in `talktime serve`, alone in `talktime diameter`; and another's client."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from diameter.message import constants as c
from diameter.message.avp.grouped import (
    ImsInformation,
    MultipleServicesCreditControl,
    RequestedServiceUnit,
    ServiceInformation,
    UsedServiceUnit,
)
from diameter.message.commands.credit_control import CreditControlAnswer, CreditControlRequest
from diameter.node import Node
from diameter.node.application import SimpleThreadingApplication

from tests.engines import on_postgresql, on_sqlite
from tests.interfaces.charging.asgi import until
from tests.interfaces.charging.books import CALLED, Facts, audit, caller_of, open_books
from tests.interfaces.charging.servers import HOST, STOP_SECONDS_MAX, command, free_port, serving
from tests.interfaces.diameter.kamailio import INITIAL, TERMINATION, UPDATE, Answer, credit_control
from tests.interfaces.diameter.rig import connected

USED = "SELECT used_seconds, cost_micros FROM usage_rows"
ANSWER_SECONDS_MAX = 20


@contextmanager
def independent_client(port: int) -> Iterator[SimpleThreadingApplication]:
    """Connect by somebody else's whole Diameter: connection, handshake, watchdog and codec."""
    node = Node("pgw.test", "test", ip_addresses=[HOST], tcp_port=free_port(), vendor_ids=[10_415])
    application = SimpleThreadingApplication(c.APP_DIAMETER_CREDIT_CONTROL_APPLICATION, is_auth_application=True)
    peer = node.add_peer(f"aaa://ocs.test:{port}", "test", ip_addresses=[HOST], is_persistent=True)
    node.add_application(application, [peer])
    node.start()
    try:
        application.wait_for_ready(ANSWER_SECONDS_MAX)
        yield application
    finally:
        node.stop()


def request(application: SimpleThreadingApplication, kind: int, number: int, used: int | None) -> CreditControlAnswer:
    ccr = CreditControlRequest()
    ccr.session_id = "pgw.test;1;1"
    ccr.origin_host, ccr.origin_realm, ccr.destination_realm = b"pgw.test", b"test", b"test"
    ccr.service_context_id = "32260@3gpp.org"
    ccr.cc_request_type, ccr.cc_request_number = kind, number
    ccr.event_timestamp = datetime.now(UTC)
    ccr.multiple_services_credit_control = [
        MultipleServicesCreditControl(
            requested_service_unit=None if kind == TERMINATION else RequestedServiceUnit(cc_time=10),
            used_service_unit=[] if used is None else [UsedServiceUnit(cc_time=used)],
            rating_group=100,
        )
    ]
    ccr.service_information = ServiceInformation(
        ims_information=ImsInformation(
            node_functionality=0,
            role_of_node=0,
            user_session_id="abc@pgw",
            calling_party_address=[f"tel:+{caller_of(1)}"],
            called_party_address=f"tel:+{CALLED}",
        )
    )
    answer = application.send_request(ccr, timeout=ANSWER_SECONDS_MAX)
    assert isinstance(answer, CreditControlAnswer)
    return answer


@on_sqlite
def test_an_independent_client_makes_a_call_beside_http(url: str, tmp_path: Path) -> None:
    open_books(url)
    port = free_port()

    settings = {"diameter": f"{HOST}:{port}", "diameter_host": "ocs.test", "quantum_seconds": 10}
    with serving(url, tmp_path, **settings) as server:
        with independent_client(port) as client:
            answers = [request(client, INITIAL, 0, None)]
            Facts(url).elapse(11)
            answers += [request(client, UPDATE, 1, 8), request(client, TERMINATION, 2, 3)]
        server.stop()

    assert [answer.result_code for answer in answers] == [2001, 2001, 2001]
    granted = [each.granted_service_unit for answer in answers for each in answer.multiple_services_credit_control]
    assert [units.cc_time for units in granted if units is not None] == [10, 10]
    assert Facts(url).rows(USED) == [(11, 11_000)]
    assert audit(url).is_clean
    assert "Traceback" not in server.said


@contextmanager
def listeners(url: str, log: Path, *listen: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `talktime diameter`, and stop it at the end."""
    asked = [word for each in listen for word in ("--listen", each)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command("diameter", "--database", url, *asked),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "TALKTIME_QUANTUM_SECONDS": "10"},
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STOP_SECONDS_MAX)


def child_of(parent: int, port: int) -> int:
    """Return the process that listens on a port, by what it was started with."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
    (found,) = [pid for pid in children if f":{port}" in Path(f"/proc/{pid}/cmdline").read_text("utf-8")]
    return int(found)


async def ask(port: int, message: bytes) -> Answer:
    """Connect, ask, and part."""
    async with connected(port) as client:
        return Answer(await client.ask(message))


@on_postgresql
def test_listeners_share_a_database_and_one_that_dies_is_started_again(url: str, tmp_path: Path) -> None:
    open_books(url)
    one, other = free_port(), free_port()
    log = tmp_path / "diameter.log"

    async def call(process: "subprocess.Popen[bytes]") -> list[Answer]:
        await until(lambda: log.read_text("utf-8").count("diameter_listens") == 2)
        answers = [await ask(one, credit_control(INITIAL, 0, caller=caller_of(1), called=CALLED, wanted=10))]
        Facts(url).elapse(10)
        answers.append(await ask(other, credit_control(UPDATE, 1, wanted=10, used=8)))
        os.kill(child_of(process.pid, one), signal.SIGKILL)
        await until(lambda: log.read_text("utf-8").count("diameter_listens") == 3)
        return [*answers, await ask(one, credit_control(TERMINATION, 2, wanted=None, used=2))]

    with listeners(url, log, f"{HOST}:{one}", f"ocs2.test={HOST}:{other}") as process:
        answers = asyncio.run(call(process))
        process.terminate()
        code = process.wait(STOP_SECONDS_MAX)

    assert code == 0
    assert [answer.result for answer in answers] == [2001, 2001, 2001]
    assert answers[1].one(c.AVP_ORIGIN_HOST) == "ocs2.test"
    assert Facts(url).rows(USED) == [(10, 10_000)]
    assert audit(url).is_clean
    assert "Traceback" not in log.read_text("utf-8")
