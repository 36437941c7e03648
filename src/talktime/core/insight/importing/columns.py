"""Which column of a file says what: the exports' names of all years, the Graph API's, and what others call them."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum

from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen


class Field(Enum):
    """What a column can say of a call; the value is how mapping files name it."""

    # By identity: an Enum hashes its name, in Python, at every look into a table.
    __hash__ = object.__hash__

    SOURCE_ID = "source_id"
    CALL_ID = "call_id"
    CONFERENCE_ID = "conference_id"
    USER = "user"
    USER_ID = "user_id"
    USER_NAME = "user_name"
    DEPARTMENT = "department"
    USER_LOCATION = "user_location"
    CALLER = "caller"
    CALLED = "called"
    KIND = "kind"
    DIRECTION = "direction"
    NUMBER_TYPE = "number_type"
    DOMESTIC = "domestic"
    DESTINATION = "destination"
    COUNTRY = "country"
    STARTED_AT = "started_at"
    ENDED_AT = "ended_at"
    USED_SECONDS = "used_seconds"
    CONNECTION_FEE = "connection_fee"
    CHARGE = "charge"
    CURRENCY = "currency"
    CAPABILITY = "capability"
    ANSWERED = "answered"


# Squeezed to letters and digits: AAD ObjectId, then Microsoft Entra ObjectId; Start Time, startDateTime, start_time.
_NAMES: dict[Field, tuple[str, ...]] = {
    Field.SOURCE_ID: ("usageid", "id", "sourceid"),
    Field.CALL_ID: ("callid", "correlationid", "sipcallid", "sessionid", "linkedid", "uniqueid", "uuid"),
    Field.CONFERENCE_ID: ("conferenceid",),
    Field.USER: ("upn", "userprincipalname", "username", "user", "extension"),
    Field.USER_ID: ("microsoftentraobjectid", "entraobjectid", "aadobjectid", "objectid", "userid"),
    Field.USER_NAME: ("userdisplayname", "displayname", "callername"),
    Field.DEPARTMENT: ("department", "costcenter"),
    Field.USER_LOCATION: (
        "userlocation",
        "userslocation",
        "usagelocation",
        "usercountry",
        "usagecountrycode",
        "usercountrycode",
    ),
    Field.CALLER: ("callerid", "callernumber", "caller", "calling", "callingnumber", "calleridnumber", "src", "from"),
    Field.CALLED: ("destinationnumber", "calleenumber", "called", "calledto", "callednumber", "callee", "dst", "to"),
    Field.KIND: ("calltype", "kind"),
    Field.DIRECTION: ("calldirection", "direction"),
    Field.NUMBER_TYPE: ("numbertype", "inventorytype"),
    Field.DOMESTIC: ("domesticinternational", "destinationcontext"),
    Field.DESTINATION: ("destinationdialed", "destinationname", "destination"),
    Field.COUNTRY: ("externalcountry", "otherpartycountrycode", "country"),
    Field.STARTED_AT: ("starttime", "startdatetime", "starttimeutc", "startedat", "startstamp", "start", "timestamp"),
    Field.ENDED_AT: ("endtime", "enddatetime", "endedat", "endstamp", "end"),
    Field.USED_SECONDS: ("durationseconds", "usedseconds", "billsec", "billseconds", "talkseconds", "duration"),
    Field.CONNECTION_FEE: ("connectionfee", "connectioncharge"),
    Field.CHARGE: ("charge", "cost"),
    Field.CURRENCY: ("currency",),
    Field.CAPABILITY: ("capability", "licensecapability"),
    Field.ANSWERED: ("success", "successfulcall"),
}
_FIELDS = {name: field for field, names in _NAMES.items() for name in names}
# Columns of the known exports that say nothing which we keep (domain.md 7.1, 7.4, 7.10; our own layout).
_LEFT_ASIDE = frozenset(
    [
        "operator",
        "sourceofcallduration",
        "calldurationsource",
        "administrativeunits",
        "administrativeunitinfos",
        "tenantcountrycode",
        "invitetime",
        "invitedatetime",
        "failuretime",
        "failuredatetime",
        "azureregionformedia",
        "azureregionforsignaling",
        "mediapathlocation",
        "signalinglocation",
        "finalsipcode",
        "finalmicrosoftsubcode",
        "callendsubreason",
        "finalsipphrase",
        "finalsipcodephrase",
        "sbcfqdn",
        "trunkfullyqualifieddomainname",
        "mediabypass",
        "mediabypassenabled",
        "sharedcorrelationid",
        "transferorcorrelationid",
        "transferorsharedcorrelationid",
        "organizationid",
        "switch",
        "leg",
        "line",
        "prefix",
        "deck",
        "deckversion",
        "answeredat",
        "billedseconds",
        "uncovered",
        "paidby",
        "ending",
        "flags",
        "correctionreference",
        "correctionreason",
        "phonenumber",
        "rated",
        "notrated",
    ]
)
_NEEDED = (Field.STARTED_AT,)
# One of them, because how long was talked is what a call is.
_LASTING = (Field.USED_SECONDS, Field.ENDED_AT)
_SQUEEZE = re.compile(r"[^a-z0-9]+")
# What no other file has: enough to know an export by.
_PSTN_MARKS = frozenset({"usageid", "destinationdialed", "connectioncharge", "licensecapability"})
_DIRECT_MARKS = frozenset({"correlationid", "successfulcall", "sbcfqdn", "trunkfullyqualifieddomainname"})


@frozen
class ColumnPlaces:
    """Where each field stands in a row; `unknown` are the columns that nobody reads, by their names in the file."""

    header: tuple[str, ...]
    places: Mapping[Field, int]
    unknown: tuple[str, ...]

    def name_of(self, field: Field) -> str:
        """Return the file's own name of a field, or ours where it has no such column."""
        place = self.places.get(field)
        return field.value if place is None else self.header[place]


def squeezed(name: str) -> str:
    """Return a column's name without case, blanks and punctuation; what stands in brackets at its end is a unit."""
    return _SQUEEZE.sub("", name.lower())


def places_in(header: Sequence[str], stated: Mapping[Field, str] | None = None) -> ColumnPlaces:
    """Find the fields in a header, by the names that a mapping states, else by all that are known; raise Invalid.

    Of two columns that could be one field, the one counts whose name stands first among the known ones.
    """
    names = tuple(name.strip() for name in header)
    words = [squeezed(name) for name in names]
    if stated:
        places = _stated_places(stated, names, words)
        unknown = []
    else:
        places = _known_places(words)
        unknown = [name for name, word in zip(names, words, strict=True) if name and not _is_known(word)]
    _check_needed(places, names)
    return ColumnPlaces(names, places, tuple(unknown))


def is_pstn(header: Sequence[str]) -> bool:
    """Tell whether a header is that of the vendor's export of calls over its own carriers (domain.md 7.4, 7.10)."""
    words = {squeezed(name) for name in header}
    return len(words & _PSTN_MARKS) > 1 or {"usageid", "callid"} <= words


def is_direct_routing(header: Sequence[str]) -> bool:
    """Tell whether a header is that of the export of calls over one's own carriers (domain.md 7.4, 7.10)."""
    return len({squeezed(name) for name in header} & _DIRECT_MARKS) > 1


def _known_places(words: Sequence[str]) -> dict[Field, int]:
    return {
        field: words.index(chosen)
        for field, names in _NAMES.items()
        if (chosen := next((name for name in names if name in words), None)) is not None
    }


def _is_known(word: str) -> bool:
    return word in _FIELDS or word in _LEFT_ASIDE


def _stated_places(stated: Mapping[Field, str], names: Sequence[str], words: Sequence[str]) -> dict[Field, int]:
    absent = [name for name in stated.values() if squeezed(name) not in words]
    if absent:
        message = (
            f"the mapping reads {', '.join(map(repr, absent))}, and the file has no such column: it has"
            f" {', '.join(map(repr, names))}"
        )
        raise Invalid(message, code="usage_columns")
    return {field: words.index(squeezed(name)) for field, name in stated.items()}


def _check_needed(places: Mapping[Field, int], names: Sequence[str]) -> None:
    missing = [field.value for field in _NEEDED if field not in places]
    if not any(field in places for field in _LASTING):
        missing.append("used_seconds or ended_at")
    if not missing:
        return
    shown = ", ".join(map(repr, names[:_NAMES_SHOWN])) + (", …" if len(names) > _NAMES_SHOWN else "")
    message = (
        f"no column says {' and '.join(missing)}: the first line names {shown or 'nothing'}; say with --mapping which"
        " column is which"
    )
    raise Invalid(message, code="usage_columns")


_NAMES_SHOWN = 12
