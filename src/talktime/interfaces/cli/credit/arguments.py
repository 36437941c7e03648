"""What several of the commands of `talktime credit` are told: whose credit, and amounts."""

from typing import Annotated

from cyclopts import Parameter

from talktime.core.values.errors import Invalid
from talktime.core.values.money import parse_micros

Whose = Annotated[str, Parameter(help="Whose; may be left out where there is only one organization.")]


def read_amount(text: str) -> int:
    """Read an amount in the organization's currency, as micros; raise Invalid."""
    try:
        return parse_micros(text)
    except ValueError as failure:
        message = f"{failure}: write it as 200 or 0.0135, without a currency"
        raise Invalid(message, code="amount") from failure
