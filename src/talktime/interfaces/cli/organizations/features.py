"""`talktime features`: which licenses each feature needs, and what a user lacks."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group
from rich.text import Text

from talktime.core.organizations.licenses import (
    CALLING_PLANS,
    CONFERENCING,
    CONFERENCING_SUBSCRIPTIONS,
    MINUTE_PLANS,
    License,
    bringing,
)
from talktime.core.organizations.licensing.features import (
    FEATURES,
    CreditNeed,
    Feature,
    FeatureState,
    LicensedOn,
    MoneyGap,
    Way,
)
from talktime.core.organizations.licensing.products import in_words, product_of
from talktime.interfaces.cli.terminal import DEFAULTS, Options, Whose, heading, hint, now, open_app, show, table
from talktime.usecases.organizations.licensing.show_features import ShowFeatures, UserFeatures, show_features

app = App(name="features")

# Groups of many licenses have a name of their own.
_GROUPS = {
    MINUTE_PLANS: "a calling plan with minutes",
    CALLING_PLANS: "a calling plan",
    CALLING_PLANS & ~MINUTE_PLANS: "a Pay-As-You-Go plan",
    CONFERENCING_SUBSCRIPTIONS: "an Audio Conferencing subscription",
    CONFERENCING: "any Audio Conferencing",
}
_CREDIT = {CreditNeed.NOTHING: "", CreditNeed.BALANCE: "above 0"}
_GAPS = {
    MoneyGap.CREDIT_NOT_SET_UP: "credits are not set up: the first purchase does it",
    MoneyGap.NO_BALANCE: "there is no credit left",
    MoneyGap.OVERAGE_OFF: "overage is off",
}


@app.default
def features(
    *,
    user: Annotated[str, Parameter(help="Tell what this user can do and what is missing for the rest.")] = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Show which licenses each feature needs, and which money."""
    if not user:
        show(options, {"features": [_feature_document(feature) for feature in FEATURES]}, _table_view)
        return
    with open_app(options.database) as talktime:
        found = talktime.read(show_features, ShowFeatures(organization, user, now()))
    show(options, _user_document(found), lambda: _user_view(found))
    if not options.as_json and not all(state.is_given for state in found.features):
        hint("`talktime features` shows every way to each feature.")


def _feature_document(feature: Feature) -> dict[str, Any]:
    return {
        "feature": feature.key,
        "name": feature.name,
        "holders": feature.holders,
        "ways": [
            {
                "licenses": [_keys(group) for group in way.licenses],
                "calling_plan_where_required": bool(way.plan),
                "credit": way.credit,
                "credits_license_on": way.credits_license,
            }
            for way in feature.ways
        ],
    }


def _keys(group: License) -> list[str]:
    return [product_of(license_).key for license_ in group]


def _table_view() -> Group:
    made = table("Feature", "Licenses", "Credit", "Credits license on")
    for feature in FEATURES:
        for index, way in enumerate(feature.ways):
            name = Text(feature.name) if index == 0 else Text("or", "dim")
            on = "" if way.credits_license is LicensedOn.NOBODY else f"the {way.credits_license.value}"
            made.add_row(name, _groups(way), _CREDIT[way.credit], on)
    notes = (
        "* where calls come from a carrier that sells plans",
        "Who pays after use needs neither credit nor the Communications Credits license, but overage that is on.",
        f"Phone System is a part of {_bundles(License.PHONE_SYSTEM)};",
        f"Audio Conferencing of {_bundles(License.AUDIO_CONFERENCING)}.",
    )
    return Group(made, "", *(Text(note, "dim") for note in notes))


def _groups(way: Way) -> str:
    groups = [_words(group) for group in way.licenses]
    return " + ".join([*groups, f"{_words(way.plan)}*"] if way.plan else groups)


def _bundles(service: License) -> str:
    _, *bundles = bringing(service)
    return ", ".join(product_of(bundle).name for bundle in bundles)


def _words(group: License) -> str:
    return _GROUPS.get(group) or in_words(group)


def _user_document(found: UserFeatures) -> dict[str, Any]:
    return {
        "organization": found.organization,
        "user": found.user.user_principal_name,
        "licenses": _keys(found.user.licenses),
        "features": [
            {
                "feature": state.feature.key,
                "name": state.feature.name,
                "is_given": state.is_given,
                "missing_licenses": [_keys(group) for group in state.missing_licenses],
                "missing_money": None if state.missing_money is MoneyGap.NONE else state.missing_money,
            }
            for state in found.features
        ],
    }


def _user_view(found: UserFeatures) -> Group:
    held = ", ".join(product_of(license_).name for license_ in found.user.licenses) or "no license"
    made = table("", "Feature", "What is missing")
    for state in found.features:
        mark = Text("✓", "green") if state.is_given else Text("✗", "red")
        made.add_row(mark, state.feature.name, _missing(state))
    return Group(heading(found.user.user_principal_name, f"{found.organization}, {held}"), "", made)


def _missing(state: FeatureState) -> str:
    missing: Sequence[str] = [_words(group) for group in state.missing_licenses]
    money = _GAPS.get(state.missing_money, "")
    licenses = "the license " + " + ".join(missing) if missing else ""
    return "; ".join(filter(None, (licenses, money)))
