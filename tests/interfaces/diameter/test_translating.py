"""CCRs as what charging is asked, and charging's answers as CCAs: values in, values and bytes out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from diameter.message import Avp
from diameter.message import constants as c

from talktime.core.calls.calls import CallKey, CallKind, DenialReason, PaysFrom
from talktime.core.calls.requests import (
    Answer as Answered,
)
from talktime.core.calls.requests import (
    Denied,
    EndSession,
    Finished,
    Granted,
    Noted,
    Parked,
    StartCall,
    UpdateSession,
)
from talktime.core.values.errors import Invalid, Unavailable
from talktime.core.values.places import currencies as all_currencies
from talktime.interfaces.diameter import reading, results, translating
from talktime.interfaces.diameter.profiles import KAMAILIO_5_6, RFC_8506, ClientProfile, read_profiles
from talktime.interfaces.diameter.translating import AnswerWriter, Identity
from talktime.interfaces.diameter.wire import codec, currencies
from talktime.interfaces.diameter.wire.codec import Malformed, Message
from talktime.interfaces.diameter.wire.dictionary import ResultCode
from tests.interfaces.charging.books import CALLED
from tests.interfaces.diameter.kamailio import (
    CREDIT_CONTROL,
    HOST,
    INITIAL,
    SESSION,
    TERMINATION,
    UPDATE,
    Answer,
    credit_control,
    new,
    request,
    service_information,
)

NOW = datetime(2026, 6, 1, 12, 0, 5, tzinfo=UTC)
SENT = NOW - timedelta(seconds=2)
KEY = CallKey(HOST, SESSION)
CALLER = "442000000001"
writer = AnswerWriter(Identity("ocs.test", "test", 7))


def message_of(encoded: bytes) -> Message:
    return codec.read_message(encoded)


def start_of(encoded: bytes) -> StartCall:
    message = message_of(encoded)
    ccr = reading.read_credit_control(message, KAMAILIO_5_6)
    return translating.start_of(ccr, reading.read_parties(message.avps), NOW)


def report_of(encoded: bytes) -> object:
    return translating.report_of(reading.read_credit_control(message_of(encoded), KAMAILIO_5_6), NOW)


def answer_of(encoded: bytes, answered: Answered | Exception, profile: ClientProfile = KAMAILIO_5_6) -> Answer:
    message = message_of(encoded)
    return Answer(writer.answer(message, reading.read_credit_control(message, profile), answered, profile))


def initial(**fields: object) -> bytes:
    return credit_control(INITIAL, 0, **{"caller": CALLER, "called": CALLED, "at": SENT, **fields})  # type: ignore[arg-type]


def bare(kind: int, more: Sequence[Avp] = ()) -> bytes:
    """Return a CCR with no more than a session and what is given."""
    named = [new(c.AVP_SESSION_ID, SESSION), new(c.AVP_ORIGIN_HOST, HOST.encode())]
    numbered = [new(c.AVP_CC_REQUEST_TYPE, kind), new(c.AVP_CC_REQUEST_NUMBER, 0)]
    return request(CREDIT_CONTROL, 4, [*named, *numbered, *more])


def services(*used: Sequence[int], wanted: int | None = 60) -> list[Avp]:
    """Return services, each with its reports of use."""
    asked = [] if wanted is None else [new(c.AVP_REQUESTED_SERVICE_UNIT, [new(c.AVP_CC_TIME, wanted)])]
    return [
        new(
            c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL,
            [
                *asked,
                *[new(c.AVP_USED_SERVICE_UNIT, [new(c.AVP_CC_TIME, seconds)]) for seconds in reports],
                new(c.AVP_RATING_GROUP, 100 * (number + 1)),
            ],
        )
        for number, reports in enumerate(used)
    ]


def granted(seconds: int, *, is_final: bool, reported: int = 0, pays_from: PaysFrom = PaysFrom.CREDIT) -> Granted:
    return Granted(seconds, is_final, seconds, pays_from, reported)


# ── what is asked ───────────────────────────────────────────────────────────────────────────────────────────


def test_an_initial_request_is_a_start_by_its_sip_parties() -> None:
    assert start_of(initial(wanted=30)) == StartCall(
        KEY, NOW, CALLER, CALLED, switch_ref="1-4711@127.0.0.1", wanted_seconds=30, number=0, sent_at=SENT
    )


def test_an_update_reports_what_was_used_since_the_last_by_the_clients_clock() -> None:
    encoded = credit_control(UPDATE, 3, wanted=30, used=8, at=SENT)

    assert report_of(encoded) == UpdateSession(KEY, NOW, 3, 8, 30, SENT)


def test_a_termination_ends_the_session() -> None:
    encoded = credit_control(TERMINATION, 4, wanted=None, used=2, at=SENT)

    assert report_of(encoded) == EndSession(KEY, NOW, 4, 2, SENT)


def test_without_a_timestamp_our_clock_counts() -> None:
    assert report_of(bare(TERMINATION)) == EndSession(KEY, NOW, 0, 0, NOW)


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("sip:+44 20 7946-0000@ims.example;user=phone", CALLED),
        ("sips:442079460000@127.0.0.1:5061", CALLED),
        ("tel:+442079460000", CALLED),
        ("tel:0044-20-7946-0000", CALLED),
        ("sip:Anna@example.org", "anna"),
    ],
)
def test_uris_are_numbers_as_over_http(uri: str, number: str) -> None:
    assert start_of(initial(called=uri)).called == number


def test_a_call_that_comes_in_is_paid_by_whom_it_reaches() -> None:
    start = start_of(initial(role=1))

    assert (start.kind, start.caller, start.called) == (CallKind.USER_IN, CALLER, CALLED)


def test_a_call_that_is_forwarded_is_paid_by_whose_subscription_it_is() -> None:
    forwarder = "442000000009"
    subscription = new(
        c.AVP_SUBSCRIPTION_ID, [new(c.AVP_SUBSCRIPTION_ID_TYPE, 0), new(c.AVP_SUBSCRIPTION_ID_DATA, f"+{forwarder}")]
    )

    start = start_of(bare(INITIAL, [subscription, service_information(CALLER, CALLED, 2)]))

    assert (start.caller, start.called, start.forwarded_by) == (CALLER, CALLED, forwarder)


@pytest.mark.parametrize(("role", "found"), [(0, (CALLER, CALLED)), (1, ("anonymous", CALLER))])
def test_the_subscription_stands_in_for_a_party_that_is_no_number(role: int, found: tuple[str, str]) -> None:
    called = CALLED if role == 0 else "unknown"
    subscription = new(
        c.AVP_SUBSCRIPTION_ID,
        [new(c.AVP_SUBSCRIPTION_ID_TYPE, 0), new(c.AVP_SUBSCRIPTION_ID_DATA, f"+{CALLER}")],
    )
    encoded = bare(INITIAL, [subscription, service_information("anonymous", called, role)])

    start = start_of(encoded)

    assert (start.caller, start.called) == found


def test_a_called_number_may_be_a_call_for_help_by_its_service_name() -> None:
    start = start_of(initial(called="urn:service:sos.police"))

    assert start.kind is CallKind.EMERGENCY_OUT


@pytest.mark.parametrize(
    ("used", "seconds"),
    [([[3, 4]], 7), ([[5], [7]], 7), ([[], [2]], 2), ([[]], 0)],
    ids=["before and after a price change", "sound and picture together", "one of two", "none"],
)
def test_use_is_the_sum_of_a_services_parts_and_the_longest_of_services(used: list[list[int]], seconds: int) -> None:
    assert used_by(services(*used), ClientProfile("its clock is not known")) == seconds


@pytest.mark.parametrize(
    ("reported", "seconds"),
    [
        (services([50], [70]), 50),
        (services([], [52]), 0),
        (services([50], wanted=None) + services([], [70])[1:], 50),
        (services([0], [30], wanted=None), 30),
        (services([], [52])[1:], 52),
        (services([], [52], [7])[1:], 52),
    ],
    ids=["both", "it runs and reports later", "it ends", "it has ended", "another alone", "others"],
)
def test_of_services_side_by_side_the_voice_is_the_clock_as_long_as_it_runs(reported: list[Avp], seconds: int) -> None:
    assert used_by(reported, KAMAILIO_5_6) == seconds


@pytest.mark.parametrize(
    ("reported", "seconds"),
    [
        (services([50]), 50),
        (services([], [52])[1:], 0),
        (services([0], [52]), 0),
        ([new(c.AVP_USED_SERVICE_UNIT, [new(c.AVP_CC_TIME, 7)])], 7),
    ],
    ids=["the voice", "another alone", "both", "units at the top"],
)
def test_where_the_operator_names_the_voice_no_other_service_counts(reported: list[Avp], seconds: int) -> None:
    (profile,) = read_profiles("as.test=kamailio-5.6/100").values()

    assert used_by(reported, profile) == seconds


def used_by(reported: Sequence[Avp], profile: ClientProfile) -> int:
    return reading.read_credit_control(message_of(bare(UPDATE, reported)), profile).used_seconds


def test_a_day_may_be_reported_in_one_go() -> None:
    assert used_by(services([86_400]), KAMAILIO_5_6) == 86_400


@pytest.mark.parametrize(
    ("used", "shown"),
    [([71_582_788], 71_582_788), ([60_000, 50_000], 60_000), ([0xFFFF_FFFF] * 100, 0xFFFF_FFFF)],
    ids=["Kamailio's #4495", "in parts", "beyond the calendar"],
)
def test_more_than_any_call_takes_is_no_report(used: list[int], shown: int) -> None:
    with pytest.raises(Malformed) as raised:
        used_by(services(used), KAMAILIO_5_6)

    assert raised.value.code is ResultCode.INVALID_AVP_VALUE
    failed = Avp.from_bytes(raised.value.failed_avp)
    assert (failed.code, failed.value) == (c.AVP_CC_TIME, shown)


@pytest.mark.parametrize(("wanted", "seconds"), [(None, 0), (0, 0), (45, 45), (0xFFFF_FFFF, 864_000)])
def test_who_does_not_say_how_much_is_given_the_houses_quantum(wanted: int | None, seconds: int) -> None:
    assert start_of(bare(INITIAL, services([], wanted=wanted))).wanted_seconds == seconds


# ── what is answered ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reason", DenialReason)
def test_every_reason_has_a_result_code_and_its_sentence(reason: DenialReason) -> None:
    answer = answer_of(initial(), Denied(reason))

    assert answer.result == results.REFUSALS[reason]
    assert 4000 <= answer.result < 6000
    assert answer.one(c.AVP_ERROR_MESSAGE)


def test_money_that_is_missing_is_told_by_the_one_code_that_switches_answer_402_for() -> None:
    missing = {reason.value for reason, code in results.REFUSALS.items() if code is ResultCode.CREDIT_LIMIT_REACHED}

    assert missing == {
        "credit_not_set_up",
        "overage_off",
        "user_cap_reached",
        "department_cap_reached",
        "credit_exhausted",
        "overage_limit_reached",
    }


def test_what_is_granted_is_what_may_still_be_used() -> None:
    answer = answer_of(credit_control(UPDATE, 1, used=8), granted(18, is_final=False, reported=8))

    assert (answer.result, answer.granted, answer.valid_seconds, answer.final_action) == (2001, 10, 310, None)


def test_of_a_final_grant_the_client_is_told_to_end_the_call() -> None:
    answer = answer_of(credit_control(UPDATE, 1, used=8), granted(12, is_final=True, reported=8))

    assert (answer.result, answer.granted, answer.final_action) == (2001, 4, 0)


@pytest.mark.parametrize("reported_seconds", [12, 13])
def test_of_nothing_left_never_a_success(reported_seconds: int) -> None:
    answer = answer_of(credit_control(UPDATE, 1, used=8), granted(12, is_final=True, reported=reported_seconds))

    assert (answer.result, answer.granted) == (4012, None)


@pytest.mark.parametrize(
    ("profile", "result", "seconds"), [(KAMAILIO_5_6, 2001, 86_400), (RFC_8506, 4011, None)], ids=["grant", "4011"]
)
@pytest.mark.parametrize("pays_from", [PaysFrom.FREE, PaysFrom.INCLUDED])
def test_a_call_that_costs_nothing_is_granted_or_let_pass(
    profile: ClientProfile, result: int, seconds: int | None, pays_from: PaysFrom
) -> None:
    encoded = bare(
        INITIAL,
        [
            *services([]),
            new(c.AVP_ORIGIN_REALM, b"test"),
            new(c.AVP_DESTINATION_REALM, b"test"),
            new(c.AVP_AUTH_APPLICATION_ID, 4),
            new(c.AVP_SERVICE_CONTEXT_ID, "32260@3gpp.org"),
        ],
    )

    answer = answer_of(encoded, granted(86_400, is_final=True, pays_from=pays_from), profile)

    assert (answer.result, answer.granted) == (result, seconds)


@pytest.mark.parametrize("answered", [Finished(8, 8_000, "EUR"), Noted(), Parked("no start was seen")])
def test_an_end_is_a_success_whatever_became_of_it(answered: Answered) -> None:
    answer = answer_of(credit_control(TERMINATION, 2, wanted=None, used=8), answered)

    assert (answer.result, answer.granted) == (2001, None)


@pytest.mark.parametrize(
    ("failure", "result", "is_error"),
    [
        (Unavailable("too many requests are waiting to be charged", code="busy"), 3004, True),
        (Invalid("it cannot be"), 5012, False),
        (RuntimeError("a bug of ours"), 5012, False),
    ],
)
@pytest.mark.parametrize("kind", [INITIAL, UPDATE, TERMINATION])
def test_a_failure_is_never_a_free_call(failure: Exception, result: int, *, is_error: bool, kind: int) -> None:
    answer = answer_of(credit_control(kind, 1, used=8), failure)

    assert (answer.result, answer.is_error) == (result, is_error)
    assert "bug" not in answer.one(c.AVP_ERROR_MESSAGE)


def test_each_service_that_asks_is_granted_and_named() -> None:
    answer = answer_of(bare(UPDATE, services([5], [5])), granted(20, is_final=False, reported=5))

    service = c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL
    assert answer.all(service, c.AVP_RATING_GROUP) == [100, 200]
    assert answer.all(service, c.AVP_GRANTED_SERVICE_UNIT, c.AVP_CC_TIME) == [15, 15]


def test_proxies_get_back_what_they_sent_in_their_order() -> None:
    proxies = [
        new(c.AVP_PROXY_INFO, [new(c.AVP_PROXY_HOST, host), new(c.AVP_PROXY_STATE, state)])
        for host, state in ((b"one.test", b"1"), (b"two.test", b"22"))
    ]
    encoded = bare(INITIAL, [*services([]), *proxies])

    answers = [answer_of(encoded, each) for each in (granted(10, is_final=False), Unavailable("not now"))]

    for answer in answers:
        assert answer.all(c.AVP_PROXY_INFO, c.AVP_PROXY_STATE) == [b"1", b"22"]


# ── what cannot be read ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("avps", "code", "failed"),
    [
        ([], ResultCode.MISSING_AVP, c.AVP_CC_REQUEST_TYPE),
        ([new(c.AVP_CC_REQUEST_TYPE, 1)], ResultCode.MISSING_AVP, c.AVP_SESSION_ID),
        (
            [new(c.AVP_CC_REQUEST_TYPE, 1), new(c.AVP_SESSION_ID, SESSION)],
            ResultCode.MISSING_AVP,
            c.AVP_ORIGIN_HOST,
        ),
        ([new(c.AVP_CC_REQUEST_TYPE, 9)], ResultCode.INVALID_AVP_VALUE, c.AVP_CC_REQUEST_TYPE),
        (
            [new(c.AVP_CC_REQUEST_TYPE, 1), new(c.AVP_SESSION_ID, "s" * 256)],
            ResultCode.INVALID_AVP_VALUE,
            c.AVP_SESSION_ID,
        ),
        (
            [new(c.AVP_CC_REQUEST_TYPE, 1), new(c.AVP_SESSION_ID, "a\nb")],
            ResultCode.INVALID_AVP_VALUE,
            c.AVP_SESSION_ID,
        ),
        (
            [new(c.AVP_CC_REQUEST_TYPE, 1), new(c.AVP_SESSION_ID, "s"), new(c.AVP_ORIGIN_HOST, b"a|b")],
            ResultCode.INVALID_AVP_VALUE,
            c.AVP_ORIGIN_HOST,
        ),
        (
            [new(c.AVP_CC_REQUEST_TYPE, 1), *services(*[[]] * 9)],
            ResultCode.AVP_OCCURS_TOO_MANY_TIMES,
            c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL,
        ),
    ],
    ids=["type", "session", "host", "no such type", "long", "unprintable", "separator", "nine services"],
)
def test_what_is_missing_or_wrong_is_shown_to_the_client(avps: list[Avp], code: ResultCode, failed: int) -> None:
    with pytest.raises(Malformed) as raised:
        reading.read_credit_control(message_of(request(CREDIT_CONTROL, 4, avps)), KAMAILIO_5_6)

    assert raised.value.code is code
    assert Avp.from_bytes(raised.value.failed_avp).code == failed


def test_kamailio_may_say_twice_what_the_rfc_allows_once_and_a_strict_client_may_not() -> None:
    message = message_of(initial())

    assert reading.read_credit_control(message, KAMAILIO_5_6).origin_host == HOST
    with pytest.raises(Malformed) as raised:
        reading.read_credit_control(message, RFC_8506)
    assert raised.value.code is ResultCode.AVP_OCCURS_TOO_MANY_TIMES


def test_what_a_vendor_adds_is_not_looked_at() -> None:
    message = message_of(initial(more=[Avp(4_711, 99_999, b"\xff\xff\xff", 0xC0), Avp(9_999, 0, b"", 0x40)]))

    assert reading.read_credit_control(message, KAMAILIO_5_6).wanted_seconds == 60
    assert reading.read_parties(message.avps).called == CALLED


def test_profiles_are_chosen_by_origin_host() -> None:
    assert read_profiles("pgw.test=rfc8506, SBC.test = kamailio-5.6, as.test=rfc8506/10") == {
        "pgw.test": RFC_8506,
        "sbc.test": KAMAILIO_5_6,
        "as.test": replace(RFC_8506, voice_rating_group=10, counts_voice_only=True),
    }
    for wrong in ("pgw.test", "pgw.test=unheard-of", "=rfc8506", "pgw.test=rfc8506/", "pgw.test=rfc8506/voice"):
        with pytest.raises(Invalid, match="no host=profile"):
            read_profiles(wrong)


def test_every_currency_of_an_organization_has_its_number() -> None:
    assert currencies.NUMBERS.keys() == all_currencies()
    assert (currencies.NUMBERS["EUR"], currencies.NUMBERS["USD"], currencies.NUMBERS["ALL"]) == (978, 840, 8)
