"""What several of the commands of `talktime credit` are told: amounts, what they are, and why."""

from enum import Enum
from typing import Annotated

from cyclopts import Parameter

from talktime.core.credit.lots import LotKind
from talktime.core.values.errors import Invalid
from talktime.core.values.money import parse_micros

Reference = Annotated[
    str, Parameter(help="What you call the change, such as a ticket: the same again changes nothing.")
]
Reason = Annotated[str, Parameter(help="Why; the books keep it.")]


class Kind(Enum):
    """Why the money is there."""

    PURCHASED = LotKind.PURCHASED
    PROMOTIONAL = LotKind.PROMOTIONAL


def read_amount(text: str) -> int:
    """Read an amount in the organization's currency, as micros; raise Invalid."""
    try:
        return parse_micros(text)
    except ValueError as failure:
        message = f"{failure}: write it as 200 or 0.0135, without a currency"
        raise Invalid(message, code="amount") from failure
