"""A delivery is tried again ever more rarely for three days, keeps its id, and is never forgotten (money.md 59)."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.organizations import deliveries
from talktime.core.organizations.deliveries import Delivery, DeliveryState, NotSent, Refused, Sent
from talktime.core.organizations.notices import Addressee, Channel
from talktime.core.values.events import Event, EventKind

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
ADA = Addressee(Channel.MAIL, "ada@acme.example", "en", "default")
FAILED = Event(1, "recharge_failed:1", EventKind.RECHARGE_FAILED, AT, 5)


def due() -> Delivery:
    (delivery,) = deliveries.planned(FAILED, (ADA,), "", AT)
    return delivery


def test_it_is_tried_after_minutes_then_hours_and_given_up_after_three_days_with_the_reason() -> None:
    delivery, at, waits = due(), AT, []

    while delivery.state is DeliveryState.DUE:
        assert delivery.next_attempt_at is not None
        waits.append(delivery.next_attempt_at - at)
        at = delivery.next_attempt_at
        begun = deliveries.begun(delivery, at)
        delivery = deliveries.concluded(begun, begun.fence, NotSent("451 try later"), at)

    assert [wait // timedelta(minutes=1) for wait in waits[:7]] == [0, 1, 5, 30, 120, 360, 360]
    assert delivery.state is DeliveryState.FAILED
    assert timedelta(days=2, hours=18) < at - AT <= timedelta(days=3)
    assert "451 try later" in delivery.answer


def test_a_refusal_ends_it_at_once_and_the_reason_is_kept() -> None:
    begun = deliveries.begun(due(), AT)

    after = deliveries.concluded(begun, begun.fence, Refused("550 no such mailbox"), AT)

    assert (after.state, after.answer, after.next_attempt_at) == (DeliveryState.FAILED, "550 no such mailbox", None)


def test_who_lost_the_lease_is_believed_that_it_was_sent_and_nothing_else() -> None:
    first = deliveries.begun(due(), AT)
    second = deliveries.begun(first, AT + deliveries.LEASE)

    late_failure = deliveries.concluded(second, first.fence, Refused("550"), AT)
    late_success = deliveries.concluded(second, first.fence, Sent("250"), AT)

    assert late_failure == second
    assert late_success.state is DeliveryState.SENT


def test_what_was_sent_stays_sent_whoever_fails_afterwards() -> None:
    begun = deliveries.begun(due(), AT)
    sent = deliveries.concluded(begun, begun.fence, Sent("250"), AT)

    assert deliveries.concluded(sent, begun.fence, NotSent("451"), AT) == sent


def test_sending_again_keeps_the_id_and_has_three_days_anew() -> None:
    begun = deliveries.begun(due(), AT)
    failed = deliveries.concluded(begun, begun.fence, Refused("550"), AT)
    later = AT + timedelta(days=30)

    again = deliveries.resent(failed, later)

    assert again.delivery_id == failed.delivery_id
    assert (again.state, again.next_attempt_at, again.due_since_at) == (DeliveryState.DUE, later, later)
    assert again.fence > failed.fence


@given(st.sampled_from(Channel), st.text(max_size=20), st.text(max_size=20))
def test_the_same_recipient_has_the_same_id_and_another_has_another(channel: Channel, one: str, other: str) -> None:
    ids = {deliveries.delivery_id_of(FAILED, channel, recipient) for recipient in (one, one.lower(), other.lower())}

    assert len(ids) == len({one.lower(), other.lower()})


def test_the_same_event_of_another_installation_has_another_id() -> None:
    elsewhere = Event(1, FAILED.event_id, FAILED.kind, AT + timedelta(microseconds=1), 5)

    ids = {deliveries.delivery_id_of(each, Channel.MAIL, "ada@acme.example") for each in (FAILED, elsewhere)}

    assert len(ids) == 2


def test_where_nobody_is_to_be_told_the_delivery_says_so() -> None:
    (delivery,) = deliveries.planned(FAILED, (), "nobody is admin", AT)

    assert (delivery.state, delivery.answer) == (DeliveryState.UNDELIVERABLE, "nobody is admin")


def test_the_others_hear_of_a_failure_that_cannot_wait_and_of_no_other() -> None:
    begun = deliveries.begun(due(), AT)
    failed = deliveries.concluded(begun, begun.fence, Refused("550 no such mailbox"), AT)
    bought = Event(1, "credit_purchased:1", EventKind.CREDIT_PURCHASED, AT, 5)

    alarm = deliveries.alarm(FAILED, failed, AT)

    assert alarm is not None
    assert alarm.kind is EventKind.NOTICE_UNDELIVERED
    assert dict(alarm.details) == {
        "told": "recharge_failed",
        "recipient": "ada@acme.example",
        "reason": "550 no such mailbox",
    }
    assert deliveries.alarm(bought, failed, AT) is None
    assert deliveries.alarm(FAILED, due(), AT) is None
