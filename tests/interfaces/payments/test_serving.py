"""A webhook at the real server: signed by the sandbox, noted in the books, answered as the door says."""

from pathlib import Path

import httpx2

from talktime.bootstrap import App
from talktime.core.credit.buying.payments import PurchaseKey
from talktime.gateways.payments.sandbox import SIGNATURE_HEADER, SandboxGateway
from talktime.settings import Settings
from talktime.usecases.credit.paying.charge_purchases import At, lease
from tests.interfaces.charging.servers import serving
from tests.recharge_world import NOON, ORGANIZATION_ID, RechargeWorld


def test_a_charge_that_only_the_webhook_tells_becomes_credit_once(migrated_database_url: str, tmp_path: Path) -> None:
    with App(Settings(database=migrated_database_url)) as app:
        world = RechargeWorld(app, tmp_path)
        world.recharge_on(trigger=50, amount=200)
        world.spend(60)
        leased = app.run(lease, At(PurchaseKey(ORGANIZATION_ID, "recharge-1"), world.at))
        assert leased is not None
        world.gateway.charge(leased.order)
        world.close()
        # By the real clock, as the server's is: an old signature is refused.
        (event,) = SandboxGateway(tmp_path / "sandbox").events_since(NOON)

        with serving(migrated_database_url, tmp_path, data_folder=tmp_path) as server:
            url = f"http://127.0.0.1:{server.port}/v1/gateways/sandbox/events"
            first, again = (httpx2.post(url, content=event.body, headers=dict(event.headers)) for _ in range(2))
            forged = httpx2.post(url, content=event.body, headers={SIGNATURE_HEADER: "t=1,v1=00"})
            nowhere = httpx2.post(url.replace("sandbox", "nobody"), content=event.body)

        assert (first.status_code, first.json()) == (200, {"result": "noted"})
        assert (again.status_code, again.json()) == (200, {"result": "known"})
        assert (forged.status_code, nowhere.status_code) == (401, 404)
        assert world.available_units == 240
