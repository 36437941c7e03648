"""`talktime licenses advise`: who would cost less on another plan, or by the minute, and how sure that is."""

from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.insight.license_advice.advising import MONTHS_MIN, Advised, LicenseAdvice, NotEnough, Unused
from talktime.core.insight.license_advice.saying import rounded, why
from talktime.core.organizations.licenses import License
from talktime.core.organizations.licensing.products import product_of, read_license
from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_micros, parse_micros
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    heading,
    hint,
    now,
    open_app,
    progress,
    show,
    table,
    warn,
)
from talktime.usecases.insight.advise_licenses import AdviseLicenses, LicensesAdvised, advise_licenses

_ROWS_SHOWN_MAX = 50
_SURE_PERCENT = 80


def advise(
    *,
    months: Annotated[int, Parameter(help="How many of the last whole months are replayed, at most 12.")] = 6,
    price: Annotated[
        tuple[str, ...],
        Parameter(negative=(), help="What a license costs a user and month: domestic=11.50; repeatable."),
    ] = (),
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Replay past months on other calling plans, and tell who would have cost less on which, and how surely."""
    request = AdviseLicenses(organization, now(), months, dict(map(_price, price)))
    with open_app(options.database) as talktime, progress("Replaying", unit="months"):
        advised = talktime.read(advise_licenses, request)
    show(options, _document(advised), lambda: _view(advised))
    if not options.as_json:
        _say(advised)


def _price(text: str) -> tuple[License, int]:
    name, equals, amount = text.partition("=")
    try:
        micros = parse_micros(amount)
    except ValueError as failure:
        message = f"{text!r} states no price: write domestic=11.50"
        raise Invalid(message, code="license_price") from failure
    if not equals or micros < 0:
        message = f"{text!r} states no price: write domestic=11.50"
        raise Invalid(message, code="license_price")
    return read_license(name), micros


def _document(advised: LicensesAdvised) -> dict[str, Any]:
    advice, currency = advised.advice, advised.organization.currency
    if isinstance(advice, NotEnough):
        return {
            "organization": advised.organization.name,
            "is_enough": False,
            "months": list(advice.months),
            "months_min": advice.months_min,
        }
    return {
        "organization": advised.organization.name,
        "is_enough": True,
        "months": list(advice.months),
        "calls": advice.calls_count,
        "users": advice.users_count,
        "currency": currency,
        "per_month": {
            "today": format_micros(advice.today_micros),
            "advised": format_micros(advice.advised_micros),
            "saving": format_micros(advice.saving_micros),
            "of_it_to_others": format_micros(advice.others_micros),
        },
        "changes": [_row_document(row, currency) for row in advice.rows],
        "unused": [_unused_document(each) for each in advice.unused],
        "prices": {
            product_of(license_).key: format_micros(micros)
            for license_, micros in sorted(advised.prices.items(), key=lambda item: item[0].value)
        },
        "plans_without_price": [product.key for product in advice.unpriced],
        "unrated_minutes": advice.unrated_minutes,
        "new_users_not_judged": advice.new_users_count,
    }


def _row_document(row: Advised, currency: str) -> dict[str, Any]:
    sure = row.confidence
    return {
        "user": row.user.user_principal_name,
        "display_name": row.user.display_name,
        "today": [str(each.name).lower() for each in row.today.licenses],
        "advised": [str(each.name).lower() for each in row.advised.licenses],
        "minutes_per_month": row.minutes_per_month,
        "today_per_month": format_micros(row.today_micros),
        "advised_per_month": format_micros(row.advised_micros),
        "saving_per_month": format_micros(row.saving_micros),
        "confidence": {
            "months_saved": sure.months_saved,
            "months": sure.months_count,
            "drawn_months_saved": sure.drawn_saved,
            "drawn_months": sure.drawn_count,
            "percent": sure.percent,
        },
        "why": why(row, currency),
        "command": _command(row),
    }


def _unused_document(each: Unused) -> dict[str, Any]:
    return {
        "license": each.product.key,
        "count": each.count,
        "assigned": each.is_assigned,
        "price_per_month": None if each.price_micros is None else format_micros(each.price_micros),
    }


def _view(advised: LicensesAdvised) -> RenderableType:
    advice, currency = advised.advice, advised.organization.currency
    title = f"Licenses of {advised.organization.name}"
    if isinstance(advice, NotEnough):
        return heading(title, f"whole months with usage: {len(advice.months)}")
    parts: list[RenderableType] = [
        heading(title, f"{advice.months[0]} to {advice.months[-1]}", f"{advice.calls_count:,} calls replayed"),
        _totals(advice, currency),
        "",
    ]
    if advice.rows:
        parts += [_changes(advice, currency), ""]
    if advice.unused:
        parts.append(_unused(advice, currency))
    return Group(*parts)


def _totals(advice: LicenseAdvice, currency: str) -> Text:
    if not advice.rows:
        return Text(f"Nobody would have cost less: {rounded(advice.today_micros, currency)} {currency} a month.")
    return Text.assemble(
        f"Plans and calls cost {rounded(advice.today_micros, currency)} {currency} a month now and ",
        f"{rounded(advice.advised_micros, currency)} as advised: ",
        (f"{rounded(advice.saving_micros, currency)} {currency} less.", "bold green"),
    )


def _changes(advice: LicenseAdvice, currency: str) -> RenderableType:
    numbers = ("Now", "Then", "Saves", "Sure")
    drawn = table("User", "Has", "Should have", *numbers, "Why", numbers=numbers)
    for row in advice.rows[:_ROWS_SHOWN_MAX]:
        sure = row.confidence
        color = "green" if sure.percent >= _SURE_PERCENT else "yellow"
        drawn.add_row(
            row.user.user_principal_name,
            _plan(row.today.calling_plan),
            _plan(row.advised.calling_plan),
            rounded(row.today_micros, currency),
            rounded(row.advised_micros, currency),
            rounded(row.saving_micros, currency),
            Text(f"{sure.percent} %, {sure.months_saved} of {sure.months_count}", color),
            why(row, currency),
        )
    return drawn


def _plan(plan: License) -> str:
    return product_of(plan).short_name if plan else "by the minute"


def _unused(advice: LicenseAdvice, currency: str) -> RenderableType:
    drawn = table("Not used", "How many", "Cost a month", "What", numbers=("How many", "Cost a month"))
    for each in advice.unused:
        price = "not known" if each.price_micros is None else rounded(each.price_micros * each.count, currency)
        what = "assigned to people who led no conference" if each.is_assigned else "bought and not assigned"
        drawn.add_row(each.product.name, f"{each.count:,}", price, what)
    return drawn


def _say(advised: LicensesAdvised) -> None:
    advice, currency = advised.advice, advised.organization.currency
    if isinstance(advice, NotEnough):
        hint(
            f"Advice needs {advice.months_min} whole months of usage, and there are {len(advice.months)}: a plan that"
            " saves in one month may cost in the next. Ask again later."
        )
        return
    lost = rounded(-advice.others_micros, currency)
    # An average of months is not exact to the micro.
    if advice.others_micros < 0 and lost != rounded(0, currency):
        hint(f"Pools become smaller: others pay {lost} {currency} more a month for it; the total counts that.")
    if len(advice.rows) > _ROWS_SHOWN_MAX:
        hint(f"{len(advice.rows) - _ROWS_SHOWN_MAX:,} more changes: `--json` has all of them.")
    if advice.new_users_count:
        hint(
            f"New, not judged: {advice.new_users_count:,} with fewer than {MONTHS_MIN} whole months since their first"
            " call, or without any call; they keep what they have."
        )
    if advice.unpriced:
        names = ", ".join(product.key for product in advice.unpriced)
        warn(f"no price is known of {names}: who has it stays as he is; state it: --price {advice.unpriced[0].key}=…")
    if advice.unrated_minutes:
        warn(f"{advice.unrated_minutes:,} minutes have no published rate and are not counted in money")
    if advice.rows:
        hint(f"To follow the first: `{_command(advice.rows[0])}`; the savings hold for all changes together.")


def _command(row: Advised) -> str:
    """Return the command that makes the change at once; what is not bought yet, it says."""
    on, off = row.advised.licenses & ~row.today.licenses, row.today.licenses & ~row.advised.licenses
    switches = [f"--on {product_of(each).key}" for each in on] + [f"--off {product_of(each).key}" for each in off]
    return f"talktime licenses assign {row.user.user_principal_name} {' '.join(switches)}"
