"""Documents in four languages, of which the tests read what they say."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.core.credit.billing.invoices import NO_TAX, CreditNote, Invoice, InvoiceCause, Party, Tax
from talktime.core.insight.statements import Movement, MovementKind, PurchasedCredit, Statement, UsedCredit
from talktime.core.values.money import parse_micros

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
LANGUAGES = ("en", "zh-CN", "zh-TW", "ru")
SELLER = Party(
    "Nordlicht Telefonie GmbH",
    "Hafenstraße 12\n20457 Hamburg",
    "DE",
    "DE 812 345 678",
    "billing@nordlicht.example",
    "IBAN DE89 3704 0044 0532 0130 00",
)
BUYERS = {
    "en": Party("Acme Manufacturing Ltd", "1 Long Acre\nLondon WC2E 9LH", "GB", "GB 123 4567 89"),
    "ru": Party("ООО «Ромашка»", "ул. Тверская, 7\n125009 Москва", "RU", "7701234567"),
    "zh-CN": Party("上海长江贸易有限公司", "浦东新区世纪大道100号", "CN", "91310000MA1FL3XX"),
    "zh-TW": Party("臺北電子股份有限公司", "信義路五段7號", "TW", "12345678"),
}


def invoice(*, buyer: Party = BUYERS["en"], is_by_card: bool = False, is_taxed: bool = True) -> Invoice:
    return Invoice(
        42,
        7,
        "order-2026-0019",
        InvoiceCause.RECHARGE if is_by_card else InvoiceCause.ORDER,
        AT,
        AT if is_by_card else datetime(2026, 12, 20, 23, tzinfo=UTC),
        BERLIN,
        "EUR",
        parse_micros("1000"),
        parse_micros("190") if is_taxed else 0,
        Tax("VAT", 190_000) if is_taxed else NO_TAX,
        SELLER,
        buyer,
        "Visa •••• 4242" if is_by_card else "",
        "" if is_by_card else "EA-1001",
        "" if is_by_card else "PO-77-2026",
        datetime(2027, 11, 20, 23, tzinfo=UTC),
        AT if is_by_card else None,
    )


def credit_note() -> CreditNote:
    return CreditNote(
        42, 3, 7, "refund-1", "Unused credit", AT + timedelta(days=3), parse_micros("250"), parse_micros("47.5")
    )


def statement(*, buyer: Party = BUYERS["en"], destinations: int = 3, is_preliminary: bool = False) -> Statement:
    used = tuple(
        UsedCredit("user_out", f"Destination {n}", n % 7 == 6, 3, 3_725, parse_micros("1.2345"))
        for n in range(destinations)
    )
    movements = (
        Movement(MovementKind.PURCHASED, parse_micros("400")),
        Movement(MovementKind.USED, -sum(each.cost_micros for each in used)),
        Movement(MovementKind.EXPIRED, -parse_micros("12.5")),
    )
    opening = parse_micros("120.3456")
    ends_at = datetime(2026, 10, 31, 23, tzinfo=UTC)
    at = ends_at - timedelta(days=2) if is_preliminary else ends_at + timedelta(hours=4)
    bought = PurchasedCredit(
        datetime(2026, 10, 3, 9, tzinfo=UTC),
        "recharge-11",
        "TT-000042-0006",
        parse_micros("400"),
        datetime(2027, 10, 3, 22, tzinfo=UTC),
    )
    return Statement(
        42,
        date(2026, 10, 1),
        datetime(2026, 9, 30, 22, tzinfo=UTC),
        ends_at,
        "EUR",
        "Europe/Berlin",
        at,
        min(at, ends_at),
        opening,
        movements,
        opening + sum(movement.amount_micros for movement in movements),
        (bought,),
        used,
        Tax("VAT", 190_000),
        parse_micros("0.59"),
        SELLER,
        buyer,
    )
