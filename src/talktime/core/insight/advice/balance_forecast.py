"""How a balance may fare: the value that the picture of the balance with its forecast cone is drawn from."""

from datetime import date

from talktime.core.values.frozen import frozen


@frozen
class ForecastPurchase:
    """A recharge as it is likely to come: on the day on which the middle path falls below the trigger."""

    day: date
    amount_micros: int


@frozen
class BalanceForecast:
    """The balance at the end of each day: nine of ten paths lie above `low`, one above `high`, half above `middle`.

    `days` and the three paths are equally long. Each path is the quantile of that day, not the fate of one future.
    """

    currency: str
    days: tuple[date, ...]
    low_micros: tuple[int, ...]
    middle_micros: tuple[int, ...]
    high_micros: tuple[int, ...]
    trigger_micros: int
    purchases: tuple[ForecastPurchase, ...]
