"""The worker advises anew each month, in its turn among the others."""

from talktime.bootstrap import App
from talktime.interfaces.worker.worker import do_once
from talktime.settings import Settings
from tests.ruling_world import ruling_world


def test_a_turn_of_the_worker_tells_new_advice_once(migrated_database_url: str) -> None:
    with App(Settings(database=migrated_database_url)) as app, ruling_world(app) as world:
        # Six weeks of 2026, long before the worker's clock: then silence, which is usage too.
        for _ in range(30):
            world.call(2)
            world.tick(days=1)

        (first,) = [each for each in do_once(app) if each.chore == "review_advice"]
        again = [each for each in do_once(app) if each.chore == "review_advice"]

        assert first.error == ""
        assert [(done.what, done.facts["reason"]) for done in first.done] == [("funding_advised", "monthly")]
        assert again == []
