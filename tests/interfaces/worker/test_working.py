"""The worker in this process: once, its schedule, how its work stands."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from talktime.bootstrap import App, open_channels, open_gateways
from talktime.core.credit.buying.payments import PurchaseKey
from talktime.core.values.errors import Invalid
from talktime.gateways.mail.smtp import SmtpMailer
from talktime.gateways.payments.stripe import StripeGateway
from talktime.interfaces.cli.main import main
from talktime.interfaces.worker.chores import Done
from talktime.interfaces.worker.schedule import SCHEDULE
from talktime.interfaces.worker.slots import TakeSlot, take_slot
from talktime.interfaces.worker.status import show_work
from talktime.interfaces.worker.worker import do_once
from talktime.interfaces.worker.workflows import workflow_id
from talktime.settings import Settings
from talktime.store.work import DuePurchase
from talktime.store.workflow_engine import open_workflow_engine
from tests.engines import on_sqlite
from tests.interfaces.charging.books import audit
from tests.interfaces.worker.shop import AMOUNT_MICROS, Shop

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LOST_CARD = "4000 0000 0000 9987 12/40"


@pytest.fixture
def app(shop: Shop) -> Iterator[App]:
    with App(shop.settings) as opened:
        yield opened


def done_once(app: App) -> dict[str, list[Done]]:
    did = list(do_once(app))
    assert [each.error for each in did] == [""] * len(did)
    return {each.chore: each.done for each in did}


def test_once_charges_what_is_due_and_mails_it_and_then_there_is_nothing_left(shop: Shop, app: App) -> None:
    shop.open(organizations_count=2)
    shop.order(2)

    first, second = done_once(app), done_once(app)

    assert set(first) == {chore.name for chore in SCHEDULE}
    assert [each.what for each in first["charge_purchases"]] == ["purchase_settled"] * 4
    assert [each.what for each in first["deliver_events"]] == ["notice_sent"] * 4
    assert not any(second.values())
    assert shop.books() == (4, 4, 4, 4)
    assert shop.moved_micros() == shop.granted_micros() == 4 * AMOUNT_MICROS
    assert audit(shop.url).is_clean


def test_once_tells_why_a_card_was_not_charged(shop: Shop, app: App) -> None:
    shop.open(card=LOST_CARD)
    shop.order()

    done = done_once(app)

    (failed,) = done["charge_purchases"]
    assert (failed.what, failed.facts["purchase"]) == ("purchase_failed", "order-0")
    assert "lost_card" in str(failed.facts["reason"])
    assert shop.books()[1:] == (0, 0, 1)


def test_one_chore_that_fails_does_not_keep_the_others(shop: Shop, app: App) -> None:
    shop.open()
    shop.order()
    shop.facts.change("ALTER TABLE refunds RENAME TO lost_refunds")

    did = {each.chore: each for each in do_once(app)}

    assert "refunds" in did["pay_refunds"].error
    assert [chore for chore, each in did.items() if each.error] == ["pay_refunds"]
    assert did["charge_purchases"].done[0].what == "purchase_settled"
    assert did["deliver_events"].done[0].what == "notice_sent"


def test_a_mail_that_cannot_be_written_is_told_and_the_purchase_stands(shop: Shop, app: App) -> None:
    shop.open()
    shop.order()
    (shop.data_folder / "sandbox").mkdir(parents=True)
    (shop.data_folder / "mails").write_text("a file where a folder should be")

    done = done_once(app)

    (told,) = done["deliver_events"]
    assert (told.what, told.facts["recipient"]) == ("notice_not_sent", "ada@1.example")
    assert done["charge_purchases"][0].what == "purchase_settled"
    assert shop.granted_micros() == AMOUNT_MICROS


def test_the_work_that_nobody_does_is_overdue(shop: Shop, app: App) -> None:
    shop.open()
    shop.order(3, due_since=timedelta(minutes=3))
    at = datetime.now(UTC)

    before = app.read(show_work, at)
    list(do_once(app))
    after = app.read(show_work, at)

    assert before.waiting["purchases"].rows_count == 3
    assert "purchases" in before.overdue
    assert after.overdue == ()
    assert after.alive == ()


def test_a_worker_that_is_alive_is_shown_until_its_lease_ends(app: App) -> None:
    app.run(take_slot, TakeSlot("here:1", NOON, timedelta(minutes=1)))

    shown = [app.read(show_work, at) for at in (NOON, NOON + timedelta(minutes=1))]

    assert [[slot.holder for slot in each.alive] for each in shown] == [["here:1"], []]
    assert [len(each.slots) for each in shown] == [1, 1]


def test_status_tells_programs_and_people(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TALKTIME_DATABASE", shop.url)
    monkeypatch.setenv("TALKTIME_DATA_FOLDER", str(shop.data_folder))
    shop.open()
    shop.order(due_since=timedelta(minutes=3))

    overdue = main(["worker", "status", "--json"])
    document = json.loads(capsys.readouterr().out)
    worked = main(["worker", "--once", "--json"])
    did = json.loads(capsys.readouterr().out)
    fine = main(["worker", "status"])
    view = capsys.readouterr()

    assert (overdue, worked, fine) == (1, 0, 0)
    assert document["workers"] == []
    assert document["waiting"]["purchases"]["due"] == 1
    assert "purchases" in document["overdue"]
    settled = did["chores"][0]["done"][0]
    assert (settled["what"], settled["amount"], settled["currency"]) == ("purchase_settled", "20.00", "EUR")
    assert "none alive" in view.out
    assert "overdue" not in view.out
    assert "talktime worker" in view.err


def test_a_purchase_has_one_workflow_for_each_attempt_lease_and_minute() -> None:
    due = DuePurchase(PurchaseKey(7, "recharge-3"), attempt=2, fence=4, due_at=NOON)
    later = NOON + timedelta(seconds=59)

    assert workflow_id(due, NOON) == workflow_id(due, later) == "7/recharge-3/2/4/0"
    assert workflow_id(due, NOON + timedelta(minutes=1)) == "7/recharge-3/2/4/1"
    assert workflow_id(due._replace(fence=5), NOON) != workflow_id(due, NOON)
    assert workflow_id(due._replace(attempt=3), NOON) != workflow_id(due, NOON)


def test_a_command_that_needs_no_workflows_does_not_load_dbos() -> None:
    program = (
        "import sys; import talktime.interfaces.cli.worker, talktime.interfaces.worker.worker,"
        " talktime.interfaces.worker.status; sys.exit('dbos' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@on_sqlite
def test_workflows_have_a_file_of_their_own_with_a_clock_that_works(shop: Shop) -> None:
    engine = open_workflow_engine(shop.url)

    with engine.begin() as connection:
        seconds = connection.scalar(text("SELECT unixepoch('subsec')"))
    engine.dispose()

    assert abs(seconds - datetime.now(UTC).timestamp()) < 60
    assert Path(f"{shop.url.removeprefix('sqlite:///')}.workflows").exists()


def test_the_sandbox_and_a_folder_of_mails_are_there_by_default_and_others_where_they_are_set() -> None:
    settings = Settings(stripe_secret_key="sk_test_1", smtp_host="mail.example")

    assert set(open_gateways(Settings())) == {"sandbox"}
    assert isinstance(open_gateways(settings)["stripe"], StripeGateway)
    assert isinstance(open_channels(settings).mailer, SmtpMailer)
    assert "sk_test_1" not in repr(settings)
    with pytest.raises(Invalid, match="tls, starttls, none"):
        open_channels(Settings(smtp_host="mail.example", smtp_security="maybe"))


def test_two_who_work_at_once_do_each_thing_once(shop: Shop, app: App) -> None:
    shop.open(organizations_count=3)
    shop.order(2)
    workers = [threading.Thread(target=lambda: list(do_once(app))) for _ in range(2)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    list(do_once(app))

    assert shop.books() == (6, 6, 6, 6)
    assert shop.moved_micros() == shop.granted_micros()
