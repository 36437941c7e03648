"""From settings to a listener that charges: who we are, whom we let in, where we listen."""

import socket
import time
from collections.abc import Callable

from talktime.core.values.errors import Invalid
from talktime.emergencies import EmergencyCalls, Spool
from talktime.group_commit import GroupCommitter
from talktime.interfaces.diameter.answering import CreditControlDoor
from talktime.interfaces.diameter.events import Events, Explain
from talktime.interfaces.diameter.peer import PeerTerms
from talktime.interfaces.diameter.profiles import read_profiles
from talktime.interfaces.diameter.server import Address, DiameterListener
from talktime.interfaces.diameter.translating import AnswerWriter, Identity
from talktime.settings import Settings

PORT_MAX = 65_535

OpenListener = Callable[[GroupCommitter, Explain], DiameterListener]


def opener(settings: Settings, *, is_shared: bool = False) -> OpenListener:
    """Return what opens the listener of the settings beside a committer; raise Invalid for what cannot be read.

    Processes that share an address have connections dealt out to them by the kernel.
    """
    addresses = read_addresses(settings.diameter)
    known = frozenset(filter(None, (host.strip().lower() for host in settings.diameter_peers.split(","))))
    terms = PeerTerms(
        identity_of(settings), known, read_profiles(settings.diameter_profiles), settings.diameter_watchdog_seconds
    )

    def open_listener(committer: GroupCommitter, explain: Explain) -> DiameterListener:
        writer = AnswerWriter(terms.identity, settings.ring_timeout_seconds)
        events = Events(committer, explain, writer, settings.quantum_seconds)
        spool = Spool(settings.emergencies_folder)
        emergencies = EmergencyCalls(committer, settings.charging_terms.emergency_countries, spool)
        door = CreditControlDoor(committer, events, emergencies, writer)
        return DiameterListener(addresses, terms, door, is_shared=is_shared)

    return open_listener


def identity_of(settings: Settings) -> Identity:
    """Return who we are to our peers: by default this machine's name, and of it what follows the first dot."""
    host = settings.diameter_host or socket.gethostname()
    return Identity(host, settings.diameter_realm or host.partition(".")[2] or host, int(time.time()))


def read_addresses(text: str) -> tuple[Address, ...]:
    """Read `host:port, [::1]:port`; raise Invalid."""
    return tuple(_address(entry.strip()) for entry in text.split(",") if entry.strip())


def _address(entry: str) -> Address:
    host, colon, port = entry.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) <= PORT_MAX):
        message = f"{entry!r} is no address for Diameter: write host:port, such as 127.0.0.1:3868"
        raise Invalid(message, code="settings")
    return Address(host, int(port))
