from dataclasses import replace

import pytest

from talktime.core.organizations.licenses import NO_LICENSE, License
from talktime.core.organizations.numbering import assigning
from talktime.core.organizations.users import AccountKind, NumberUse, User
from talktime.core.values.errors import Invalid

ADA = User(1, 1, "ada@acme.example", "Ada", "US", License.PHONE_SYSTEM)
QUEUE = User(1, 2, "support@acme.example", "Support", "US", License.RESOURCE_ACCOUNT, account=AccountKind.CALL_QUEUE)
ATTENDANT = replace(QUEUE, user_id=3, user_principal_name="reception@acme.example", account=AccountKind.AUTO_ATTENDANT)
NUMBER = "12065550100"
SERVICE_USES = (NumberUse.TOLL, NumberUse.TOLL_FREE)


@pytest.mark.parametrize("license_", [License.PHONE_SYSTEM, License.E5, License.PHONE_WITH_CALLING_PLAN])
def test_a_person_with_phone_system_may_answer_a_user_number(license_: License) -> None:
    assigning.check(NUMBER, NumberUse.USER, replace(ADA, licenses=license_))


@pytest.mark.parametrize("use", SERVICE_USES)
@pytest.mark.parametrize("target", [None, QUEUE, ATTENDANT])
def test_the_bridge_attendants_and_queues_may_answer_service_numbers(use: NumberUse, target: User | None) -> None:
    assigning.check(NUMBER, use, target)


@pytest.mark.parametrize("target", [None, QUEUE, ATTENDANT])
def test_a_user_number_is_for_people(target: User | None) -> None:
    with pytest.raises(Invalid, match="is a user number, for a person") as refusal:
        assigning.check(NUMBER, NumberUse.USER, target)
    assert refusal.value.code == "number_is_for_people"


@pytest.mark.parametrize("use", SERVICE_USES)
def test_a_service_number_is_not_for_people(use: NumberUse) -> None:
    with pytest.raises(Invalid, match="is a service number") as refusal:
        assigning.check(NUMBER, use, ADA)
    assert refusal.value.code == "number_is_for_services"


@pytest.mark.parametrize("licenses", [NO_LICENSE, License.AUDIO_CONFERENCING, License.DOMESTIC])
def test_a_person_without_phone_system_gets_no_number(licenses: License) -> None:
    with pytest.raises(Invalid, match="has no Phone System license") as refusal:
        assigning.check(NUMBER, NumberUse.USER, replace(ADA, licenses=licenses))
    assert refusal.value.code == "phone_system_license_missing"


@pytest.mark.parametrize("use", SERVICE_USES)
def test_a_resource_account_without_its_license_gets_no_number(use: NumberUse) -> None:
    with pytest.raises(Invalid, match="which every resource account needs") as refusal:
        assigning.check(NUMBER, use, replace(QUEUE, licenses=License.DOMESTIC))
    assert refusal.value.code == "resource_account_license_missing"
