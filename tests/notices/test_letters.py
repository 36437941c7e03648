"""What a mail says: what happened, why, the amounts and what to do; whole without any one of the details."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from talktime.core.credit.recharging.recharge import HoldBackReason, PauseReason
from talktime.core.organizations import deliveries, notices
from talktime.core.organizations.deliveries import Notice
from talktime.core.organizations.notices import Addressee, Channel
from talktime.core.organizations.users import Role
from talktime.core.values.events import Event, EventKind
from talktime.notices import envelope
from talktime.notices.catalogs import LOCALES
from talktime.notices.letters import recharges, reminders
from talktime.notices.writing import ROLES, Writer, title_of
from tests.notices.writing import AT, NORTHWIND, example, mail, notice

LANGUAGES = tuple(LOCALES)
CALLS_GO_ON = "Calls go on until the balance is used up."


def without(event: Event, *names: str) -> Event:
    return replace(event, details=tuple(pair for pair in event.details if pair[0] not in names))


def with_detail(event: Event, name: str, value: str) -> Event:
    return replace(event, details=(*without(event, name).details, (name, value)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", EventKind)
def test_every_event_is_told_in_every_language_with_and_without_each_detail(kind: EventKind, language: str) -> None:
    whole = example(kind)
    names = [name for name, _ in whole.details]

    for event in (whole, *(without(whole, name) for name in names), without(whole, *names)):
        written = mail(event, language)

        assert written.subject.strip()
        for text in (written.subject, written.text, written.html):
            assert not re.search(r"%\(|%%|None|\{\{", text)
        assert "  \n" not in written.text.replace("-- \n", "")
        assert " ." not in written.text
        assert " :" not in written.text


@pytest.mark.parametrize("kind", EventKind)
def test_a_detail_that_cannot_be_read_is_left_out_and_breaks_nothing(kind: EventKind) -> None:
    broken = example(kind)
    for name in notices.DETAILS[kind]:
        broken = with_detail(broken, name, "\N{PILE OF POO} 2026-13-45")

    assert mail(broken).subject


def test_a_recharge_that_succeeded_says_how_much_how_it_was_paid_and_when_it_expires() -> None:
    written = mail(example(EventKind.RECHARGE_SUCCEEDED))

    assert written.subject == "Recharge of $200.00 succeeded: Communications Credits, Northwind"
    for part in ("Charged: $216.00", "Visa •••• 4242", "INV-2026-0042", "below $50.00", "Balance: $218.42"):
        assert part in written.text


def test_a_recharge_that_failed_says_why_when_it_is_tried_again_and_what_to_do() -> None:
    written = mail(example(EventKind.RECHARGE_FAILED))

    assert "The card has expired." in written.text
    assert "Next attempt: March 1, 2026, 10:30\u202fAM (UTC-5)" in written.text
    assert "talktime payment-methods add" in written.text
    assert "1 of 4" in written.text


def test_a_failure_that_pauses_the_recharge_tells_both_in_one_mail() -> None:
    event = with_detail(without(example(EventKind.RECHARGE_FAILED), "next_attempt_at"), "consequence", "paused")

    written = mail(event)

    assert "Automatic recharge is paused" in written.text
    assert "tried again" not in written.text


def test_a_decline_without_a_known_code_is_told_in_the_gateways_words() -> None:
    event = with_detail(with_detail(example(EventKind.RECHARGE_FAILED), "code", "odd_code"), "reason", "Do not honor")

    assert "Visa •••• 4242 was declined: Do not honor" in mail(event).text


def test_no_mail_says_that_calls_go_on_while_they_do_not() -> None:
    kinds = (EventKind.RECHARGE_FAILED, EventKind.RECHARGE_PAUSED, EventKind.RECHARGE_DELAYED)
    for kind in (*kinds, EventKind.AUTHENTICATION_NEEDED, EventKind.RECHARGE_HELD_BACK):
        assert CALLS_GO_ON in mail(example(kind)).text
        assert CALLS_GO_ON not in mail(replace(example(kind), balance_micros=0)).text


def test_what_changed_in_the_settings_is_shown_before_and_after() -> None:
    text = mail(example(EventKind.RECHARGE_SET)).text

    assert "Automatic recharge was turned on" in text
    assert "Trigger amount: $50.00 → $100.00" in text
    assert "Limit for a month: $2,000.00 → –" in text


def test_settings_that_changed_without_being_switched_are_not_said_to_be_on() -> None:
    event = without(example(EventKind.RECHARGE_SET), "is_on")

    assert title_of(notice(event)) == "The settings of automatic recharge were changed"


def test_the_button_leads_to_the_bank_and_only_where_a_browser_may_go() -> None:
    asked = example(EventKind.AUTHENTICATION_NEEDED)

    assert 'href="https://bank.example/confirm"' in mail(asked).html
    assert "javascript" not in mail(with_detail(asked, "url", "javascript:alert(1)")).html


def test_the_portal_is_where_other_buttons_lead() -> None:
    writer = Writer("talktime.example", "https://portal.example")

    written = writer.mail(notice(example(EventKind.BALANCE_LOW)))

    assert 'href="https://portal.example"' in written.html
    assert "Open Talktime: https://portal.example" in written.text


def test_names_that_people_chose_cannot_become_markup() -> None:
    organization = replace(NORTHWIND, name="<script>alert(1)</script> & Sons")

    written = mail(example(EventKind.BALANCE_LOW), organization=organization)

    assert "<script>" not in written.html
    assert "&lt;script&gt;" in written.html
    assert "<script>alert(1)</script> & Sons" in written.subject


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_well_formed_says_its_language_and_works_in_the_dark(language: str) -> None:
    html = mail(example(EventKind.RECHARGE_FAILED), language).html
    page = _Page()

    page.feed(html)

    assert page.open == []
    assert f'<html lang="{language}">' in html
    assert "prefers-color-scheme: dark" in html
    assert "viewport" in html
    assert "http" not in html.replace("https://bank.example", "")


def test_the_same_notice_is_the_same_mail() -> None:
    assert mail(example(EventKind.LOT_EXPIRING)) == mail(example(EventKind.LOT_EXPIRING))


@pytest.mark.parametrize(
    ("because", "why"),
    [
        ("default", "as global or billing administrator of Northwind"),
        ("role:report_reader", "as report reader of Northwind"),
        ("ops@northwind.example", "because this address was entered for Northwind"),
        ("operator", "because you run this installation"),
    ],
)
def test_a_mail_says_why_it_came(because: str, why: str) -> None:
    told = notice(example(EventKind.BALANCE_LOW))

    text = Writer("x.example").mail(told._replace(delivery=replace(told.delivery, because=because))).text

    assert why in text.replace("\n", " ")


def test_every_reason_that_the_core_knows_has_its_words() -> None:
    assert set(recharges.PAUSE_REASONS) == {reason.value for reason in PauseReason}
    assert set(recharges.HOLD_BACK_REASONS) == {reason.value for reason in HoldBackReason}
    assert set(ROLES) == {notices.name_of(role) for role in Role}
    assert set(reminders.TOLD) == {kind.value for kind in notices.URGENT}


def test_what_names_no_organization_of_ours_is_told_all_the_same() -> None:
    written = mail(example(EventKind.PAYMENT_UNEXPLAINED), organization=None)

    assert written.subject == "A payment of $200.00 belongs to no purchase: Communications Credits"


def test_a_program_gets_money_as_decimals_in_a_cloud_event() -> None:
    event = example(EventKind.RECHARGE_FAILED)

    body = json.loads(envelope.body_of(notice(event)))

    assert body["specversion"] == "1.0"
    assert body["id"] == "1/test:recharge_failed"
    assert body["type"] == "talktime.recharge_failed"
    assert body["time"] == "2026-03-01T14:30:00Z"
    assert body["data"]["organization"] == "Northwind"
    assert body["data"]["amount"] == "200.00"
    assert body["data"]["balance"] == "18.42"
    assert body["data"]["code"] == "expired_card"


def test_a_webhook_is_written_the_same_however_often() -> None:
    told = notice(example(EventKind.RECHARGE_FAILED))
    (other,) = deliveries.planned(told.event, (Addressee(Channel.WEBHOOK, "1", "", "webhook:1"),), "", AT)

    assert envelope.body_of(told) == envelope.body_of(Notice(told.event, told.organization, other))


class _Page(HTMLParser):
    """Keeps what is open, and fails where something else is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 -- its parser's name
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
