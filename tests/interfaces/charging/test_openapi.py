"""The description says what the doors are asked and answer: by the code's own tables, and by schemathesis."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from talktime.core.calls.calls import SUBCODES, CallKind, DenialReason, PaysFrom
from talktime.core.values.errors import Unavailable
from talktime.interfaces.charging import describing, reading, writing
from talktime.interfaces.charging.observing import PATHS
from talktime.interfaces.nchf import door as nchf_door
from talktime.interfaces.nchf import writing as nchf_writing
from talktime.store.engine import create_schema
from tests.interfaces.charging.books import Facts, audit, open_books, units
from tests.interfaces.charging.servers import HOST, serving

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# Of what a whole run of `make test` may take; the generators need most of it, not the server.
SHORT = ("--seed", "1", "--max-examples", "3")
LONG_SECONDS = os.environ.get("TALKTIME_FUZZ_SECONDS", "300")
LONG_PATIENCE_SECONDS = 600

LOOKED_UP = ("explain", "conference", "end_conference")
ENDS = ("update", "release")

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    return describing.description("talktime.interfaces.nchf")


@pytest.fixture(scope="module")
def schemas(document: Document) -> Document:
    found: Document = document["components"]["schemas"]
    return found


def test_every_operation_is_described_and_nothing_else(document: Document) -> None:
    charged = {f"/v1/calls/{operation}" for operation in (*reading.KNOWN_FIELDS, "batch", *LOOKED_UP)}
    sessions = {f"{nchf_door.COLLECTION}{rest}" for rest in ("", *(f"/{{ChargingDataRef}}/{each}" for each in ENDS))}

    assert set(document["paths"]) == charged | sessions | PATHS | {describing.PATH}
    assert {method for path in charged | sessions for method in document["paths"][path]} == {"post"}
    assert {method for path in PATHS for method in document["paths"][path]} == {"get"}


def test_every_answer_that_stands_in_a_table_is_described(schemas: Document) -> None:
    denial, grant = schemas["Denial"]["properties"], schemas["Grant"]["properties"]

    assert set(schemas["Reason"]["enum"]) == {reason.value for reason in DenialReason}
    assert set(denial["sip_code"]["enum"]) == {refusal.sip_code for refusal in writing.REFUSALS.values()}
    assert set(denial["subcode"]["enum"]) == set(SUBCODES.values())
    assert set(schemas["PaysFrom"]["enum"]) == {each.value for each in PaysFrom}
    assert grant["result"] == {"const": "allow"}


def test_every_kind_of_call_is_described(schemas: Document) -> None:
    stated = {kind.value for kind in CallKind} - {CallKind.EMERGENCY_OUT.value}
    explained = schemas["Explanation"]["allOf"][1]["properties"]["kind"]["enum"]

    assert set(schemas["Kind"]["enum"]) == stated | {"", None}
    assert set(explained) == {kind.value for kind in CallKind}


def test_every_code_of_an_error_is_described_and_no_other(schemas: Document, repository: Path) -> None:
    raising = ("interfaces/charging/door", "interfaces/charging/reading", "group_commit", "usecases/calls/explain_call")
    written = "".join((repository / f"src/talktime/{name}.py").read_text("utf-8") for name in raising)

    # Beside what is raised by name: what is raised without one, and what the door itself answers.
    others = {Unavailable.code, "method_not_allowed", "internal"}
    assert set(schemas["Error"]["properties"]["code"]["enum"]) == set(re.findall(r'code="(\w+)"', written)) | others


def test_every_code_and_cause_of_the_nchf_door_is_described(schemas: Document) -> None:
    told = {refusal.result_code for refusal in nchf_writing.REFUSALS.values()}
    causes = {refusal.cause for refusal in nchf_writing.REFUSALS.values()} | set(nchf_writing.CAUSES.values())
    fixed = {"RESOURCE_URI_STRUCTURE_NOT_FOUND", "METHOD_NOT_ALLOWED", "NF_CONGESTION", "SYSTEM_FAILURE"}

    assert set(schemas["ResultCode"]["enum"]) == told | {nchf_writing.SUCCESS, nchf_writing.NOT_APPLICABLE}
    assert set(schemas["Cause"]["enum"]) == causes | fixed


def test_every_schema_is_one_and_every_reference_leads_somewhere(document: Document, schemas: Document) -> None:
    for name in schemas:
        Draft202012Validator({"components": document["components"], "$ref": f"#/components/schemas/{name}"})

    for target in _references(document):
        place: Any = document
        for step in target.removeprefix("#/").split("/"):
            place = place[step]


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for each in node for found in _references(each)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for value in node.values() for found in _references(value)]


def test_every_example_keeps_to_its_schema(document: Document) -> None:
    examples = [
        (content["schema"], content["example"])
        for body in _bodies(document)
        for content in body["content"].values()
        if "example" in content
    ]

    for schema, example in examples:
        Draft202012Validator({"components": document["components"], **schema}).validate(example)
    assert len(examples) == 9


def _bodies(document: Document) -> list[Document]:
    named = list(document["components"]["requestBodies"].values())
    return named + [
        operation["requestBody"]
        for path in document["paths"].values()
        for operation in path.values()
        if "$ref" not in operation.get("requestBody", {"$ref": ""})
    ]


def test_nothing_is_described_twice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="described twice"):
        describing.description("talktime.interfaces.charging")


def test_the_server_hands_its_description_out_and_keeps_to_it(tmp_path: Path) -> None:
    _keeps_to_its_description(tmp_path, *SHORT)


@pytest.mark.proof
@pytest.mark.timeout(int(LONG_SECONDS) + LONG_PATIENCE_SECONDS)
def test_fuzzed_for_minutes_the_doors_keep_to_their_description(tmp_path: Path) -> None:
    _keeps_to_its_description(tmp_path, "--max-time", LONG_SECONDS, "--workers", "2")


def _keeps_to_its_description(folder: Path, *arguments: str) -> None:
    """Let schemathesis ask a server on SQLite whatever it likes; afterwards the books must be right."""
    url = f"sqlite:///{folder / 'talktime.db'}"
    create_schema(url)
    open_books(url, granted_micros=units(1_000_000))
    with serving(url, folder) as server:
        address = f"http://{HOST}:{server.port}{describing.PATH}"
        program = [
            str(Path(sys.executable).with_name("schemathesis")),
            "--no-color",
            "--config-file",
            str(CONFIGURATION),
        ]
        ran = subprocess.run(
            [*program, "run", address, *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
        said = server.said

    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert [line for line in said.splitlines() if json.loads(line)["level"] == "error"] == []
    assert Facts(url).one("SELECT count(*) FROM calls") > 0
    assert audit(url).is_clean
