import unicodedata

from talktime.core.values.numbers import country_of
from talktime.samples.people import DOMAIN, TOLL_FREE_NUMBER, sample_users


def test_nobody_shares_a_name_or_a_number() -> None:
    users = sample_users()

    assert len(users) == 40
    for field in ("user_principal_name", "display_name", "number"):
        assert len({getattr(user, field) for user in users}) == len(users)


def test_numbers_are_kept_for_fiction_and_lie_where_the_people_are() -> None:
    for user in sample_users():
        assert user.number.startswith("+1")
        assert user.number[5:10] == "55501"
        assert len(user.number) == 12
        assert country_of(user.number.removeprefix("+")) == user.usage_location
    assert TOLL_FREE_NUMBER == "+18005550199"


def test_people_cannot_be_mailed() -> None:
    assert DOMAIN.endswith(".example")
    assert all(
        user.user_principal_name.isascii() and user.user_principal_name.endswith(f"@{DOMAIN}")
        for user in sample_users()
    )


def test_names_are_written_in_several_scripts() -> None:
    scripts = {unicodedata.name(user.display_name[0]).split()[0] for user in sample_users()}

    assert {"LATIN", "CJK", "CYRILLIC", "GREEK", "ARABIC", "HANGUL"} <= scripts


def test_departments_have_several_people_each() -> None:
    departments = [user.department for user in sample_users()]

    assert len(set(departments)) == 5
    assert all(departments.count(department) >= 4 for department in departments)
