"""The form requests of examples/freeswitch, replayed against `talktime serve`; the recipe was not run in FreeSWITCH."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.interfaces.switches.books import BY_THE_SECOND, SECOND_MICROS, Books, Payer
from tests.interfaces.switches.recipes import filled, post
from tests.interfaces.switches.rig import ChargingServer


@pytest.fixture(scope="module")
def recipe(repository: Path) -> str:
    return (repository / "examples/freeswitch/talktime.xml").read_text("utf-8")


@pytest.fixture(scope="module")
def conditions(recipe: str) -> dict[str, str]:
    """What the extensions that read the answer look for, by their name."""
    (started,) = ET.fromstring(recipe).findall("context[@name='prepaid-started']")  # noqa: S314 -- our own file
    extensions = {extension.get("name", ""): extension.find("condition") for extension in started}
    return {name: found.get("expression", "") for name, found in extensions.items() if found is not None}


def test_the_recipe_says_that_it_was_not_run(recipe: str, repository: Path) -> None:
    texts = [recipe, *(path.read_text("utf-8") for path in (repository / "examples/freeswitch").glob("*.[lm][ud]*"))]

    assert len(texts) == 3
    assert all("written from documentation, not run" in text.lower() for text in texts)


def test_an_allowed_call_is_known_with_its_seconds_and_charged_by_milliseconds(
    books: Books, charging_server: ChargingServer, recipe: str, conditions: dict[str, str], repository: Path
) -> None:
    payer = books.payer_with(3 * SECOND_MICROS)

    started = _ask("start", charging_server, recipe, payer, call_id="5b0c-allowed")
    answered = _ask("answer", charging_server, recipe, payer, call_id="5b0c-allowed")
    ended = post(f"{charging_server.url}/v1/calls/end?format=text", _report(repository, _key("5b0c-allowed"), 2.044))

    allowed = re.search(conditions["allowed"], started)
    assert allowed is not None
    assert allowed[1] == "3"
    assert answered == "ok"
    assert ended == "ok 0.03"


def test_a_denied_call_is_known_with_its_sip_code(
    books: Books, charging_server: ChargingServer, recipe: str, conditions: dict[str, str]
) -> None:
    payer = books.payer_with(SECOND_MICROS - 1)

    started = _ask("start", charging_server, recipe, payer, call_id="5b0c-denied")

    assert re.search(conditions["allowed"], started) is None
    denied = re.search(conditions["denied"], started)
    assert denied is not None
    assert denied[1] == "402"


def _ask(operation: str, server: ChargingServer, recipe: str, payer: Payer, *, call_id: str) -> str:
    """Send what mod_curl would send: `curl URL options post FORM`."""
    (found,) = re.findall(rf'\$\$\{{talktime\}}(/v1/calls/{operation}\S*) [^"]*? post ([^"]*)"', recipe)
    path, form = found
    variables = {"talktime_key": _key(call_id), "caller_id_number": payer.number}
    return post(f"{server.url}{path}", filled(form.replace("&amp;", "&").replace("$1", BY_THE_SECOND), variables))


def _key(call_id: str) -> str:
    return f"switch=freeswitch-1&call_id={call_id}"


def _report(repository: Path, key: str, seconds: float) -> str:
    """Fill the format that talktime_end.lua gives to string.format."""
    script = (repository / "examples/freeswitch/talktime_end.lua").read_text("utf-8")
    (template,) = re.findall(r'string\.format\("([^"]*)"', script)
    return str(template % (key, seconds, "bye"))
