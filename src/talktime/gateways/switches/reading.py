"""How the switches are reached: a TOML file with a table for each, named as the switch names itself.

[kamailio-1]
kind = "kamailio"
url = "http://127.0.0.1:5061/RPC"
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from talktime.core.values.errors import Invalid
from talktime.gateways.switches.asterisk import PORT, AsteriskSwitch
from talktime.gateways.switches.http import HttpSwitch
from talktime.gateways.switches.kamailio import KamailioSwitch
from talktime.gateways.switches.nchf import NchfSwitch
from talktime.usecases.ports import SwitchControl

PORT_MAX = 65_535


class KnownSwitch(msgspec.Struct, frozen=True):
    """A switch that can be told: its name, what it is, where it is (never a secret), and by what it is told."""

    name: str
    kind: str
    address: str
    control: SwitchControl


class _Kamailio(msgspec.Struct, tag="kamailio", tag_field="kind", forbid_unknown_fields=True):
    url: str
    token: str = ""


class _Asterisk(msgspec.Struct, tag="asterisk", tag_field="kind", forbid_unknown_fields=True):
    host: str
    user: str
    secret: str
    port: int = PORT


class _Http(msgspec.Struct, tag="http", tag_field="kind", forbid_unknown_fields=True):
    url: str
    token: str = ""


class _Nchf(msgspec.Struct, tag="nchf", tag_field="kind", forbid_unknown_fields=True):
    url: str
    token: str = ""


_Stated = _Kamailio | _Asterisk | _Http | _Nchf


def read_switches(path: Path, *, is_wanted: bool) -> dict[str, KnownSwitch]:
    """Read the file, and return the switches by name; none where there is no file and nobody named one.

    Raise Invalid, with the name of the switch and what is wrong with it; never with a secret.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as failure:
        if not is_wanted:
            return {}
        raise Invalid(f"TALKTIME_SWITCHES names {path}, which is not there", code="switches") from failure
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as failure:
        raise Invalid(f"the switches in {path} cannot be read: {failure}", code="switches") from failure
    return {name: _known(name, table) for name, table in tables.items()}


def _known(name: str, table: Mapping[str, Any]) -> KnownSwitch:
    try:
        stated: _Stated = msgspec.convert(table, _Stated)
        return _MAKERS[type(stated)](name, stated)
    except (msgspec.ValidationError, ValueError) as failure:
        raise Invalid(f"the switch {name!r}: {failure}", code="switches") from failure


def _kamailio(name: str, stated: _Kamailio) -> KnownSwitch:
    return KnownSwitch(name, "kamailio", _address(stated.url), KamailioSwitch(stated.url, _line(stated.token)))


def _http(name: str, stated: _Http) -> KnownSwitch:
    return KnownSwitch(name, "http", _address(stated.url), HttpSwitch(stated.url, _line(stated.token)))


def _nchf(name: str, stated: _Nchf) -> KnownSwitch:
    # To its path's end, so that no host that merely begins alike is meant.
    url = stated.url if urlsplit(stated.url).path else f"{stated.url}/"
    return KnownSwitch(name, "nchf", _address(url), NchfSwitch(url, _line(stated.token)))


def _asterisk(name: str, stated: _Asterisk) -> KnownSwitch:
    if not 0 < stated.port <= PORT_MAX:
        raise ValueError(f"there is no port {stated.port}")
    control = AsteriskSwitch(stated.host, _line(stated.user), _line(stated.secret), stated.port)
    return KnownSwitch(name, "asterisk", f"{stated.host}:{stated.port}", control)


_MAKERS: dict[type, Callable[[str, Any], KnownSwitch]] = {
    _Kamailio: _kamailio,
    _Asterisk: _asterisk,
    _Http: _http,
    _Nchf: _nchf,
}


def _address(url: str) -> str:
    """Return an address without what may be secret in it; raise ValueError for what is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("its url must begin with http:// or https:// and a host")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _line(text: str) -> str:
    """Return a value that stands in a line of a protocol; raise ValueError where it would begin another."""
    if not text.isprintable():
        raise ValueError("user, secret and token may hold printable characters only")
    return text
