"""What Graph lacks: balance, lots, recharges and pools, to the micro-unit, as the command line tells them."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.credit.buying.payments import PurchaseKey
from talktime.core.organizations.licenses import License
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from talktime.usecases.credit.paying.charge_purchases import At, lease
from tests.interfaces.graph.world import Fields, GraphAnswer, admit, fill, found, reading
from tests.recharge_world import ORGANIZATION_ID, RechargeWorld

CREDITS = "/v1.0/communications/credits"


def test_the_balance_and_the_lots_are_those_of_the_command_line(
    migrated_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(migrated_database_url)
    whose = ("--organization", "Acme", "--database", migrated_database_url, "--json")

    balance, by_one, lots = _read(migrated_database_url, "Acme", "balance", "lots?$top=1", "lots")

    capsys.readouterr()
    main(["credit", "balance", *whose])
    told = json.loads(capsys.readouterr().out, parse_float=Decimal)
    main(["credit", "lots", *whose])
    told_lots = json.loads(capsys.readouterr().out)["lots"]
    for name in ("posted", "held", "available", "receivable", "lapsed"):
        assert balance[name] == Decimal(told[name])
    assert (balance["organization"], balance["currency"], balance["pending"]) == ("Acme", "GBP", 0)
    assert balance["nextExpiry"]["amount"] == Decimal(told["next_expiry"]["amount"])
    assert by_one["value"] == lots["value"]
    assert len(lots["value"]) == 2
    for lot, other in zip(lots["value"], sorted(told_lots, key=lambda each: int(each["lot"])), strict=True):
        assert (lot["id"], lot["reference"], lot["kind"]) == (str(other["lot"]), other["reference"], other["kind"])
        for name in ("granted", "spent", "held", "expired", "refunded", "disputed", "available"):
            assert lot[name] == Decimal(other[name])
        assert lot["expirationDateTime"] == other["expires_at"]


def test_recharges_are_told_whatever_became_of_them(migrated_database_url: str, tmp_path: Path) -> None:
    with App(Settings(database=migrated_database_url)) as app:
        world = RechargeWorld(app, tmp_path)
        world.recharge_on(trigger=50, amount=200)
        world.spend(60)
        world.work()
        world.spend(200)
        app.run(lease, At(PurchaseKey(ORGANIZATION_ID, "recharge-2"), world.at))
        world.close()

    balance, by_one, recharges = _read(migrated_database_url, "Acme", "balance", "recharges?$top=1", "recharges")

    newest, first = recharges["value"]
    assert by_one["value"] == recharges["value"]
    assert (newest["state"], newest["closedDateTime"], newest["lotId"]) == ("charging", None, None)
    assert (first["state"], first["cause"], first["amount"]) == ("settled", "recharge", 200)
    assert first["lotId"] is not None
    assert balance["pending"] == newest["amount"] == 200
    assert [each["id"] for each in balance["pendingPurchases"]] == [newest["id"]]


def test_the_pools_of_a_month_are_told(migrated_database_url: str) -> None:
    fill(migrated_database_url)

    def license_(tx: Transaction, _: None) -> None:
        tx.organizations.set_licenses(1, [1], License.PHONE_SYSTEM | License.DOMESTIC_120_NOT_POOLED)
        tx.organizations.set_licenses(1, [2], License.PHONE_SYSTEM | License.DOMESTIC_AND_INTERNATIONAL)
        tx.arrangements.recount(1)

    with App(Settings(database=migrated_database_url)) as app:
        app.run(license_, None)

    march, now = _read(migrated_database_url, "Acme", "pools?month=2026-03", "pools")

    domestic, international, own = march["value"]
    assert (domestic["counter"], international["counter"], own["counter"]) == ("domestic", "international", "own")
    assert (domestic["month"], domestic["renewsOn"], domestic["countryCode"]) == ("2026-03", "2026-04-01", "GB")
    assert domestic["availableMinutes"] == domestic["totalMinutes"] - domestic["usedMinutes"] > 0
    assert (own["totalMinutes"], own["availableMinutes"]) == (120, None)
    assert {each["month"] for each in now["value"]} == {f"{datetime.now(UTC):%Y-%m}"}


def test_of_an_organization_without_anything_nothing_is_told(migrated_database_url: str) -> None:
    found(migrated_database_url)

    balance, lots, recharges, pools = _read(migrated_database_url, "Fabrikam", "balance", "lots", "recharges", "pools")

    assert (balance["available"], balance["nextExpiry"], balance["pendingPurchases"]) == (0, None, [])
    assert lots["value"] == recharges["value"] == pools["value"] == []


def _read(url: str, organization: str, *names: str) -> list[Fields]:
    """Return each resource, all pages of a collection in one."""
    program = admit(url, organization)

    async def read() -> list[Fields]:
        async with reading(url) as door:
            token = await door.token(program)
            found = []
            for name in names:
                fields = _exact(await door.get(f"{CREDITS}/{name}", token=token))
                following = fields.get("@odata.nextLink")
                while following:
                    page = _exact(await door.get(following, token=token))
                    fields["value"] += page["value"]
                    following = page.get("@odata.nextLink")
                found.append(fields)
            return found

    return asyncio.run(read())


def _exact(answer: GraphAnswer) -> Fields:
    assert answer.status == 200, answer.body
    fields: Fields = json.loads(answer.body, parse_float=Decimal)
    return fields
