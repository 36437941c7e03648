"""What tests of switches may ask for: books, a charging server, Kamailio on the shipped configuration, and phones."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interfaces.switches import sip_programs
from tests.interfaces.switches.books import Books
from tests.interfaces.switches.rig import ChargingServer, Kamailio, KamailioRo, Phones, RoTerms, Switch

# Small, so that a call is extended within seconds; the grace covers the seconds that a busy machine loses.
QUANTUM_SECONDS = 9
TERMS = {
    "TALKTIME_QUANTUM_SECONDS": str(QUANTUM_SECONDS),
    "TALKTIME_RECHECK_MARGIN_SECONDS": "7",
    "TALKTIME_OVERRUN_GRACE_SECONDS": "10",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs write what they say."""
    return tmp_path_factory.mktemp("switch")


@pytest.fixture(scope="module")
def terms() -> dict[str, str]:
    """What the charging server is told by its environment."""
    return TERMS


@pytest.fixture(scope="module")
def database_of_the_switch(folder: Path, sqlite_template: Path) -> str:
    return f"sqlite:///{shutil.copyfile(sqlite_template, folder / 'talktime.db')}"


@pytest.fixture(scope="module")
def books(database_of_the_switch: str) -> Iterator[Books]:
    books = Books(database_of_the_switch)
    books.publish_rates()
    yield books
    books.close()


@pytest.fixture(scope="module")
def charging_server(
    folder: Path, database_of_the_switch: str, books: Books, terms: dict[str, str]
) -> Iterator[ChargingServer]:
    server = ChargingServer(database_of_the_switch, folder, terms)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def sip_programs_installed() -> None:
    """Skip, with the reason, where this machine has neither Kamailio nor SIPp and may not install them."""
    try:
        sip_programs.require()
    except sip_programs.Absent as reason:
        pytest.skip(f"no switch to test with: {reason}")


@pytest.fixture(scope="module")
def kamailio(
    folder: Path, repository: Path, charging_server: ChargingServer, sip_programs_installed: None
) -> Iterator[Kamailio]:
    kamailio = Kamailio(repository / "examples/kamailio/kamailio-http.cfg", charging_server.url, folder)
    kamailio.start()
    yield kamailio
    kamailio.stop()


@pytest.fixture(scope="module")
def ro_terms() -> RoTerms:
    return RoTerms()


@pytest.fixture(scope="module")
def kamailio_ro(
    folder: Path, repository: Path, charging_server: ChargingServer, sip_programs_installed: None, ro_terms: RoTerms
) -> Iterator[KamailioRo]:
    kamailio = KamailioRo(repository / "examples/kamailio", charging_server.diameter_port, folder, ro_terms)
    kamailio.start()
    yield kamailio
    kamailio.stop()


@pytest.fixture
def phones(kamailio: Kamailio, folder: Path) -> Iterator[Phones]:
    yield from _phones(kamailio, folder)


@pytest.fixture
def ro_phones(kamailio_ro: KamailioRo, folder: Path) -> Iterator[Phones]:
    yield from _phones(kamailio_ro, folder)


def _phones(switch: Switch, folder: Path) -> Iterator[Phones]:
    phones = Phones(switch, folder)
    yield phones
    phones.hang_up()
    switch.check_alive()
    # Shown by pytest where the test has failed.
    print(switch.last_words())
