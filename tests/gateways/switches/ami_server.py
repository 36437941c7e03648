"""A small Asterisk of the tests: it speaks AMI as Asterisk 20 does, over a real socket, with events between answers.

What it answers follows the manager's source and documentation; no Asterisk can be installed where the tests run.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

BANNER = b"Asterisk Call Manager/9.0.0\r\n"
USER, SECRET = "talktime", "s3cret"


class Channel(NamedTuple):
    """A channel by its name, and the ids that it bears."""

    name: str
    uniqueid: str
    linkedid: str


@dataclass
class FakeAsterisk:
    """`channels` are up; `says` replaces the answer to an action by raw bytes, empty for none at all."""

    port: int = 0
    banner: bytes = BANNER
    channels: list[Channel] = field(default_factory=list)
    says: dict[str, bytes] = field(default_factory=dict)
    # Closes the connection after having answered so.
    hangs_up_after: str = ""
    heard: list[dict[str, str]] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    connections_count: int = 0

    def serve(self, connection: socket.socket) -> None:
        self.connections_count += 1
        connection.sendall(self.banner)
        with connection, connection.makefile("rb") as lines:
            while (action := _read(lines)) is not None:
                self.heard.append(action)
                name = action.get("Action", "")
                connection.sendall(_event("FullyBooted", Status="Fully Booted"))
                connection.sendall(self.says[name] if name in self.says else self._answer(name, action))
                connection.sendall(_event("VarSet", Variable="RTPAUDIOQOS", Value="ssrc: 1"))
                if name in {"Logoff", self.hangs_up_after}:
                    return

    def _answer(self, name: str, action: dict[str, str]) -> bytes:
        action_id = action["ActionID"]
        match name:
            case "Login":
                if (action["Username"], action["Secret"]) != (USER, SECRET):
                    return _response("Error", action_id, "Authentication failed")
                return _response("Success", action_id, "Authentication accepted")
            case "Status":
                return self._status(action["Channel"], action_id)
            case "Hangup":
                return self._hang_up(action["Channel"], action_id)
            case "Logoff":
                return _response("Goodbye", action_id, "Thanks for all the fish.")
        return _response("Error", action_id, "Invalid/unknown command")

    def _find(self, name: str) -> Channel | None:
        """Asterisk finds a channel by its name and, failing that, by its unique id."""
        return next((each for each in self.channels if name in {each.name, each.uniqueid}), None)

    def _status(self, name: str, action_id: str) -> bytes:
        found = self._find(name)
        if found is None:
            return _response("Error", action_id, "No such channel")
        ids = {"Uniqueid": found.uniqueid, "Linkedid": found.linkedid, "ActionID": action_id}
        return (
            _response("Success", action_id, "Channel status will follow", EventList="start")
            + _event("Newexten", Channel="PJSIP/somebody-00000001", Uniqueid="1.1")
            + _event("Status", Channel=found.name, ChannelStateDesc="Up", **ids)
            + _event("StatusComplete", ActionID=action_id, EventList="Complete", ListItems="1", Items="1")
        )

    def _hang_up(self, name: str, action_id: str) -> bytes:
        # As Asterisk: what stands between slashes is a regular expression over all channels.
        assert not name.startswith("/"), "this would have hung up everybody"
        found = self._find(name)
        if found is None:
            return _response("Error", action_id, "No such channel")
        self.channels.remove(found)
        self.hung_up.append(found.name)
        # The event comes before the response, as it may.
        return _event("Hangup", Channel=found.name, Cause="16") + _response("Success", action_id, "Channel Hungup")


@contextmanager
def open_asterisk(**settings: object) -> Iterator[FakeAsterisk]:
    """Serve on a port of its own until the end, one thread for each connection."""
    asterisk = FakeAsterisk(**settings)  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asterisk.port = listener.getsockname()[1]
        open_connections: list[socket.socket] = []
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                open_connections.append(connection)
                threads.append(threading.Thread(target=_quietly, args=(asterisk, connection)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield asterisk
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for connection in open_connections:
                _shut(connection)
            for thread in threads:
                thread.join()


def _quietly(asterisk: FakeAsterisk, connection: socket.socket) -> None:
    try:
        asterisk.serve(connection)
    except OSError:
        # Whoever asked has gone, as one does that has waited long enough.
        return


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _read(lines: "socket.SocketIO | object") -> dict[str, str] | None:
    action: dict[str, str] = {}
    for line in lines:  # type: ignore[attr-defined]
        text = line.decode().rstrip("\r\n")
        if not text:
            return action
        name, _, value = text.partition(": ")
        assert name not in action, f"the field {name} was sent twice"
        action[name] = value
    return None


def _response(kind: str, action_id: str, message: str, **more: str) -> bytes:
    return _message(Response=kind, ActionID=action_id, **more, Message=message)


def _event(name: str, **more: str) -> bytes:
    return _message(Event=name, Privilege="call,all", **more)


def _message(**fields: str) -> bytes:
    return ("".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n").encode()
