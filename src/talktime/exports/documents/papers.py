"""What invoices, credit notes and statements have in common: who writes, to whom, and the foot of each page."""

from talktime.core.credit.billing.invoices import Party, Tax
from talktime.exports.documents.wording import Wording


def frame(wording: Wording, *, title: str, number: str, seller: Party, buyer: Party) -> dict[str, object]:
    """Return what every page says around its subject."""
    return {
        "language": wording.language,
        "title": title,
        "number": number,
        "seller": {"name": seller.name},
        "buyer": {"name": buyer.name, "lines": _lines(buyer, wording)},
        "foot": _foot(seller, wording),
        # Typst puts the numbers in.
        "page": wording.say("Page %(page)s of %(pages)s", page="%(page)s", pages="%(pages)s"),
    }


def tax_label(tax: Tax, wording: Wording) -> str:
    """Return what a tax is called, with its rate: `VAT 19%`."""
    name = tax.name or wording.say("Tax")
    return name if tax.rate_ppm is None else f"{name} {wording.rate(tax.rate_ppm)}"


def _lines(party: Party, wording: Wording) -> list[str]:
    lines = [*party.address.splitlines(), wording.country(party.country) if party.country else ""]
    if party.tax_number:
        lines.append(wording.say("Tax number %(number)s", number=party.tax_number))
    return [line for line in lines if line]


def _foot(seller: Party, wording: Wording) -> list[list[str]]:
    """Return who writes and how to reach him, in two lines."""
    where = [seller.name, *seller.address.splitlines(), wording.country(seller.country) if seller.country else ""]
    tax_number = wording.say("Tax number %(number)s", number=seller.tax_number) if seller.tax_number else ""
    how = [tax_number, *seller.contact.splitlines()]
    lines = [[part for part in parts if part] for parts in (where, how)]
    return [line for line in lines if line]
