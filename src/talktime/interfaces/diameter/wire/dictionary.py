"""The names of Diameter: AVP keys, commands, applications and result codes (RFC 6733, RFC 8506, TS 32.299)."""

from enum import IntEnum
from typing import Final

TGPP: Final = 10_415


def of_vendor(vendor: int, code: int) -> int:
    """Return the key of a vendor's AVP; that of a standard AVP is its code."""
    return vendor << 32 | code


# ── RFC 6733 ────────────────────────────────────────────────────────────────────────────────────────────────
USER_NAME: Final = 1
EVENT_TIMESTAMP: Final = 55
HOST_IP_ADDRESS: Final = 257
AUTH_APPLICATION_ID: Final = 258
ACCT_APPLICATION_ID: Final = 259
VENDOR_SPECIFIC_APPLICATION_ID: Final = 260
SESSION_ID: Final = 263
ORIGIN_HOST: Final = 264
SUPPORTED_VENDOR_ID: Final = 265
VENDOR_ID: Final = 266
FIRMWARE_REVISION: Final = 267
RESULT_CODE: Final = 268
PRODUCT_NAME: Final = 269
DISCONNECT_CAUSE: Final = 273
ORIGIN_STATE_ID: Final = 278
FAILED_AVP: Final = 279
ERROR_MESSAGE: Final = 281
ROUTE_RECORD: Final = 282
DESTINATION_REALM: Final = 283
PROXY_INFO: Final = 284
DESTINATION_HOST: Final = 293
TERMINATION_CAUSE: Final = 295
ORIGIN_REALM: Final = 296

# ── RFC 8506 ────────────────────────────────────────────────────────────────────────────────────────────────
CC_CORRELATION_ID: Final = 411
CC_REQUEST_NUMBER: Final = 415
CC_REQUEST_TYPE: Final = 416
CC_TIME: Final = 420
CHECK_BALANCE_RESULT: Final = 422
COST_INFORMATION: Final = 423
CURRENCY_CODE: Final = 425
EXPONENT: Final = 429
FINAL_UNIT_INDICATION: Final = 430
GRANTED_SERVICE_UNIT: Final = 431
RATING_GROUP: Final = 432
REQUESTED_ACTION: Final = 436
REQUESTED_SERVICE_UNIT: Final = 437
SERVICE_IDENTIFIER: Final = 439
SUBSCRIPTION_ID: Final = 443
SUBSCRIPTION_ID_DATA: Final = 444
UNIT_VALUE: Final = 445
USED_SERVICE_UNIT: Final = 446
VALUE_DIGITS: Final = 447
VALIDITY_TIME: Final = 448
FINAL_UNIT_ACTION: Final = 449
SUBSCRIPTION_ID_TYPE: Final = 450
MULTIPLE_SERVICES_CREDIT_CONTROL: Final = 456
SERVICE_CONTEXT_ID: Final = 461

# ── TS 32.299 ───────────────────────────────────────────────────────────────────────────────────────────────
ROLE_OF_NODE: Final = of_vendor(TGPP, 829)
USER_SESSION_ID: Final = of_vendor(TGPP, 830)
CALLING_PARTY_ADDRESS: Final = of_vendor(TGPP, 831)
CALLED_PARTY_ADDRESS: Final = of_vendor(TGPP, 832)
SERVICE_INFORMATION: Final = of_vendor(TGPP, 873)
IMS_INFORMATION: Final = of_vendor(TGPP, 876)

# Role-Of-Node (TS 32.299 §7.2.170).
TERMINATING_ROLE: Final = 1
FORWARDING_ROLE: Final = 2
FINAL_UNIT_TERMINATE: Final = 0
# Base protocol, credit control, and what relays advertise instead of naming each (RFC 6733 §2.4).
BASE_APPLICATION: Final = 0
CREDIT_CONTROL_APPLICATION: Final = 4
RELAY_APPLICATION: Final = 0xFFFF_FFFF


class Command(IntEnum):
    """The commands that this door speaks."""

    CAPABILITIES_EXCHANGE = 257
    CREDIT_CONTROL = 272
    DEVICE_WATCHDOG = 280
    DISCONNECT_PEER = 282


class RequestType(IntEnum):
    """CC-Request-Type (RFC 8506 §8.3)."""

    INITIAL = 1
    UPDATE = 2
    TERMINATION = 3
    EVENT = 4


class RequestedAction(IntEnum):
    """What an event asks for (RFC 8506 §8.41)."""

    DIRECT_DEBITING = 0
    REFUND_ACCOUNT = 1
    CHECK_BALANCE = 2
    PRICE_ENQUIRY = 3


class DisconnectCause(IntEnum):
    """Why a peer says goodbye (RFC 6733 §5.4.3)."""

    REBOOTING = 0
    BUSY = 1
    DO_NOT_WANT_TO_TALK_TO_YOU = 2


class ResultCode(IntEnum):
    """RFC 6733 §7.1 and RFC 8506 §9."""

    SUCCESS = 2001
    COMMAND_UNSUPPORTED = 3001
    TOO_BUSY = 3004
    APPLICATION_UNSUPPORTED = 3007
    INVALID_HEADER_BITS = 3008
    UNKNOWN_PEER = 3010
    END_USER_SERVICE_DENIED = 4010
    CREDIT_CONTROL_NOT_APPLICABLE = 4011
    CREDIT_LIMIT_REACHED = 4012
    AVP_UNSUPPORTED = 5001
    UNKNOWN_SESSION_ID = 5002
    AUTHORIZATION_REJECTED = 5003
    INVALID_AVP_VALUE = 5004
    MISSING_AVP = 5005
    AVP_OCCURS_TOO_MANY_TIMES = 5009
    NO_COMMON_APPLICATION = 5010
    UNSUPPORTED_VERSION = 5011
    UNABLE_TO_COMPLY = 5012
    INVALID_AVP_LENGTH = 5014
    INVALID_MESSAGE_LENGTH = 5015
    USER_UNKNOWN = 5030
    RATING_FAILED = 5031
