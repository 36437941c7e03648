import pytest

from tests.interfaces.cli.conftest import Talktime


@pytest.fixture
def ada(acme: Talktime) -> Talktime:
    bought = acme("licenses", "buy", "phone-system", 1)
    assert bought.code == 0, bought.err
    added = acme("users", "add", "ada@acme.example", "--licenses", "phone system")
    assert added.code == 0, added.err
    return acme


def test_the_table_names_licenses_and_money_of_every_feature(talktime: Talktime) -> None:
    ran = talktime("features")

    assert "Phone System + a calling plan with minutes" in ran.out
    assert "the organizer" in ran.out
    assert "Audio Conferencing of Enterprise E5" in ran.out


def test_programs_get_the_table_too(talktime: Talktime) -> None:
    features = {feature["feature"]: feature for feature in talktime("features", "--json").document["features"]}

    assert features["conference_dial_in"]["ways"] == [
        {
            "licenses": [["audio-conferencing", "select-dial-out"]],
            "calling_plan_where_required": False,
            "credit": "nothing",
            "credits_license_on": "nobody",
        },
        {
            "licenses": [["pay-per-minute-conferencing"]],
            "calling_plan_where_required": False,
            "credit": "balance",
            "credits_license_on": "nobody",
        },
    ]


def test_a_user_learns_what_he_can_do_and_what_is_missing_for_the_rest(ada: Talktime) -> None:
    ran = ada("features", "--user", "ADA@acme.example")

    assert ran.code == 0, ran.err
    assert "Acme, Phone System" in ran.out
    assert "the license Communications Credits; credits are not set up" in ran.out
    assert "talktime features" in ran.err


def test_programs_learn_of_a_user_by_keys(ada: Talktime) -> None:
    document = ada("features", "--user", "ada@acme.example", "--json").document

    features = {feature["feature"]: feature for feature in document["features"]}
    assert document["licenses"] == ["phone-system"]
    assert features["phone_system"]["is_given"] is True
    assert features["calls_paid"] == {
        "feature": "calls_paid",
        "name": "Call beyond the included minutes, or abroad",
        "is_given": False,
        "missing_licenses": [["communications-credits"]],
        "missing_money": "credit_not_set_up",
    }


def test_credit_that_was_bought_is_missing_no_longer(ada: Talktime) -> None:
    bought = ada("credit", "add", "200", "--reference", "PO-1")
    assert bought.code == 0, bought.err

    document = ada("features", "--user", "ada@acme.example", "--json").document

    [state] = [feature for feature in document["features"] if feature["feature"] == "calls_paid"]
    assert (state["missing_licenses"], state["missing_money"]) == ([["communications-credits"]], None)


def test_a_user_whom_nobody_knows_is_not_found(acme: Talktime) -> None:
    ran = acme("features", "--user", "zoe@acme.example", "--json")

    assert (ran.code, ran.document["error"]) == (2, "user_not_found")
