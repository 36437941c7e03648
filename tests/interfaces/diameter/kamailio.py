"""What Kamailio 5.6's ims_charging sends, AVP by AVP as measured (charging.md e1), encoded by python-diameter.

    ccr = credit_control(INITIAL, 0, caller=caller_of(1), called=CALLED)
    answer = Answer(await client.ask(ccr))
    assert (answer.result, answer.granted) == (2001, 60)

Twice an Origin-Host and an Origin-Realm, no Auth-Application-Id at the top, accounting AVPs that do not belong there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from diameter.message import Avp, Message
from diameter.message import constants as c

TGPP = 10_415
CREDIT_CONTROL, CAPABILITIES, WATCHDOG, DISCONNECT = 272, 257, 280, 282
INITIAL, UPDATE, TERMINATION, EVENT = 1, 2, 3, 4
HOST, REALM = "scscf.test", "test"
SESSION = "scscf.test;3735928559;1"


def new(code: int, value: Any, vendor: int = 0, *, mandatory: bool | None = None) -> Avp:
    """Return an AVP as python-diameter makes it."""
    made: Avp = Avp.new(code, vendor, value=value, is_mandatory=mandatory)
    return made


def request(command: int, application: int, avps: Sequence[Avp], *, number: int = 7, flags: int = 0xC0) -> bytes:
    """Return a request; `number` names it hop by hop and end to end."""
    message = Message(avps=list(avps))
    header = message.header
    header.command_code, header.application_id, header.command_flags = command, application, flags
    header.hop_by_hop_identifier = header.end_to_end_identifier = number
    encoded: bytes = message.as_bytes()
    return encoded


def capabilities(host: str = HOST, *, application: int = 4, vendor_specific: int = 4) -> bytes:
    """Return Kamailio's CER; it has no Origin-State-Id."""
    return request(
        CAPABILITIES,
        0,
        [
            new(c.AVP_ORIGIN_HOST, host.encode()),
            new(c.AVP_ORIGIN_REALM, REALM.encode()),
            new(c.AVP_HOST_IP_ADDRESS, "127.0.0.1"),
            new(c.AVP_VENDOR_ID, TGPP),
            new(c.AVP_PRODUCT_NAME, "CDiameterPeer"),
            new(c.AVP_VENDOR_SPECIFIC_APPLICATION_ID, _application(vendor_specific)),
            new(c.AVP_AUTH_APPLICATION_ID, application),
            new(c.AVP_SUPPORTED_VENDOR_ID, TGPP),
        ],
        flags=0x80,
    )


def base(command: int, avps: Sequence[Avp] = ()) -> bytes:
    """Return a DWR or DPR, or any other request of the base protocol."""
    return request(command, 0, [*_origin(HOST), *avps], flags=0x80)


def credit_control(  # noqa: PLR0913 -- a CCR says many things
    kind: int,
    number: int,
    *,
    session: str = SESSION,
    host: str = HOST,
    caller: str = "",
    called: str = "",
    wanted: int | None = 60,
    used: int | None = None,
    at: datetime | None = None,
    role: int = 0,
    more: Sequence[Avp] = (),
    message_number: int = 7,
) -> bytes:
    """Return a CCR; `wanted` and `used` are CC-Time, None leaves the units out."""
    is_initial = kind == INITIAL
    subscription = Avp.new(c.AVP_SUBSCRIPTION_ID)
    subscription.value = [
        new(c.AVP_SUBSCRIPTION_ID_TYPE, 2),
        new(c.AVP_SUBSCRIPTION_ID_DATA, f"sip:{caller}@127.0.0.1:5095"),
    ]
    avps = [
        new(c.AVP_SESSION_ID, session),
        *_origin(host),
        new(c.AVP_DESTINATION_HOST, b"localhost"),
        new(c.AVP_DESTINATION_REALM, REALM.encode()),
        new(c.AVP_ACCOUNTING_RECORD_TYPE, kind + 1),
        new(c.AVP_ACCOUNTING_RECORD_NUMBER, number),
        new(c.AVP_USER_NAME, f"sip:{caller}@127.0.0.1:5095"),
        new(c.AVP_SERVICE_CONTEXT_ID, "ext.01.001.8.32260@3gpp.org"),
        new(c.AVP_CC_REQUEST_TYPE, kind),
        new(c.AVP_CC_REQUEST_NUMBER, number),
        new(c.AVP_EVENT_TIMESTAMP, at or datetime.now(UTC), mandatory=False),
        *([subscription] if caller else ()),
        new(c.AVP_USER_EQUIPMENT_INFO, _equipment()),
        new(c.AVP_MULTIPLE_SERVICES_INDICATOR, 1),
        new(c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, _service(wanted, used)),
        service_information(
            caller, called, role, more=[subscription] if caller else (), method="INVITE" if is_initial else "dummy"
        ),
        new(c.AVP_VENDOR_SPECIFIC_APPLICATION_ID, _application(4)),
        *_origin(host),
        *([new(c.AVP_TERMINATION_CAUSE, 1)] if kind == TERMINATION else ()),
        *more,
    ]
    return request(CREDIT_CONTROL, 4, avps, number=message_number)


@dataclass(frozen=True)
class Answer:
    """A CCA, or any other answer, as python-diameter reads it."""

    encoded: bytes

    def __str__(self) -> str:
        return "\n".join(map(str, self.message.avps))

    @property
    def message(self) -> Message:
        """Return all of it, as plain AVPs."""
        return Message.from_bytes(self.encoded, plain_msg=True)

    @property
    def result(self) -> int:
        """Return the Result-Code at the top."""
        return int(self.one(c.AVP_RESULT_CODE))

    @property
    def is_error(self) -> bool:
        """Tell whether the E bit is set."""
        return bool(self.message.header.command_flags & 0x20)

    @property
    def granted(self) -> int | None:
        """Return the CC-Time of the service's Granted-Service-Unit."""
        return self._of_service(c.AVP_GRANTED_SERVICE_UNIT, c.AVP_CC_TIME)

    @property
    def valid_seconds(self) -> int | None:
        """Return the service's Validity-Time."""
        return self._of_service(c.AVP_VALIDITY_TIME)

    @property
    def final_action(self) -> int | None:
        """Return the service's Final-Unit-Action."""
        return self._of_service(c.AVP_FINAL_UNIT_INDICATION, c.AVP_FINAL_UNIT_ACTION)

    def all(self, *path: int, vendor: int = 0) -> list[Any]:
        """Return the values at a path of codes."""
        return [avp.value for avp in self.message.find_avps(*((code, vendor) for code in path))]

    def one(self, *path: int) -> Any:
        """Return the only value at a path."""
        (value,) = self.all(*path)
        return value.decode() if isinstance(value, bytes) else value

    def _of_service(self, *path: int) -> int | None:
        values = self.all(c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, *path)
        assert len(values) <= 1
        return values[0] if values else None


def service_information(
    caller: str, called: str, role: int = 0, *, more: Sequence[Avp] = (), method: str = "INVITE"
) -> Avp:
    """Return who calls whom; each may be a URI, else it becomes one as Kamailio writes it."""
    return new(c.AVP_TGPP_SERVICE_INFORMATION, [*more, _ims(caller, called, role, method)], TGPP)


def _origin(host: str) -> list[Avp]:
    return [new(c.AVP_ORIGIN_HOST, host.encode()), new(c.AVP_ORIGIN_REALM, REALM.encode())]


def _application(number: int) -> list[Avp]:
    return [new(c.AVP_VENDOR_ID, TGPP), new(c.AVP_AUTH_APPLICATION_ID, number)]


def _equipment() -> list[Avp]:
    return [
        new(c.AVP_USER_EQUIPMENT_INFO_TYPE, 1),
        new(c.AVP_USER_EQUIPMENT_INFO_VALUE, b"00-00-00-00-00-00"),
    ]


def _service(wanted: int | None, used: int | None) -> list[Avp]:
    requested = [] if wanted is None else [new(c.AVP_REQUESTED_SERVICE_UNIT, [new(c.AVP_CC_TIME, wanted)])]
    reported = [] if used is None else [new(c.AVP_USED_SERVICE_UNIT, [new(c.AVP_CC_TIME, used)])]
    return [*requested, *reported, new(c.AVP_SERVICE_IDENTIFIER, 1000), new(c.AVP_RATING_GROUP, 100)]


def _ims(caller: str, called: str, role: int, method: str) -> Avp:
    event = new(
        c.AVP_TGPP_EVENT_TYPE,
        [new(c.AVP_TGPP_3GPP_SIP_METHOD, method, TGPP), new(c.AVP_TGPP_EXPIRES, 0xFFFF_FFFF, TGPP)],
        TGPP,
    )
    parties = [
        *([new(c.AVP_TGPP_CALLING_PARTY_ADDRESS, _uri(caller, ":5095"), TGPP)] if caller else ()),
        *([new(c.AVP_TGPP_CALLED_PARTY_ADDRESS, _uri(called), TGPP)] if called else ()),
    ]
    return new(
        c.AVP_TGPP_IMS_INFORMATION,
        [
            event,
            new(c.AVP_TGPP_ROLE_OF_NODE, role, TGPP),
            new(c.AVP_TGPP_NODE_FUNCTIONALITY, 0, TGPP),
            new(c.AVP_TGPP_USER_SESSION_ID, "1-4711@127.0.0.1", TGPP),
            *parties,
        ],
        TGPP,
    )


def _uri(number: str, port: str = "") -> str:
    return number if ":" in number else f"sip:{number}@127.0.0.1{port}"
