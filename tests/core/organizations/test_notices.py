"""Who is told of what: nobody twice, nobody forgotten, and silence only where somebody asked for it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.organizations import notices
from talktime.core.organizations.languages import LANGUAGES, language_of, read_language
from talktime.core.organizations.licenses import NO_LICENSE
from talktime.core.organizations.notices import Addressee, Channel, NoticeRule, choose
from talktime.core.organizations.users import NO_ROLE, Role, User
from talktime.core.values.errors import Invalid
from talktime.core.values.events import Event, EventKind

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
FOR_ORGANIZATIONS = [kind for kind in EventKind if kind not in notices.FOR_OPERATOR]
NAMES = ("ada@acme.example", "Bob@acme.example", "eve@acme.example")
RECIPIENTS = ("ops@acme.example", "ADA@acme.example", "role:billing_admin", "role:report_reader", "nobody")
ROLES = st.integers(0, 2 * max(Role, key=lambda role: role.value).value - 1).map(Role)


def person(name: str, roles: Role = NO_ROLE, language: str = "") -> User:
    return User(1, 1, name, name, "US", NO_LICENSE, "", roles, language)


def event(kind: EventKind, *details: tuple[str, str]) -> Event:
    return Event(1, f"{kind.value}:1", kind, AT, 0, details)


def mail_rule(kind: EventKind | None, recipient: str, language: str = "") -> NoticeRule:
    return NoticeRule(1, kind, Channel.MAIL, recipient, language)


RULES = st.lists(
    st.builds(mail_rule, st.none() | st.sampled_from(FOR_ORGANIZATIONS), st.sampled_from(RECIPIENTS))
    | st.builds(
        NoticeRule,
        st.integers(1, 9),
        st.none() | st.sampled_from(FOR_ORGANIZATIONS),
        st.just(Channel.WEBHOOK),
        st.sampled_from(("webhook:1", "webhook:2")),
    ),
    max_size=6,
)
PEOPLE = st.tuples(*(st.builds(person, st.just(name), ROLES, st.sampled_from(("", *LANGUAGES))) for name in NAMES))


@given(st.sampled_from(FOR_ORGANIZATIONS), RULES, PEOPLE)
def test_nobody_is_told_twice_whatever_the_rules(kind: EventKind, rules: list[NoticeRule], people: list[User]) -> None:
    told = choose(event(kind), rules, people, "US").addressees

    names = [(each.channel, each.recipient.lower()) for each in told]
    assert len(names) == len(set(names))


@given(st.sampled_from(FOR_ORGANIZATIONS), RULES, PEOPLE)
def test_a_mail_goes_to_somebody_or_it_is_said_why_not_unless_silence_was_asked_for(
    kind: EventKind, rules: list[NoticeRule], people: list[User]
) -> None:
    chosen = choose(event(kind), rules, people, "US")

    mails = [each for each in chosen.addressees if each.channel is Channel.MAIL]
    concerned = [rule.recipient for rule in rules if rule.channel is Channel.MAIL and rule.concerns(kind)]
    is_silenced = set(concerned) == {"nobody"} and kind not in notices.URGENT
    assert bool(mails) != (bool(chosen.problem) or is_silenced)


@given(RULES, PEOPLE, st.sampled_from(sorted(notices.URGENT, key=lambda kind: kind.value)))
def test_what_cannot_wait_is_never_silenced(rules: list[NoticeRule], people: list[User], kind: EventKind) -> None:
    admins = [person("root@acme.example", Role.GLOBAL_ADMIN)]

    told = choose(event(kind), rules, [*people, *admins], "US").addressees

    assert any(each.channel is Channel.MAIL for each in told)


@pytest.mark.parametrize("kind", sorted(notices.URGENT, key=lambda kind: kind.value))
def test_silence_about_everything_spares_what_cannot_wait(kind: EventKind) -> None:
    people = [person("ada@acme.example", Role.GLOBAL_ADMIN)]

    told = choose(event(kind), [mail_rule(None, "nobody")], people, "US").addressees
    other = choose(event(EventKind.RECHARGE_SET), [mail_rule(None, "nobody")], people, "US")

    assert [each.recipient for each in told] == ["ada@acme.example"]
    assert other == ((), "")


def test_without_a_rule_every_global_and_billing_admin_is_told_in_his_own_language() -> None:
    people = [
        person("ada@acme.example", Role.GLOBAL_ADMIN, "ru"),
        person("bob@acme.example", Role.BILLING_ADMIN | Role.REPORT_READER),
        person("eve@acme.example", Role.REPORT_READER),
    ]

    told = choose(event(EventKind.RECHARGE_FAILED), [], people, "TW").addressees

    assert told == (
        Addressee(Channel.MAIL, "ada@acme.example", "ru", notices.DEFAULT),
        Addressee(Channel.MAIL, "bob@acme.example", "zh-TW", notices.DEFAULT),
    )


def test_a_rule_replaces_the_default_for_its_event_and_no_other() -> None:
    people = [person("ada@acme.example", Role.GLOBAL_ADMIN)]
    rules = [mail_rule(EventKind.CARD_EXPIRING, "finance@acme.example", "zh-CN")]

    card = choose(event(EventKind.CARD_EXPIRING), rules, people, "US").addressees
    other = choose(event(EventKind.RECHARGE_FAILED), rules, people, "US").addressees

    assert [(each.recipient, each.language) for each in card] == [("finance@acme.example", "zh-CN")]
    assert [each.recipient for each in other] == ["ada@acme.example"]


def test_a_rule_for_a_role_that_nobody_has_falls_back_to_the_admins() -> None:
    people = [person("ada@acme.example", Role.GLOBAL_ADMIN)]

    told = choose(event(EventKind.POOL_LOW), [mail_rule(None, "role:report_reader")], people, "US").addressees

    assert [each.recipient for each in told] == ["ada@acme.example"]


def test_where_there_is_no_admin_the_problem_says_what_to_do() -> None:
    chosen = choose(event(EventKind.RECHARGE_FAILED), [], [], "US")

    assert chosen.addressees == ()
    assert "talktime users roles" in chosen.problem
    assert "talktime notifications add" in chosen.problem


def test_who_was_not_reached_is_not_asked_to_read_that_he_was_not_reached() -> None:
    people = [person("ada@acme.example", Role.GLOBAL_ADMIN), person("bob@acme.example", Role.BILLING_ADMIN)]
    alarm = event(EventKind.NOTICE_UNDELIVERED, ("told", "recharge_failed"), ("recipient", "Ada@acme.example"))

    told = choose(alarm, [], people, "US").addressees

    assert [each.recipient for each in told] == ["bob@acme.example"]


def test_that_the_only_named_recipient_was_not_reached_is_told_to_the_admins() -> None:
    people = [person("ada@acme.example", Role.GLOBAL_ADMIN)]
    rules = [mail_rule(EventKind.RECHARGE_FAILED, "left@acme.example")]
    alarm = event(EventKind.NOTICE_UNDELIVERED, ("told", "recharge_failed"), ("recipient", "left@acme.example"))

    told = choose(alarm, rules, people, "US").addressees

    assert [each.recipient for each in told] == ["ada@acme.example"]


def test_what_concerns_the_operator_goes_to_the_operator_alone() -> None:
    people = [person("ada@acme.example", Role.GLOBAL_ADMIN)]
    unexplained = event(EventKind.PAYMENT_UNEXPLAINED)

    told = choose(unexplained, [], people, "US", "ops@talktime.example").addressees
    without = choose(unexplained, [], people, "US")

    assert [each.recipient for each in told] == ["ops@talktime.example"]
    assert without.addressees == ()
    assert "TALKTIME_OPERATOR_ADDRESS" in without.problem


def test_every_kind_names_the_details_that_its_text_uses() -> None:
    assert set(notices.DETAILS) == set(EventKind)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (" ops@acme.example ", "ops@acme.example"),
        ("Role: Billing Admin", "role:billing_admin"),
        ("NOBODY", "nobody"),
        ("отдел@пример.рф", "отдел@пример.рф"),
    ],
)
def test_recipients_are_read_as_people_write_them(written: str, read: str) -> None:
    assert notices.read_recipient(written) == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ada",
        "@acme.example",
        "ada@",
        "ada@acme.example, eve@acme.example",
        "Ada <ada@acme.example>",
        "ada@acme.example\nBcc: eve@acme.example",
        "role:king",
        "a@b@c.example",
        "x" * 250 + "@acme.example",
    ],
)
def test_what_is_no_recipient_is_refused(written: str) -> None:
    with pytest.raises(Invalid):
        notices.read_recipient(written)


def test_languages_are_read_as_people_write_them_and_others_are_refused() -> None:
    assert read_language("ZH_cn") == "zh-CN"
    assert read_language("") == ""
    with pytest.raises(Invalid, match="zh-TW"):
        read_language("de")


def test_an_organization_is_written_to_in_a_language_of_its_country_else_in_english() -> None:
    assert [language_of(country) for country in ("CN", "HK", "RU", "DE", "")] == ["zh-CN", "zh-TW", "ru", "en", "en"]


def test_events_are_read_by_name_and_a_star_is_all() -> None:
    assert notices.read_kind("Recharge-Failed") is EventKind.RECHARGE_FAILED
    assert notices.read_kind("*") is None
    with pytest.raises(Invalid, match="balance_low"):
        notices.read_kind("recharge")
