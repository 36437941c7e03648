"""The catalog: what each license is called, stands on, excludes and costs, and who can have it (domain.md 2.1, 6)."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from enum import Enum

from talktime.core.organizations.licenses import (
    CALLING_PLANS,
    CONFERENCING,
    NO_LICENSE,
    License,
)
from talktime.core.organizations.users import AccountKind
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.money import MICROS_PER_UNIT

LIST_PRICE_CURRENCY = "USD"

_PEOPLE = frozenset({AccountKind.PERSON})
_RESOURCE_ACCOUNTS = frozenset({AccountKind.AUTO_ATTENDANT, AccountKind.CALL_QUEUE})
# An attendant or a queue calls out by a plan of its own, and from the credit (domain.md 1.1, 4.5).
_TELEPHONY = License.PHONE_SYSTEM | License.RESOURCE_ACCOUNT
_MORE_OF = 3


class Family(Enum):
    """The products of which plans and prices are shown (S59), and what stands beside them."""

    CALLING_PLANS = "Calling plans"
    CONFERENCING = "Audio conferencing"
    PHONE_SYSTEM = "Phone system"
    SUITES = "Suites"
    CREDITS = "Credits"


class PoolBasis(Enum):
    """By which licenses the included minutes of a pool grow (D5)."""

    PURCHASED = "purchased"
    ASSIGNED = "assigned"


@frozen
class Product:
    """A license as it is sold; `needs` is any one of, `excludes` never beside it on one user."""

    license: License
    name: str
    sku: str
    family: Family
    # Other part names, names and GUIDs by which scripts and people know it; never shown.
    aliases: tuple[str, ...] = ()
    # For tables in which many stand in a cell.
    short_name: str = ""
    needs: License = NO_LICENSE
    excludes: License = NO_LICENSE
    holders: frozenset[AccountKind] = _PEOPLE
    basis: PoolBasis | None = None
    # Free, and as many as there are users (domain.md 1.2).
    is_unlimited: bool = False
    # Not bought but allotted (domain.md 4.5).
    is_allotted: bool = False
    # Per user and month, from public pages, for orientation; None where none is known (domain.md 8).
    list_price_micros: int | None = None

    @property
    def key(self) -> str:
        """Return the name by which commands know it: `pay-as-you-go-2`."""
        return str(self.license.name).lower().replace("_", "-")


def product_of(license_: License) -> Product:
    """Return the product of a single license."""
    return _BY_LICENSE[license_]


def read_license(text: str) -> License:
    """Return the license of a part name, alias, GUID or name, in any case and spacing; raise Invalid."""
    found = known_as(text)
    if found is not None:
        return found
    near = get_close_matches(_normal(text), _BY_KEY, n=_MORE_OF, cutoff=0.5)
    names = list(dict.fromkeys(product_of(_BY_KEY[each]).name for each in near))
    meant = f"did you mean {' or '.join(names)}?" if names else "`talktime licenses show` lists what there is"
    message = f"{text.strip()!r} is no license: {meant}"
    raise Invalid(message, code="license")


def known_as(text: str) -> License | None:
    """Return the license of a name, None where there is none: as `read_license`, for whoever may do without."""
    return _BY_KEY.get(_normal(text))


def in_words(licenses: License) -> str:
    """Return the names of licenses, as a sentence lists alternatives."""
    return " or ".join(product_of(each).name for each in licenses)


def _normal(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower().replace("&", "and").replace("licence", "license"))


def _units(amount: int) -> int:
    return amount * MICROS_PER_UNIT


def _plan(
    license_: License,
    name: str,
    sku: str,
    aliases: tuple[str, ...] = (),
    *,
    short_name: str,
    basis: PoolBasis | None = PoolBasis.ASSIGNED,
    price: int | None = None,
) -> Product:
    """Return a calling plan: one at most on a user (MutuallyExclusiveViolation), who has Phone System."""
    return Product(
        license_,
        name,
        sku,
        Family.CALLING_PLANS,
        aliases,
        short_name,
        needs=_TELEPHONY,
        excludes=CALLING_PLANS & ~license_,
        holders=_PEOPLE | _RESOURCE_ACCOUNTS,
        basis=basis,
        list_price_micros=price,
    )


CATALOG: tuple[Product, ...] = (
    _plan(
        License.DOMESTIC,
        "Domestic Calling Plan",
        "MCOPSTN1",
        (
            "MCOPSTN1BR",
            "MCOPSTN1MX",
            "Microsoft_Teams_Domestic_Calling_Plan_(Mexico)",
            "0dab259f-bf13-4952-b7f8-7db8f131b28d",
            "4ed3ff63-69d7-4fb7-b984-5aec7f605ca8",
        ),
        short_name="Domestic",
        price=_units(12),
    ),
    _plan(
        License.DOMESTIC_AND_INTERNATIONAL,
        "Domestic and International Calling Plan",
        "MCOPSTN2",
        (
            "MCOPSTN2BR",
            "MCOPSTN2MX",
            "MCOPSTN9",
            "International",
            "International Calling Plan",
            "Microsoft_Teams_Domestic_and_International_Calling_Plan_(Mexico)",
            "d3b4fe1f-9992-4930-8acb-ca6ec609365e",
            "5a10155d-f5c1-411a-a8ec-e99aae125390",
        ),
        short_name="International",
        price=_units(24),
    ),
    _plan(
        License.DOMESTIC_120,
        "Domestic Calling Plan 120",
        "MCOPSTN5",
        ("54a152dc-90de-4996-93d2-bc47e670fc06",),
        short_name="Dom. 120",
        price=_units(8),
    ),
    _plan(License.DOMESTIC_240, "Domestic Calling Plan 240", "MCOPSTN6", short_name="Dom. 240"),
    _plan(
        License.DOMESTIC_120_NOT_POOLED,
        "Domestic Calling Plan 120 not pooled",
        "MCOPSTN8",
        short_name="Dom. 120 own",
    ),
    _plan(
        License.PAY_AS_YOU_GO_1,
        "Pay-As-You-Go Calling Plan zone 1",
        "MCOPSTN_PAYG_1",
        ("PAYG 1",),
        short_name="PAYG 1",
        basis=None,
    ),
    _plan(
        License.PAY_AS_YOU_GO_2,
        "Pay-As-You-Go Calling Plan zone 2",
        "MCOPSTN_PAYG_2",
        ("PAYG 2",),
        short_name="PAYG 2",
        basis=None,
    ),
    _plan(
        License.PAY_AS_YOU_GO_MEXICO,
        "Pay-As-You-Go Calling Plan Mexico",
        "Microsoft_Teams_pay_as_you_go_(Mexico)",
        ("Microsoft_Teams_Pay_As_You_Go_Calling_Plan_(Mexico)", "PAYG Mexico"),
        short_name="PAYG MX",
        basis=None,
    ),
    Product(
        License.AUDIO_CONFERENCING,
        "Audio Conferencing",
        "MCOMEETADV",
        Family.CONFERENCING,
        (
            "MCOMEETADD",
            "Conferencing",
            "0c266dff-15dd-4b49-8397-2bb16070ed52",
            "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40",
        ),
        "Conf.",
        basis=PoolBasis.PURCHASED,
    ),
    Product(
        License.SELECT_DIAL_OUT,
        "Audio Conferencing with dial-out to USA and Canada",
        "Microsoft_Teams_Audio_Conferencing_select_dial_out",
        Family.CONFERENCING,
        ("Audio Conferencing select dial-out", "Audio Conferencing with dial-out to USA/CAN"),
        "Conf. US/CA",
        basis=PoolBasis.ASSIGNED,
        list_price_micros=0,
    ),
    Product(
        License.PAY_PER_MINUTE_CONFERENCING,
        "Audio Conferencing pay per minute",
        "MCOMEETACPEA",
        Family.CONFERENCING,
        ("MCOMEETACPEA_GOV", "Pay-per-minute Audio Conferencing", "PPM"),
        "Conf. PPM",
    ),
    Product(
        License.EXTENDED_DIAL_OUT,
        "Extended dial-out to USA and Canada",
        "MCOMEETADD_DIALOUT_US",
        Family.CONFERENCING,
        ("Audio Conferencing extended dial-out", "Extended dial-out minutes to US and Canada"),
        "Ext. dial-out",
        needs=CONFERENCING,
    ),
    Product(
        License.PHONE_SYSTEM,
        "Phone System",
        "MCOEV",
        Family.PHONE_SYSTEM,
        ("Teams Phone Standard", "Teams Phone", "4828c8ec-dc2e-4779-b502-87ac9ce28ab7"),
        "Phone",
    ),
    Product(
        License.PHONE_WITH_CALLING_PLAN,
        "Teams Phone with Calling Plan",
        "MCOTEAMS_ESSENTIALS",
        Family.PHONE_SYSTEM,
        (),
        "Phone+plan",
        basis=PoolBasis.ASSIGNED,
    ),
    Product(
        License.COMMON_AREA_PHONE,
        "Common Area Phone",
        "MCOCAP",
        Family.PHONE_SYSTEM,
        ("MCOPSTNCAP", "Shared device", "295a8eb0-f78d-45c7-8b5b-1eed5ed02dff"),
        "Common area",
    ),
    Product(
        License.RESOURCE_ACCOUNT,
        "Teams Phone Resource Account",
        "MCOEV_VIRTUALUSER",
        Family.PHONE_SYSTEM,
        ("MCOEV_VIRTUALUSER_GOV", "Phone System - Virtual User", "Virtual User"),
        "Resource",
        holders=_RESOURCE_ACCOUNTS,
        is_allotted=True,
        list_price_micros=0,
    ),
    Product(
        License.E5,
        "Enterprise E5",
        "ENTERPRISEPREMIUM",
        Family.SUITES,
        ("Office 365 E5",),
        "E5",
        basis=PoolBasis.PURCHASED,
    ),
    Product(
        License.E5_WITHOUT_CONFERENCING,
        "Enterprise E5 without Audio Conferencing",
        "ENTERPRISEPREMIUM_NOPSTNCONF",
        Family.SUITES,
        ("Office 365 E5 without Audio Conferencing",),
        "E5 no conf.",
    ),
    Product(License.E3, "Enterprise E3", "ENTERPRISEPACK", Family.SUITES, ("Office 365 E3",), "E3"),
    Product(License.E1, "Enterprise E1", "STANDARDPACK", Family.SUITES, ("Office 365 E1",), "E1"),
    Product(
        License.COMMUNICATIONS_CREDITS,
        "Communications Credits",
        "MCOPSTNC",
        Family.CREDITS,
        (
            "MCOPSTNPP",
            "Communication Credits",
            "Credits",
            "47794cd0-f0e5-45c5-9033-2eb6b5fc84e0",
            "505e180f-f7e0-4b65-91d4-00d670bbd18c",
        ),
        "Credits",
        needs=CONFERENCING | _TELEPHONY,
        holders=_PEOPLE | _RESOURCE_ACCOUNTS,
        is_unlimited=True,
        list_price_micros=0,
    ),
)
_BY_LICENSE: Mapping[License, Product] = {product.license: product for product in CATALOG}
_BY_KEY: Mapping[str, License] = {
    _normal(name): product.license
    for product in CATALOG
    for name in (product.key, product.name, product.sku, *product.aliases)
}
