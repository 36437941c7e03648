"""`talktime advise`: how much to fund, at which trigger, with what risk; from a file, with nothing set up, or ours."""

import shlex
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from cyclopts import App, Group, Parameter

from talktime.core.insight.advice.funding_advice import DEFAULT_FUNDING_TERMS, Cadence, FundingTerms
from talktime.core.insight.advice.reporting import AdviceReport, report
from talktime.core.values.errors import CallerError, Invalid
from talktime.core.values.money import format_micros, parse_micros
from talktime.core.values.places import read_currency, read_zone
from talktime.interfaces.cli.insight.advice import views as advice_views
from talktime.interfaces.cli.insight.advice.files import Pricing, read_file
from talktime.interfaces.cli.insight.usage.files import AS_IT_LOOKS, FILE_HELP, FileReading
from talktime.interfaces.cli.terminal import DEFAULTS, Options, hint, now, open_app, show

app = App(name="advise")
_WHAT_IS_ASKED = Group("What the advice must hold to", sort_key=5)
_WHAT_A_FILE_COSTS = Group("What the calls of a file cost", sort_key=7)
_PERCENT = 100


@Parameter(name="*", group=_WHAT_IS_ASKED)
@dataclass(frozen=True, slots=True)
class Asked:
    """The risk that is taken, and how often money should move."""

    risk: str = "1%"
    """In how many months calls may be refused even if the card fails at every recharge, such as 1% or 0.05."""

    reaction_days: Annotated[float, Parameter()] = DEFAULT_FUNDING_TERMS.reaction / timedelta(days=1)
    """How many days it then takes until there is credit: retries, a weekend, somebody who pays otherwise."""

    cadence: Cadence = Cadence.MONTHLY
    """How often a recharge should come."""

    def terms(self) -> FundingTerms:
        """Return the same for the advice; raise Invalid for what is no number."""
        text = self.risk.strip()
        try:
            risk = float(text.removesuffix("%"))
        except ValueError as failure:
            message = f"--risk {text!r} is no share: write 1%, or 0.01"
            raise Invalid(message, code="risk") from failure
        try:
            reaction = timedelta(days=self.reaction_days)
        except (OverflowError, ValueError) as failure:
            message = f"--reaction-days {self.reaction_days} is no length of time"
            raise Invalid(message, code="reaction") from failure
        return FundingTerms(risk / _PERCENT if text.endswith("%") else risk, reaction, self.cadence)


AS_USUAL = Asked()


@Parameter(name="*", group=_WHAT_A_FILE_COSTS)
@dataclass(frozen=True, slots=True)
class Costs:
    """What a file does not say of its calls' costs."""

    currency: str = ""
    """Which currency's calls, where the file has several or none."""

    price: str = ""
    """What a begun minute of an outgoing call costs, where the file names no charge."""

    def pricing(self) -> Pricing:
        """Return the same for who reads the file; raise Invalid."""
        return Pricing(read_currency(self.currency) if self.currency else "", _price(self.price))


AS_CHARGED = Costs()


@app.default
def advise(
    file: Annotated[Path | None, Parameter(help=FILE_HELP)] = None,
    *,
    organization: Annotated[
        str, Parameter(help="In place of a file: from all that its calls cost, ours and imported.")
    ] = "",
    picture: Annotated[
        Path | None, Parameter(help="Draw the balance with its forecast cone into this SVG file.")
    ] = None,
    asked: Asked = AS_USUAL,
    costs: Costs = AS_CHARGED,
    reading: FileReading = AS_IT_LOOKS,
    options: Options = DEFAULTS,
) -> None:
    """Advise on trigger and recharge amount, and show how the advice would have done so far.

    A usage file alone is enough: no database is opened, nothing is kept. The back-test stands beside the rule "the
    minimum at first, adjusted after two months".
    """
    terms = asked.terms()
    if file is None:
        _advise_organization(organization, terms, picture, options)
        return
    if organization:
        raise Invalid("say either a file or --organization: they are two different usages", code="usage")
    # The clock of the file's instants is the one by which its people work.
    zone = read_zone(reading.zone or "UTC")
    spend = read_file(file, reading.how(now()), zone, costs.pricing())
    found = report(spend.read, spend.currency, terms)
    warnings = (*spend.warnings, *found.warnings)
    document = {"file": spend.name, "calls": spend.calls_count, **advice_views.document(found, warnings)}
    title = (f"Funding advice for {spend.name}", f"{spend.calls_count:,} calls")
    show(options, document, lambda: advice_views.view(found, title, warnings))
    _draw(found, zone, None, picture, options)


def _advise_organization(name: str, terms: FundingTerms, picture: Path | None, options: Options) -> None:
    from talktime.usecases.insight.advise_funding import AdviseFunding, advise_funding

    with open_app(options.database) as talktime:
        asked = replace(terms, buying=talktime.settings.buying_terms)
        try:
            advised = talktime.read(advise_funding, AdviseFunding(name, now(), asked))
        except CallerError as mistake:
            if name:
                raise
            message = f"{mistake.message}; or give a usage file, which needs nothing else: `talktime advise FILE`"
            raise Invalid(message, code=mistake.code) from mistake
    found, funding = advised.report, advised.report.advice.funding
    warnings = (*advice_views.drift_warnings(advised), *found.warnings)
    document = {
        "organization": advised.organization.name,
        **advice_views.policy_document(advised),
        **advice_views.document(found, warnings),
    }
    title = (f"Funding advice for {advised.organization.name}", advice_views.policy_text(advised))
    show(options, document, lambda: advice_views.view(found, title, warnings))
    _draw(found, advised.organization.zone, advised.available_micros, picture, options)
    if not options.as_json:
        whose = f" --organization {shlex.quote(name)}" if name else ""
        below, with_ = (format_micros(each, decimals_min=0) for each in (funding.trigger_micros, funding.amount_micros))
        on = "" if advised.policy.is_on else " --on"
        hint(f"Set it: `talktime credit recharge set{whose} --below {below} --with {with_}{on}`")


def _draw(
    found: AdviceReport, zone: ZoneInfo, balance_micros: int | None, picture: Path | None, options: Options
) -> None:
    if picture is None:
        return
    from talktime.interfaces.cli.insight.advice.pictures import picture_of

    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(picture_of(found, zone, balance_micros), "utf-8")
    if not options.as_json:
        hint(f"Drawn: {picture}")


def _price(text: str) -> int | None:
    if not text:
        return None
    try:
        micros = parse_micros(text)
    except ValueError as failure:
        raise Invalid(f"--price: {failure}", code="price") from failure
    if micros <= 0:
        raise Invalid("--price must be above 0, such as 0.02", code="price")
    return micros
