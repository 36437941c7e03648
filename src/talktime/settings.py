"""What an operator can set, from the environment (`TALKTIME_…`) or the command line; read once, at the door."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import get_type_hints

import msgspec

from talktime.core.calls.requests import ChargingTerms
from talktime.core.credit.buying.catalog import DEFAULT_TERMS, BuyingTerms, read_minimums
from talktime.core.values.errors import Invalid
from talktime.core.values.money import parse_micros

PREFIX = "TALKTIME_"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings; durations are whole seconds."""

    database: str = ""
    quantum_seconds: int = 60
    recheck_margin_seconds: int = 10
    ring_timeout_seconds: int = 180
    silence_grace_seconds: int = 60
    overrun_grace_seconds: int = 2
    # Use that is reported within three days is paid by the lots of then, also by those that expired since.
    late_usage_grace_seconds: int = 259_200
    # What the gateway takes for a dispute that is lost, in the charge's currency: booked, and not passed on.
    dispute_fee: str = "15"
    # ISO 3166 countries whose emergency numbers are free, separated by commas; empty means those of all countries.
    emergency_countries: str = ""
    # A request that waits longer is refused with 503: a slow database must not become a slow phone.
    deadline_milliseconds: int = 2_000
    queue_max: int = 20_000
    # Which requests have a line in the log: all, denied (and errors), none.
    log_requests: str = "all"
    # How long a server that is told to stop says so to load balancers before it stops to listen.
    drain_seconds: int = 0
    # The least that can be bought, in whole units, such as USD=50,EUR=40; other currencies keep their own (D3).
    minimums: str = ""
    # An order of more than so many minimums must be confirmed (money.md 53).
    confirm_above_minimums: int = DEFAULT_TERMS.confirmed_above_minimums
    data_folder: Path = field(default_factory=lambda: Path.home() / ".local" / "share" / "talktime")
    # A worker that says nothing for so long is dead, and another takes its slot and what it had begun.
    worker_lease_seconds: int = 60
    # Cards are charged by the sandbox, which moves no money, and by Stripe where its key is set.
    stripe_secret_key: str = field(default="", repr=False)
    stripe_webhook_secret: str = field(default="", repr=False)
    stripe_address: str = ""
    # Where the owners of cards authenticate.
    stripe_action_page: str = ""
    # Mails are files in the data folder unless a server takes them. Security: tls, starttls, none.
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_security: str = "starttls"
    mail_from: str = "Talktime <talktime@localhost>"
    # Where a mail's button leads; without it mails name commands.
    portal_url: str = ""
    # Who runs this installation, told of what concerns no organization.
    operator_address: str = ""
    webhooks_to_private_addresses: bool = False
    # A TOML file that says how switches are told to end calls; by default switches.toml in the data folder.
    switches: str = ""
    # How the addresses that the Nchf door gives out begin, where a proxy stands before it: https://chf.example
    nchf_api_root: str = ""
    # The same for the next pages and tokens of the Graph-compatible door: https://talktime.example
    graph_api_root: str = ""
    # Where switches connect by Diameter: host:port, several separated by commas; empty means nowhere.
    diameter: str = ""
    # Our name and realm to them; by default this machine's name, and what follows its first dot.
    diameter_host: str = ""
    diameter_realm: str = ""
    # The only Origin-Hosts that may connect, separated by commas; empty means whoever reaches the port.
    diameter_peers: str = ""
    # Origin-Host=profile, separated by commas; a host that is not named is treated as Kamailio 5.6 is.
    diameter_profiles: str = ""
    # A peer that is silent for so long is asked whether it is there, and after as long again it is given up.
    diameter_watchdog_seconds: int = 30

    @property
    def database_url(self) -> str:
        """Return the database, by default a file in the user's data folder."""
        return self.database or f"sqlite:///{self.data_folder / 'talktime.db'}"

    @property
    def dispute_fee_micros(self) -> int:
        """Return the fee of a lost dispute; raise Invalid for what is no amount."""
        try:
            return parse_micros(self.dispute_fee)
        except ValueError as failure:
            message = f"TALKTIME_DISPUTE_FEE: {failure}"
            raise Invalid(message, code="settings") from failure

    @property
    def exports_folder(self) -> Path:
        """Return where finished exports of this database are kept; workers and who fetches them share it."""
        return self.data_folder / "exports" / sha256(self.database_url.encode()).hexdigest()[:16]

    @property
    def emergencies_folder(self) -> Path:
        """Return where calls for help wait to be recorded in this database, and in no other: beside a SQLite file."""
        if self.database_url.startswith("sqlite:///"):
            return Path(f"{self.database_url.removeprefix('sqlite:///')}.emergencies")
        return self.data_folder / "emergencies" / sha256(self.database_url.encode()).hexdigest()[:16]

    @property
    def payment_gateway(self) -> str:
        """Return where new cards are charged: one place only, for a test card in the sandbox buys real calls."""
        return "stripe" if self.stripe_secret_key else "sandbox"

    @property
    def buying_terms(self) -> BuyingTerms:
        """Return what orders are judged by; raise Invalid."""
        return BuyingTerms(read_minimums(self.minimums), self.confirm_above_minimums)

    @property
    def charging_terms(self) -> ChargingTerms:
        """Return what the decisions of charging need to know."""
        countries = frozenset(filter(None, self.emergency_countries.upper().replace(" ", "").split(",")))
        return ChargingTerms(
            self.quantum_seconds,
            self.recheck_margin_seconds,
            self.ring_timeout_seconds,
            self.silence_grace_seconds,
            self.overrun_grace_seconds,
            countries,
            self.late_usage_grace_seconds,
        )


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read `TALKTIME_…` variables; raise Invalid for one that cannot be read. Unknown ones belong to others."""
    known = get_type_hints(Settings)
    stated = {
        name: value
        for variable, value in environment.items()
        if variable.startswith(PREFIX) and (name := variable.removeprefix(PREFIX).lower()) in known
    }
    try:
        return msgspec.convert(
            {name: Path(value) if known[name] is Path else value for name, value in stated.items()},
            Settings,
            strict=False,
        )
    except msgspec.ValidationError as failure:
        message = f"a setting cannot be read: {failure}"
        raise Invalid(message, code="settings") from failure
