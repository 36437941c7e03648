"""What a dialplan would send: its own lines, read from the file that ships, with its variables filled in."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

# ${NAME}, ${FUNCTION(argument)}: innermost first.
_EXPRESSION = re.compile(r"\$\{([^${}]*)\}")
_ENCODER = re.compile(r"(?:URIENCODE|url_encode)\((.*)\)")


def filled(template: str, variables: Mapping[str, str]) -> str:
    """Return the template with all expressions replaced; an unknown one is an error."""
    while (found := _EXPRESSION.search(template)) is not None:
        template = template[: found.start()] + _value(found[1], variables) + template[found.end() :]
    return template


def post(url: str, form: str) -> str:
    """Send a form like curl, and return the body of the answer."""
    request = Request(url, form.encode(), {"Content-Type": "application/x-www-form-urlencoded"})  # noqa: S310 -- our own server
    with urlopen(request, timeout=10) as answer:  # noqa: S310 -- our own server
        body: bytes = answer.read()
        return body.decode().rstrip("\n")


def post_for_json(url: str, form: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(post(url, form))
    return answer


class AsteriskDialplan:
    """The requests in extensions.conf, by the operation that they ask for."""

    def __init__(self, path: Path) -> None:
        self._text = path.read_text("utf-8")

    def request(self, operation: str, variables: Mapping[str, str]) -> tuple[str, str]:
        """Return URL and form of `CURL(url,form)`."""
        (found,) = re.findall(rf"=\$\{{CURL\(([^,]*/v1/calls/{operation}[^,]*),(.*)\)\}}\)", self._text)
        url, form = found
        return filled(url, variables), filled(form, variables)

    def assigned(self, variable: str, variables: Mapping[str, str]) -> str:
        """Return what `Set(variable=…)` gives it."""
        (value,) = set(re.findall(rf"Set\(_*{variable}=(.*)\)", self._text))
        return filled(value, variables)

    def json_fields(self) -> dict[str, str]:
        """Return which field of the answer each variable is read from."""
        return dict(re.findall(r"Set\(_*(\w+)=\$\{JSON_DECODE\(TT_ANSWER,(\w+)\)\}\)", self._text))

    def text_fields(self) -> dict[str, int]:
        """Return which word of the answer, counted from 1, each variable is read from."""
        found = re.findall(r"Set\(_*(\w+)=\$\{CUT\(TT_ANSWER, ,(\d)\)\}\)", self._text)
        return {variable: int(position) for variable, position in found}


def _value(expression: str, variables: Mapping[str, str]) -> str:
    encoder = _ENCODER.fullmatch(expression)
    return quote(encoder[1], safe="") if encoder is not None else variables[expression]
