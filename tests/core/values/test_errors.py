import pytest

from talktime.core.values.errors import CallerError, Conflict, Forbidden, Invalid, NotFound, TalktimeError, Unavailable


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (NotFound, "not_found"),
        (Conflict, "conflict"),
        (Invalid, "invalid"),
        (Forbidden, "forbidden"),
        (Unavailable, "unavailable"),
    ],
)
def test_an_error_has_a_sentence_for_people_and_a_code_for_programs(kind: type[TalktimeError], code: str) -> None:
    error = kind("it is not there")

    assert (error.message, error.code, str(error)) == ("it is not there", code, "it is not there")


def test_an_error_may_have_a_code_of_its_own() -> None:
    assert Conflict("taken", code="identity_taken").code == "identity_taken"


def test_only_what_the_world_fails_is_worth_another_try() -> None:
    assert not issubclass(Unavailable, CallerError)
    assert all(issubclass(kind, CallerError) for kind in (NotFound, Conflict, Invalid, Forbidden))
