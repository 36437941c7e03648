"""The picture of advice: the balance as it may fare from now on, by the advised amounts."""

from zoneinfo import ZoneInfo

from talktime.core.insight.advice.balance_paths import balance_forecast
from talktime.core.insight.advice.reporting import AdviceReport
from talktime.core.insight.pictures.balances import BalanceHistory, BalancePoint
from talktime.core.values.periods import Period, start_of_day
from talktime.exports.pictures.balance import balance_picture
from talktime.exports.pictures.drawing.frames import Look
from talktime.exports.pictures.drawing.words import Words


def picture_of(found: AdviceReport, zone: ZoneInfo, balance_micros: int | None) -> str:
    """Return the SVG of a balance; where none is known, None, it begins with trigger and amount together."""
    funding, currency, series = found.advice.funding, found.advice.currency, found.series
    balance = funding.trigger_micros + funding.amount_micros if balance_micros is None else balance_micros
    ahead = balance_forecast(series, currency, funding, balance)
    begins_at = start_of_day(series.ends_on, zone)
    history = BalanceHistory(
        period=Period(begins_at, begins_at),
        zone=zone,
        currency=currency,
        seen_until=begins_at,
        points=(BalancePoint(begins_at, balance), BalancePoint(begins_at, balance)),
        days=(),
        forecast=ahead,
    )
    return balance_picture(history, Look(Words("en", zone, currency))).svg
