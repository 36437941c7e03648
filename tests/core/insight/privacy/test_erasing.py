"""What is left of a person: nothing by which anybody would know him, and the same however often it is done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import CallKind
from talktime.core.insight.privacy.erasing import (
    Erasure,
    NumbersLeft,
    imported_left,
    number_left,
    numbers_left,
    numbers_left_of,
    text_left,
)

ADA = Erasure(1, 7, "ada@acme.example", "Ada Byron", ("201", "442071234567"))
IMPORTED = {
    "user_principal_name": "",
    "user_object_id": "",
    "display_name": "Rose",
    "department": "Rose",
    "caller": "",
    "called": "33140205050",
}


@pytest.mark.parametrize(
    ("number", "left"),
    [
        ("442071234567", "4420********"),
        ("14255550100", "1425*******"),
        ("4930123", "493****"),
        ("201", "***"),
        ("anonymous", "*********"),
        ("", ""),
        ("4420********", "4420********"),
    ],
)
def test_of_a_number_four_digits_are_left_and_of_a_short_one_none(number: str, left: str) -> None:
    assert number_left(number) == left


@given(st.from_regex(r"[0-9]{0,15}", fullmatch=True))
def test_a_number_keeps_its_length_and_loses_four_digits_at_least(number: str) -> None:
    left = number_left(number)

    assert len(left) == len(number)
    assert left.count("*") >= min(4, len(number))
    assert number_left(left) == left


def test_service_numbers_and_what_was_dialed_for_help_are_no_persons() -> None:
    assert numbers_left(CallKind.CONFERENCE_IN, "33140205050", "448001112222") == ("3314*******", "448001112222")
    assert numbers_left(CallKind.EMERGENCY_OUT, "442071234567", "999") == ("4420********", "999")


def test_of_others_calls_only_his_numbers_go() -> None:
    mixed = NumbersLeft("442071234568", "442071234567")

    assert numbers_left_of(ADA, CallKind.USER_OUT, 8, mixed) == ("442071234568", "4420********")
    assert numbers_left_of(ADA, CallKind.USER_OUT, 7, mixed) == ("4420********", "4420********")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Ada Byron <Ada@Acme.example>", "Erased user 7 <erased-1-7@erased.invalid>"),
        ("mailto:ada@acme.example?x", "mailto:erased-1-7@erased.invalid?x"),
        ("+442071234567, 0442071234567", "+4420********, 0442071234567"),
        ("nevada@acme.example ada@acme.example.org", "nevada@acme.example ada@acme.example.org"),
        ("ada Ada Byronic room 201", "ada Ada Byronic room 201"),
        ("", ""),
    ],
)
def test_a_text_loses_his_names_and_numbers_and_nothing_that_only_looks_like_them(text: str, left: str) -> None:
    assert text_left(ADA, text) == left
    assert text_left(ADA, left) == left


def test_a_name_of_one_word_is_not_searched_for_because_it_may_mean_anything() -> None:
    single = Erasure(1, 7, "ada@acme.example", "Rose", ())

    assert text_left(single, "Rose paid for the rose garden") == "Rose paid for the rose garden"


def test_an_imported_call_of_his_loses_a_name_of_one_word_and_both_numbers() -> None:
    rose = Erasure(1, 7, "rose@acme.example", "Rose", ("442071234567",))
    row = {**IMPORTED, "user_principal_name": "Rose@acme.example", "caller": "442071234567"}

    his = imported_left(rose, row, frozenset())
    of_another = imported_left(rose, {**row, "user_principal_name": "x"}, frozenset())

    assert his == {
        "user_principal_name": "erased-1-7@erased.invalid",
        "user_object_id": "",
        "display_name": "Erased user 7",
        "department": "Rose",
        "caller": "4420********",
        "called": "3314*******",
    }
    assert (of_another["display_name"], of_another["called"]) == ("Rose", "33140205050")
    assert of_another["caller"] == "4420********"


@pytest.mark.parametrize("known_by", [{"user_principal_name": "201"}, {"user_object_id": "id of ada"}])
def test_an_imported_call_is_his_by_an_extension_or_by_an_object_id(known_by: dict[str, str]) -> None:
    left = imported_left(ADA, {**IMPORTED, **known_by, "caller": "201"}, frozenset({"id of ada"}))

    assert (left["user_principal_name"], left["user_object_id"]) == (ADA.name_left, "")
    assert (left["display_name"], left["caller"], left["called"]) == ("Erased user 7", "***", "3314*******")


def test_an_imported_call_of_another_loses_his_extension_alone() -> None:
    left = imported_left(ADA, {**IMPORTED, "user_object_id": "another", "called": "201"}, frozenset({"id of ada"}))

    assert left == {**IMPORTED, "user_object_id": "another", "called": "***"}


def test_of_one_who_was_erased_before_nothing_is_searched() -> None:
    assert Erasure(1, 7, ADA.name_left, ADA.display_name_left, ()).words == ()
