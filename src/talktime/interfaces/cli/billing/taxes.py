"""`talktime taxes`: what each country takes, from which day on; for operators."""

from datetime import date
from typing import Annotated, Any

from cyclopts import App, Parameter

from talktime.core.credit.billing.invoices import Tax
from talktime.core.credit.billing.taxes import PARTS_PER_MILLION, TaxedAt, TaxRule
from talktime.core.values.errors import Invalid
from talktime.core.values.money import parse_micros
from talktime.exports.documents.tables import percent
from talktime.interfaces.cli.terminal import DEFAULTS, Options, hint, open_app, show, table
from talktime.usecases.credit.billing.set_taxes import SetTax, list_taxes, set_tax

app = App(name="taxes")

PERCENT = 100


@app.default
@app.command(name="list")
def list_(
    *,
    country: Annotated[str, Parameter(help="Only this country's, as two ISO 3166 letters.")] = "",
    options: Options = DEFAULTS,
) -> None:
    """List the tax rules by country and day."""
    with open_app(options.database) as talktime:
        rules = talktime.read(list_taxes, country)
    if not rules and not options.as_json:
        hint("No country is taxed. Add a rule: `talktime taxes set DE --name VAT --rate 19 --from 2026-01-01`")
        return
    show(options, {"taxes": [_document(rule) for rule in rules]}, lambda: _view(rules))


@app.command(name="set")
def set_(
    country: Annotated[str, Parameter(help="Whose organizations are taxed, as two ISO 3166 letters.")],
    *,
    name: Annotated[str, Parameter(help="What invoices call the tax: VAT, GST.")],
    rate: Annotated[str, Parameter(help="Percent: 19, or 7.7. 0 ends a tax.", allow_leading_hyphen=True)],
    at: Annotated[
        TaxedAt,
        Parameter(help="On top of a purchase, or contained in what is used: shown on the statement, booked with it."),
    ] = TaxedAt.PURCHASE,
    from_: Annotated[date, Parameter(name="--from", help="The first day, on the organization's clock.")],
    options: Options = DEFAULTS,
) -> None:
    """Set what a country takes from a day on; invoices that were written keep their tax."""
    with open_app(options.database) as talktime:
        rule = talktime.run(set_tax, SetTax(country, name, _rate_ppm(rate), at, from_))
    show(options, _document(rule), lambda: _view([rule]))


def _rate_ppm(text: str) -> int:
    try:
        ppm, rest = divmod(parse_micros(text.strip().removesuffix("%")) * PARTS_PER_MILLION, PERCENT * 1_000_000)
    except ValueError as failure:
        message = f"{text!r} is no percentage: write 19, or 7.7"
        raise Invalid(message, code="rate") from failure
    if rest:
        message = f"{text} percent are finer than a ten-thousandth of a percent"
        raise Invalid(message, code="rate")
    return ppm


def _document(rule: TaxRule) -> dict[str, Any]:
    return {
        "country": rule.country,
        "name": rule.name,
        "percent": percent(Tax(rule.name, rule.rate_ppm)),
        "taxed_at": rule.taxed_at.value,
        "valid_from": rule.valid_from.isoformat(),
    }


def _view(rules: list[TaxRule]) -> Any:
    drawn = table("Country", "From", "Tax", "Percent", "Taken", numbers=("Percent",))
    for rule in rules:
        taken = "on top of purchases" if rule.taxed_at is TaxedAt.PURCHASE else "contained in use"
        drawn.add_row(
            rule.country, rule.valid_from.isoformat(), rule.name, percent(Tax(rule.name, rule.rate_ppm)), taken
        )
    return drawn
