"""The worker bills what was used in a month that is over, in its turn among the others."""

from datetime import timedelta

from talktime.bootstrap import App
from talktime.interfaces.worker.worker import do_once
from talktime.settings import Settings
from talktime.usecases.credit.billing.bill_overage import overage_due
from tests.ruling_world import ruling_world


def test_a_turn_of_the_worker_bills_each_month_once(migrated_database_url: str) -> None:
    with App(Settings(database=migrated_database_url)) as app, ruling_world(app, funded=0) as world:
        world.pay_after_use()
        # March and April of 2026 are over, whatever the worker's clock says.
        world.call(7)
        world.tick(days=30)
        world.call(5)

        (billed,) = [each for each in do_once(app) if each.chore == "bill_overage"]
        # Its next tick is an hour later; what it would find then:
        due = app.read(overage_due, world.at + timedelta(days=60))

        assert billed.error == ""
        assert [(done.what, done.facts["month"], done.facts["amount"]) for done in billed.done] == [
            ("overage_billed", "2026-03", "7.00"),
            ("overage_billed", "2026-04", "5.00"),
        ]
        assert due == []
