"""Why a user should have another plan, in a sentence that can be checked by hand."""

from talktime.core.insight.license_advice.advising import Advised
from talktime.core.values.money import MICRO_DECIMALS, Rounding, divide, format_micros
from talktime.core.values.places import currency_decimals


def why(row: Advised, currency: str) -> str:
    """Say what the calls are and what they cost on either plan."""

    def money(amount_micros: int) -> str:
        return f"{rounded(amount_micros, currency)} {currency}"

    talks = f"Talks {row.minutes_per_month:,} minutes a month"
    before, after = row.today_micros - row.today.price_micros, row.advised_micros - row.advised.price_micros
    if row.minutes_per_month == 0:
        return f"Nobody called: {row.today.name} costs {money(row.today.price_micros)} all the same."
    if not row.advised.calling_plan:
        beyond = f" and {money(before)} for what it does not pay" if before else ""
        return f"{talks}: {money(after)} by the minute, and {money(row.today.price_micros)} for the plan{beyond}."
    if not row.today.calling_plan:
        rest = f", and {money(after)} are left to pay" if after else " and pays all of it"
        return f"{talks}: {money(before)} by the minute; the plan costs {money(row.advised.price_micros)}{rest}."
    return (
        f"{talks}: {money(row.today.price_micros)} and {money(before)} for calls now,"
        f" {money(row.advised.price_micros)} and {money(after)} for calls then."
    )


def rounded(amount_micros: int, currency: str) -> str:
    """Write an amount half-up to the decimals of its currency: an average is not exact to the micro."""
    decimals = currency_decimals(currency)
    step = int(10 ** (MICRO_DECIMALS - decimals))
    amount = divide(abs(amount_micros), step, Rounding.HALF_UP) * step
    return format_micros(amount if amount_micros >= 0 else -amount, decimals_min=decimals)
