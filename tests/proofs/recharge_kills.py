"""One recharge from the call that crosses the trigger to the mail, in a process that dies at a point of its own choice.

    python -m tests.proofs.recharge_kills URL FOLDER GATEWAY --at 2026-03-02T12:00:00+00:00 [--die-at 7]

Every boundary is a point, numbered as it is passed: a transaction before and after its commit, the gateway and the
mailer before and after they are asked. Nobody lists them: whatever `App.run`, a gateway or a mailer is asked for is
wrapped, so that a new boundary is a new point. Without `--die-at` the labels of all points are printed.
"""

import argparse
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from talktime.bootstrap import App, Charging, open_channels, open_gateways, open_statements
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import StartCall
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from talktime.usecases.credit.paying.charge_purchases import charge_purchase, due_purchases
from talktime.usecases.organizations.deliver_events import deliver
from tests.proofs.counting_gateway import KEY_PREFIX
from tests.proofs.recharge_books import CALLED, CALLER

BOOKS = "kills"


class Points:
    """Counts the points as they are passed, and kills this process at one of them."""

    def __init__(self, die_at: int) -> None:
        self.labels: list[str] = []
        self._die_at = die_at

    def passed(self, label: str) -> None:
        """Pass a point, or die at it as a process dies: nothing is closed, nothing flushed."""
        self.labels.append(label)
        if len(self.labels) == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Pointed:
    """Has a point before and after whatever another object is asked for."""

    def __init__(self, name: str, inner: Any, points: Points) -> None:
        self._name, self._inner, self._points = name, inner, points

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Ask, between two points."""

        def asked(*arguments: Any) -> Any:
            self._points.passed(f"{self._name}.{name}: before")
            answer = getattr(self._inner, name)(*arguments)
            self._points.passed(f"{self._name}.{name}: after")
            return answer

        return asked


class PointedStatements:
    """Charging's statements, with a point before and after each commit."""

    def __init__(self, inner: Any, points: Points) -> None:
        self._inner, self._points = inner, points

    def __getattr__(self, name: str) -> Any:
        """Do everything else as before."""
        return getattr(self._inner, name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit between two points."""
        with self._inner.transaction():
            yield
            self._points.passed("charging: before commit")
        self._points.passed("charging: after commit")


def pointed_run(app: App, points: Points) -> Callable[[Any, Any], Any]:
    """Return `app.run` with a point before and after each commit."""

    def run(use_case: Callable[[Transaction, Any], Any], request: Any) -> Any:
        def pointed(tx: Transaction, asked: Any) -> Any:
            answer = use_case(tx, asked)
            points.passed(f"{use_case.__name__}: before commit")
            return answer

        answer = app.run(pointed, request)
        points.passed(f"{use_case.__name__}: after commit")
        return answer

    return run


def recharge_once(settings: Settings, points: Points, at: datetime) -> None:
    """Make the call that crosses the trigger, charge what is due, tell what is to be told; again after a crash."""
    with App(settings) as app:
        statements = PointedStatements(open_statements(settings.database_url), points)
        charging = Charging(settings, statements)  # type: ignore[arg-type]
        charging.charge([StartCall(CallKey("proxy", "crosses"), at, CALLER, CALLED)])
        charging.close()
        run = pointed_run(app, points)
        gateways: Any = {name: Pointed(name, inner, points) for name, inner in open_gateways(settings).items()}
        for due in app.read(due_purchases, at):
            charge_purchase(run, gateways, due.key, lambda: at)
        channels = open_channels(settings)
        mailer: Any = Pointed("mailer", channels.mailer, points)
        deliver(run, replace(channels, mailer=mailer), lambda: at)


def settings_of(url: str, folder: Path, gateway: str) -> Settings:
    """Return the settings of an installation whose cards are charged by the counting gateway."""
    return Settings(database=url, data_folder=folder, stripe_secret_key=KEY_PREFIX + BOOKS, stripe_address=gateway)


def main() -> None:
    """Run to the end, or to death."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("gateway")
    parser.add_argument("--at", type=datetime.fromisoformat, required=True)
    parser.add_argument("--die-at", type=int, default=0)
    arguments = parser.parse_args()
    points = Points(arguments.die_at)
    recharge_once(settings_of(arguments.url, arguments.folder, arguments.gateway), points, arguments.at)
    print(json.dumps(points.labels))


if __name__ == "__main__":
    main()
