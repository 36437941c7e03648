"""What is left of a person who is erased, and of details that are too old: a name of nobody, and half a number.

Money, seconds, instants, prefixes and destinations stay as they are; the same is left however often it is done.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from talktime.core.calls.calls import TO_SERVICE, CallKind
from talktime.core.insight.privacy.masking import MASK
from talktime.core.values.frozen import frozen

# Enough to tell the country, in North America too, and too little to tell a person.
KEPT_DIGITS = 4
HIDDEN_DIGITS_MIN = 4
# What is shorter stands in too many texts that mean something else.
NUMBER_DIGITS_MIN = 7
# Numbers of these calls that are no person's: what was dialed for help, and the organization's own service numbers.
CALLED_IS_KEPT = TO_SERVICE | {CallKind.EMERGENCY_OUT}
# RFC 2606 gives this name to nobody, ever.
_NOBODYS_DOMAIN = "erased.invalid"


@frozen
class Erasure:
    """A person, everything by which others would know him, and what stands there instead."""

    organization_id: int
    user_id: int
    user_principal_name: str
    display_name: str
    numbers: tuple[str, ...]

    @property
    def name_left(self) -> str:
        """Return the user principal name that is left: of no person, and nobody else's."""
        return f"erased-{self.organization_id}-{self.user_id}@{_NOBODYS_DOMAIN}"

    @property
    def display_name_left(self) -> str:
        """Return the display name that is left."""
        return f"Erased user {self.user_id}"

    @property
    def is_done(self) -> bool:
        """Tell whether only what is left is known of him."""
        return self.user_principal_name == self.name_left

    @property
    def words(self) -> tuple[str, ...]:
        """Return what to look for in texts: his name at least, and of the rest what can mean nobody else.

        A single word is a name of many things, and a short number too.
        """
        if self.is_done:
            return ()
        names = [self.user_principal_name, *([self.display_name] if len(self.display_name.split()) > 1 else [])]
        return (*names, *(number for number in self.numbers if len(number) >= NUMBER_DIGITS_MIN))


class NumbersLeft(NamedTuple):
    """The two numbers of a call, hidden so far as they are a person's."""

    caller: str
    called: str


def number_left(number: str) -> str:
    """Return what is left of a number: four digits that tell the country; of an extension or a name, nothing."""
    if MASK in number:
        return number
    kept = min(KEPT_DIGITS, max(len(number) - HIDDEN_DIGITS_MIN, 0)) if number.isdecimal() else 0
    return number[:kept] + MASK * (len(number) - kept)


def numbers_left(kind: CallKind, caller: str, called: str) -> NumbersLeft:
    """Return what is left of a call's numbers once nobody shall be found by them."""
    return NumbersLeft(number_left(caller), called if kind in CALLED_IS_KEPT else number_left(called))


def numbers_left_of(erasure: Erasure, kind: CallKind, user_id: int | None, numbers: NumbersLeft) -> NumbersLeft:
    """Return what is left of a call's numbers: of his own calls both, of others' calls only where they are his."""
    if user_id == erasure.user_id:
        return numbers_left(kind, *numbers)
    return NumbersLeft(*(number_left(number) if number in erasure.numbers else number for number in numbers))


def text_left(erasure: Erasure, text: str) -> str:
    """Return a text without him: each name or number that stands in it by itself is replaced."""
    for word in erasure.words:
        is_number = word.isdecimal()
        before, after = (r"(?<!\d)", r"(?!\d)") if is_number else (r"(?<![\w.@-])", r"(?![\w@-]|\.\w)")
        left = number_left(word) if is_number else _left_of(erasure, word)
        text = re.sub(before + re.escape(word) + after, left.replace("\\", r"\\"), text, flags=re.IGNORECASE)
    return text


def texts_left(erasure: Erasure, texts: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the texts of a row, by their columns, without him."""
    return {name: None if text is None else text_left(erasure, text) for name, text in texts.items()}


def imported_left(erasure: Erasure, texts: Mapping[str, str], object_ids: AbstractSet[str]) -> dict[str, str]:
    """Return the texts of a call that another system recorded, by their columns, without him.

    It is his by his name, by one of his numbers in its place (a switch knows an extension only), or by an object id
    that is his. Then the other party's number goes too, as in his own calls here; of others' calls his numbers go.
    """
    left = {name: text_left(erasure, text) for name, text in texts.items()}
    names = {erasure.user_principal_name.lower(), *erasure.numbers}
    if texts["user_principal_name"].lower() in names or texts["user_object_id"] in object_ids:
        left |= {"user_principal_name": erasure.name_left, "display_name": erasure.display_name_left}
        left["user_object_id"] = ""
        return left | {name: number_left(left[name]) for name in ("caller", "called")}
    return left | {name: number_left(texts[name]) for name in ("caller", "called") if texts[name] in erasure.numbers}


def _left_of(erasure: Erasure, word: str) -> str:
    return erasure.name_left if word == erasure.user_principal_name else erasure.display_name_left
