"""Numbers, organizations and facts for the tests of numbering."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import CountryRule
from talktime.core.organizations.licenses import License
from talktime.core.organizations.numbering.ordering import NumberFacts, Wanted
from talktime.core.organizations.numbering.phone_numbers import Listing, PhoneNumber
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import NumberUse

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACME = Organization(1, "Acme", "US", "USD", ZoneInfo("UTC"), "standard", has_credit_set_up=True)
USA = CountryRule("US", has_toll_numbers=True, has_toll_free_numbers=True)
# 65 user numbers, 20 toll and 20 toll-free ones.
LICENSES = Arrangements(purchased={License.DOMESTIC: 50, License.PHONE_SYSTEM: 51})


def facts(
    held_count: int = 0,
    organization: Organization = ACME,
    arrangements: Arrangements = LICENSES,
    rule: CountryRule = USA,
) -> NumberFacts:
    return NumberFacts(organization, arrangements, rule, held_count)


def wanted(quantity: int = 1, use: NumberUse = NumberUse.TOLL) -> Wanted:
    return Wanted("Sales", use, "US", "", quantity)


def phones(count: int, use: NumberUse = NumberUse.TOLL) -> list[PhoneNumber]:
    return [PhoneNumber(Listing(f"1206555{number:04}", use, "US", "Seattle")) for number in range(count)]
