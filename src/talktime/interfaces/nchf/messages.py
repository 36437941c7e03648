"""The part of TS 32.291's ChargingDataRequest that a telephone call needs; what else a message holds is left alone."""

import re
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from talktime.core.values.errors import Invalid

# Printable as far as a pattern can tell; the bytes are counted where a text is kept.
TEXT_CHARACTERS_MAX = 255
Text = Annotated[str, Meta(max_length=TEXT_CHARACTERS_MAX, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
# The bar separates the parts of a call's key.
Name = Annotated[str, Meta(max_length=TEXT_CHARACTERS_MAX, pattern=r"^[^\x00-\x1f\x7f|]*\Z")]
WebAddress = Annotated[str, Meta(max_length=1_024, pattern=r"^(https?://[^\x00-\x20\x7f]+)?\Z")]
Unsigned = Annotated[int, Meta(ge=0, le=4_294_967_295)]
# No list of a call is longer, and none may be endless.
LIST_MAX = 100


class Consumer(Struct, frozen=True):
    """Who asks: NFIdentification."""

    functionality: Name = field(name="nodeFunctionality")
    name: Name = field(name="nFName", default="")
    domain: Name = field(name="nFFqdn", default="")


class Trigger(Struct, frozen=True):
    """Why it is reported."""

    kind: Text = field(name="triggerType", default="")


class RequestedUnit(Struct, frozen=True):
    """How many seconds are wanted; nothing said leaves it to us."""

    time: Unsigned = 0


class UsedUnits(Struct, frozen=True):
    """What was used since the last report, and whether it was of what is granted."""

    time: Unsigned = 0
    indicator: Text = field(name="quotaManagementIndicator", default="")
    triggers: Annotated[tuple[Trigger, ...], Meta(max_length=LIST_MAX)] = ()


class UnitUsage(Struct, frozen=True):
    """What is asked and reported of one rating group."""

    rating_group: Unsigned = field(name="ratingGroup")
    requested: RequestedUnit | None = field(name="requestedUnit", default=None)
    used: Annotated[tuple[UsedUnits, ...], Meta(max_length=LIST_MAX)] = field(name="usedUnitContainer", default=())


class ImsInformation(Struct, frozen=True):
    """The call, as the IMS knows it: IMSChargingInformation."""

    role: Name = field(name="roleOfNode", default="")
    session_id: Text = field(name="userSessionID", default="")
    charging_identifier: Text = field(name="imsChargingIdentifier", default="")
    calling: Annotated[tuple[Text, ...], Meta(max_length=LIST_MAX)] = field(name="callingPartyAddresses", default=())
    called: Text = field(name="calledPartyAddress", default="")
    requested: Annotated[tuple[Text, ...], Meta(max_length=LIST_MAX)] = field(name="requestedPartyAddress", default=())


class SupplementaryService(Struct, frozen=True):
    """A conference, a diversion or a transfer that the call belongs to."""

    kind: Text = field(name="supplementaryServiceType", default="")
    party: Text = field(name="associatedPartyAddress", default="")
    conference_id: Text = field(name="conferenceId", default="")


class TelephonyInformation(Struct, frozen=True):
    """MMTelChargingInformation."""

    services: Annotated[tuple[SupplementaryService, ...], Meta(max_length=LIST_MAX)] = field(
        name="supplementaryServices", default=()
    )


class ChargingData(Struct, frozen=True):
    """ChargingDataRequest."""

    consumer: Consumer = field(name="nfConsumerIdentification")
    sent_at: datetime = field(name="invocationTimeStamp")
    number: Unsigned = field(name="invocationSequenceNumber")
    subscriber: Text = field(name="subscriberIdentifier", default="")
    charging_id: Unsigned | None = field(name="chargingId", default=None)
    is_event: bool = field(name="oneTimeEvent", default=False)
    event_kind: Text = field(name="oneTimeEventType", default="")
    notify_uri: WebAddress = field(name="notifyUri", default="")
    usage: Annotated[tuple[UnitUsage, ...], Meta(max_length=LIST_MAX)] = field(name="multipleUnitUsage", default=())
    triggers: Annotated[tuple[Trigger, ...], Meta(max_length=LIST_MAX)] = ()
    ims: ImsInformation = field(name="iMSChargingInformation", default=ImsInformation())
    telephony: TelephonyInformation = field(name="mMTelChargingInformation", default=TelephonyInformation())


class Misread(Invalid):
    """A message that breaks its type; `pointer` names the place (RFC 6901), empty for the whole of it."""

    def __init__(self, message: str, *, code: str, pointer: str = "") -> None:
        """Keep where it stands, for invalidParams (TS 29.571)."""
        super().__init__(message, code=code)
        self.pointer = pointer


def decoded(body: bytes) -> ChargingData:
    """Return the message in a body; raise Misread with the place."""
    try:
        return _decode(body)
    except msgspec.ValidationError as failure:
        raise _misread(str(failure)) from failure
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        message = f"the body is no JSON: {failure}"
        raise Misread(message, code="malformed_body") from failure


def addresses_in(body: bytes) -> tuple[str, ...]:
    """Return whom a message calls that cannot be read otherwise; nothing where even that cannot be told."""
    try:
        fields = _decode_anything(body)
    except (ValueError, RecursionError):
        return ()
    ims = fields.get("iMSChargingInformation")
    if not isinstance(ims, dict):
        return ()
    requested = ims.get("requestedPartyAddress")
    named = [ims.get("calledPartyAddress"), *(requested if isinstance(requested, list) else [])]
    return tuple(address for address in named if isinstance(address, str))


_decode = msgspec.json.Decoder(ChargingData).decode
_decode_anything = msgspec.json.Decoder(dict[str, object]).decode
_MISSING = re.compile(r"missing required field `([^`]+)`")
_PLACE = re.compile(r" - at `\$([^`]*)`$")
_MANDATORY = ("/nfConsumerIdentification", "/invocationTimeStamp", "/invocationSequenceNumber")


def _misread(failure: str) -> Misread:
    """Tell what msgspec found as TS 29.500 §5.2.7.2 wants it told."""
    place = _PLACE.search(failure)
    reason = failure if place is None else failure[: place.start()]
    pointer = "" if place is None else place[1].replace("[", "/").replace("]", "").replace(".", "/")
    missing = _MISSING.search(failure)
    if missing is not None:
        return Misread(f"{missing[1]}: is missing", code="missing_field", pointer=f"{pointer}/{missing[1]}")
    if not pointer:
        return Misread(f"the body is no ChargingDataRequest: {reason}", code="malformed_body")
    code = "invalid_mandatory_field" if pointer.startswith(_MANDATORY) else "invalid_field"
    return Misread(f"{pointer.rpartition('/')[2]}: {reason}", code=code, pointer=pointer)
