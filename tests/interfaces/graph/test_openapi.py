"""The description says what the door answers: every resource is in it, and whatever is answered keeps to it."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from talktime.bootstrap import App
from talktime.core.insight.access.applications import SCOPE_NAMES, scope_names
from talktime.interfaces.graph import errors, paths
from talktime.interfaces.graph.resources import RESOURCES
from talktime.settings import Settings
from talktime.usecases.organizations.policies.block_users import BlockUser, block_user
from tests.interfaces.graph.world import FROM, TO, GraphAnswer, Program, admit, fill, form, reading
from tests.recharge_world import RechargeWorld

FUNCTION = "(fromDateTime={fromDateTime},toDateTime={toDateTime})"
TOKEN = f"/{{tenant}}{paths.TOKEN_SUFFIX}"

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(repository: Path) -> Document:
    read: Document = json.loads((repository / "src/talktime/interfaces/graph/openapi.json").read_text("utf-8"))
    return read


def test_every_resource_is_described_and_nothing_else(document: Document) -> None:
    described = {
        path: {name for each in item["get"]["security"] for name in each["bearer"]}
        for path, item in document["paths"].items()
        if path.startswith(("/v1.0/communications", "/beta/"))
    }

    wanted = {
        f"/{version}/{name}{FUNCTION if 'callRecords' in name else ''}": set(scope_names(resource.scopes))
        for name, resource in RESOURCES.items()
        for version in resource.versions
    }
    assert described == wanted
    others = {TOKEN, f"/{{tenant}}{paths.DISCOVERY_SUFFIX}", paths.DESCRIPTION_PATH}
    assert set(document["paths"]) == set(wanted) | others
    flow = document["components"]["securitySchemes"]["bearer"]["flows"]["clientCredentials"]
    assert set(flow["scopes"]) == set(SCOPE_NAMES.values())
    codes = document["components"]["schemas"]["error"]["properties"]["error"]["properties"]["code"]["enum"]
    assert set(codes) == set(errors.CODES.values())


def test_every_reference_leads_somewhere(document: Document) -> None:
    for target in _references(document):
        place: Any = document
        for step in target.removeprefix("#/").split("/"):
            place = place[step]


def test_whatever_is_answered_keeps_to_the_description(
    document: Document, migrated_database_url: str, tmp_path: Path
) -> None:
    fill(migrated_database_url)
    program = admit(migrated_database_url, "Acme")
    with App(Settings(database=migrated_database_url)) as app:
        app.run(block_user, BlockUser("Acme", "bob@acme.example", "Calls at night", datetime(2026, 3, 9, tzinfo=UTC)))

    answers = asyncio.run(_every(document, migrated_database_url, program))

    rows = {path: _kept(document, path, answer) for path, answer in answers.items()}
    empty = {path.rpartition("/")[2].partition("(")[0] for path, count in rows.items() if count == 0}
    assert empty == {"getSmsLog", "recharges", "pools"}


def test_recharges_keep_to_the_description_too(document: Document, migrated_database_url: str, tmp_path: Path) -> None:
    with App(Settings(database=migrated_database_url)) as app:
        world = RechargeWorld(app, tmp_path)
        world.recharge_on(trigger=50, amount=200)
        world.spend(60)
        world.work()
        world.close()

    answers = asyncio.run(_every(document, migrated_database_url, admit(migrated_database_url, "Acme")))

    assert (
        _kept(document, "/v1.0/communications/credits/recharges", answers["/v1.0/communications/credits/recharges"])
        == 1
    )


def test_refusals_and_tokens_keep_to_the_description(
    document: Document, sqlite_world: str, sqlite_token: Program
) -> None:
    async def ask() -> dict[str, GraphAnswer]:
        async with reading(sqlite_world) as door:
            endpoint = f"/1{paths.TOKEN_SUFFIX}"
            token = await door.token(sqlite_token)
            return {
                "token": await door.post(endpoint, form(sqlite_token)),
                "tokenError": await door.post(endpoint, {}),
                "error": await door.get("/v1.0/users", token=token),
                "description": await door.get(paths.DESCRIPTION_PATH),
            }

    answers = asyncio.run(ask())

    assert answers.pop("description").fields == document
    for name, answer in answers.items():
        _validator(document, {"$ref": f"#/components/schemas/{name}"}).validate(answer.fields)


async def _every(document: Document, url: str, program: Program) -> dict[str, GraphAnswer]:
    async with reading(url) as door:
        token = await door.token(program)
        found = {}
        for path in document["paths"]:
            if path.startswith(("/v1.0/communications", "/beta/")):
                address = path.replace("{fromDateTime}", FROM).replace("{toDateTime}", TO)
                found[path] = await door.get(address, token=token)
        return found


def _kept(document: Document, path: str, answer: GraphAnswer) -> int:
    """Return how many rows there are that keep to the schema of their path, 1 for what is no collection."""
    assert answer.status == 200, answer.body
    response = document["paths"][path]["get"]["responses"]["200"]
    _validator(document, response["content"]["application/json"]["schema"]).validate(answer.fields)
    return len(answer.fields.get("value", [0]))


def _validator(document: Document, schema: Document) -> Draft202012Validator:
    return Draft202012Validator({"components": document["components"], **schema}, validate_formats=True)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
