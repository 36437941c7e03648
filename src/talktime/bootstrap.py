"""The composition root: settings become an `App`, and `App.run` is the one door to every use case."""

import gc
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from email.utils import parseaddr
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from talktime.core.calls.conferences import ConferenceForecast
from talktime.core.calls.explaining.explanations import Explanation
from talktime.core.calls.requests import Answer, CloseCall, EndLeg, Request, StartCall
from talktime.core.values import numbering
from talktime.core.values.errors import Invalid, Unavailable
from talktime.core.values.numbers import is_emergency
from talktime.gateways.payments.sandbox import NAME as SANDBOX
from talktime.gateways.payments.sandbox import SandboxGateway
from talktime.settings import Settings
from talktime.store.charging.memory import Memory
from talktime.store.charging.postgresql import PostgresqlStatements
from talktime.store.charging.rows import Row
from talktime.store.charging.sqlite import SqliteStatements
from talktime.store.charging.transaction import ChargingStatements, ChargingTransaction
from talktime.store.engine import create_schema, is_sqlite, open_engine
from talktime.store.instants import to_micros
from talktime.store.transaction import Transaction, operator_transaction
from talktime.telemetry.batches import BatchCounts, BatchResult
from talktime.telemetry.request_log import RequestLog
from talktime.telemetry.timing import TimedTransaction
from talktime.usecases.calls.charge_calls import charge
from talktime.usecases.calls.close_silent_calls import overdue
from talktime.usecases.calls.end_conference import open_legs
from talktime.usecases.calls.explain_call import explain_call
from talktime.usecases.calls.forecast_conference import forecast_conference
from talktime.usecases.organizations.deliver_events import Channels
from talktime.usecases.ports import Mailer, PaymentGateway

if TYPE_CHECKING:
    from talktime.gateways.switches.reading import KnownSwitch

ATTEMPTS_MAX = 5
FIRST_PAUSE_SECONDS = 0.02
# So many rates are built in a millisecond or two; then whoever waits for the interpreter gets it.
TURN_RATES = 200
TURN_SECONDS = 0.001
# A call that began longer ago has ended, or is closed by the watch; a later report of it has its deck loaded again.
OPEN_CALL_MAX = timedelta(days=2)

RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")
UseCase = Callable[[Transaction, RequestT], AnswerT]


class App:
    """Talktime on one database."""

    def __init__(self, settings: Settings) -> None:
        """Open the engines; the schema is brought up to date by `prepare`."""
        self.settings = settings
        self._writer = open_engine(settings.database_url)
        self._reader = open_engine(settings.database_url, reads_only=True)

    def __enter__(self) -> Self:
        """Bring the schema up to date."""
        create_schema(self.settings.database_url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the engines."""
        self.close()

    def close(self) -> None:
        """Close the engines."""
        self._writer.dispose()
        self._reader.dispose()

    def run(self, use_case: UseCase[RequestT, AnswerT], request: RequestT) -> AnswerT:
        """Run a use case in one transaction; try again, a little later each time, where the world fails."""
        for attempt in range(ATTEMPTS_MAX):
            try:
                with operator_transaction(self._writer) as tx:
                    return use_case(tx, request)
            except Unavailable:
                if attempt == ATTEMPTS_MAX - 1:
                    raise
                # Jitter, so that those who collided do not collide again; nothing secret hangs on it.
                time.sleep(FIRST_PAUSE_SECONDS * 2**attempt * (1 + random.random()))  # noqa: S311
        raise AssertionError  # pragma: no cover -- the loop returns or raises

    def read(self, query: UseCase[RequestT, AnswerT], request: RequestT) -> AnswerT:
        """Run a use case that only reads; on SQLite it never waits for a writer."""
        with operator_transaction(self._reader) as tx:
            return query(tx, request)

    def explain(self, request: StartCall) -> Explanation:
        """Explain how charging would answer a call."""
        with closing(open_statements(self.settings.database_url)) as statements, statements.snapshot():
            return explain_call(ChargingTransaction(statements, Memory()), request, self.settings.charging_terms)

    def open_charging(self) -> "Charging":
        """Open a charging connection of its own."""
        return Charging(self.settings, open_statements(self.settings.database_url))


class Charging:
    """Batches of calls against the database, on one connection, by one thread at a time."""

    def __init__(
        self, settings: Settings, statements: ChargingStatements, request_log: RequestLog | None = None
    ) -> None:
        """Charge by the settings' terms; tell the log of requests to whom each was charged."""
        self._terms = settings.charging_terms
        self._request_log = request_log
        self.counts = BatchCounts()
        self._statements = statements
        self._memory = Memory()
        # The metadata of all countries takes most of a second to load and compile: not while a phone rings.
        is_emergency("0000", self._terms.emergency_countries)
        numbering.prepare()

    def charge(self, requests: Sequence[Request]) -> list[Answer | None]:
        """Decide and commit a batch; None for a request whose organization another transaction holds."""
        timed = TimedTransaction(self._statements, self._memory)
        try:
            with self._statements.transaction():
                answers = charge(timed, requests, self._terms)
                timed.begin_commit()
        except Exception as failure:
            is_away = isinstance(failure, Unavailable)
            self.counts.ended(BatchResult.UNAVAILABLE if is_away else BatchResult.FAILED)
            raise
        self.counts.committed(len(requests), timed.stages())
        if self._request_log is not None:
            self._request_log.charged(requests, timed.organization_ids)
        return answers

    @property
    def deck_versions_count(self) -> int:
        """Return how many versions of rate decks are in memory."""
        return len(self._memory.decks.loaded)

    def warm_decks(self, statements: ChargingStatements, at: datetime) -> None:
        """Load, on another connection, every deck version that a call may need now, and forget what none does."""
        decks = self._memory.decks
        decks.is_kept_warm = True
        with statements.snapshot():
            wanted = {row[0] for row in statements.versions_to_load(to_micros(at - OPEN_CALL_MAX))}
            if decks.loaded.keys() >= wanted:
                return
            # A collection in the midst of a million new objects would look at all of them while a phone rings, again
            # and again; what a deck is made of lives as long as the deck, and has no cycle.
            gc.disable()
            try:
                decks.ensure(wanted, lambda version_id: _patiently(*statements.deck_rows(version_id)))
            finally:
                gc.enable()
                gc.freeze()
        decks.forget_all_but(wanted)

    def explain(self, statements: ChargingStatements, request: StartCall) -> Explanation:
        """Explain, on another connection, how a call would be answered."""
        with statements.snapshot():
            return explain_call(ChargingTransaction(statements, self._memory), request, self._terms)

    def overdue(self, statements: ChargingStatements, at: datetime) -> list[CloseCall]:
        """Return requests to close calls whose switch fell silent, read on another connection."""
        return overdue(statements, at)

    def open_legs(self, statements: ChargingStatements, switch: str, conference_id: str, at: datetime) -> list[EndLeg]:
        """Return requests to end a conference's open legs, read on another connection."""
        return open_legs(statements, switch, conference_id, at)

    def forecast(
        self, statements: ChargingStatements, switch: str, conference_id: str, at: datetime
    ) -> ConferenceForecast:
        """Forecast, on another connection, how long a conference can go on."""
        legs = open_legs(statements, switch, conference_id, at)
        with statements.snapshot():
            return forecast_conference(ChargingTransaction(statements, self._memory), legs, self._terms, at)

    def close(self) -> None:
        """Close the connection."""
        self._statements.close()


def open_gateways(settings: Settings) -> dict[str, PaymentGateway]:
    """Return the card gateways by name: the sandbox always, Stripe where its key is set; raise Invalid for no key."""
    gateways: dict[str, PaymentGateway] = {SANDBOX: SandboxGateway(settings.data_folder / "sandbox")}
    if settings.stripe_secret_key:
        # Here, because the SDK takes a second to load, and most commands charge no card.
        from talktime.gateways.payments.stripe import StripeAccess, StripeGateway  # noqa: PLC0415
        from talktime.gateways.payments.stripe_events import NAME as STRIPE  # noqa: PLC0415

        access = StripeAccess(
            settings.stripe_secret_key,
            settings.stripe_webhook_secret,
            settings.stripe_address,
            settings.stripe_action_page,
        )
        gateways[STRIPE] = StripeGateway(access)
    return gateways


def open_channels(settings: Settings) -> Channels:
    """Return the ways by which people and programs are told; without a mail server mails become files."""
    # Here, because templates and catalogs take their time, and most commands tell nobody.
    from talktime.gateways.mail.attaching import with_report  # noqa: PLC0415
    from talktime.gateways.webhooks.standard import StandardWebhookSender  # noqa: PLC0415
    from talktime.notices import envelope  # noqa: PLC0415
    from talktime.notices.writing import Writer  # noqa: PLC0415

    writer = Writer(parseaddr(settings.mail_from)[1].partition("@")[2], settings.portal_url)
    sender = StandardWebhookSender(to_private_addresses=settings.webhooks_to_private_addresses)
    write_mail = with_report(writer.mail, settings.exports_folder)
    return Channels(_mailer(settings), sender, write_mail, envelope.body_of, settings.operator_address)


def open_switches(settings: Settings) -> "dict[str, KnownSwitch]":
    """Return the switches that can be told to end calls, by name; raise Invalid for what cannot be read."""
    # Here, because most commands tell no switch anything.
    from talktime.gateways.switches.reading import read_switches  # noqa: PLC0415

    path = Path(settings.switches) if settings.switches else settings.data_folder / "switches.toml"
    return read_switches(path, is_wanted=bool(settings.switches))


def _mailer(settings: Settings) -> Mailer:
    from talktime.gateways.mail.folder import FolderMailer  # noqa: PLC0415 -- as above
    from talktime.gateways.mail.smtp import SmtpMailer, SmtpSecurity, SmtpServer  # noqa: PLC0415 -- as above

    if not settings.smtp_host:
        return FolderMailer(settings.data_folder / "mails", settings.mail_from)
    known = {each.value: each for each in SmtpSecurity}
    if settings.smtp_security not in known:
        message = f"TALKTIME_SMTP_SECURITY is {settings.smtp_security!r}: it must be one of {', '.join(known)}"
        raise Invalid(message, code="smtp_security")
    security = known[settings.smtp_security]
    server = SmtpServer(settings.smtp_host, settings.smtp_port, settings.smtp_user, settings.smtp_password, security)
    return SmtpMailer(server, settings.mail_from)


def _patiently(terms: Row, rates: Iterable[Row]) -> tuple[Row, Iterable[Row]]:
    """Let other threads run while a large deck is built: a phone may ring."""

    def in_turns() -> Iterator[Row]:
        for number, rate in enumerate(rates):
            if number % TURN_RATES == 0:
                time.sleep(TURN_SECONDS)
            yield rate

    return terms, in_turns()


def open_statements(database_url: str) -> ChargingStatements:
    """Open charging's connection to whichever of the two databases the URL names."""
    return SqliteStatements(database_url) if is_sqlite(database_url) else PostgresqlStatements(database_url)
