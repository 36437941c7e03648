"""`talktime explain`: why a call would be allowed or refused, step by step, and what would change it."""

from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from talktime.core.calls.calls import (
    EXPLANATIONS,
    FROM_CONFERENCE,
    INBOUND,
    UNCOUNTED,
    CallKey,
    CallKind,
    DenialReason,
    PaysFrom,
)
from talktime.core.calls.explaining.explanations import Explanation, Remedy, Result, Step, Stretch
from talktime.core.calls.requests import Denied, StartCall
from talktime.core.organizations.licensing.products import in_words, product_of
from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_nanos
from talktime.core.values.numbers import normalize
from talktime.interfaces.charging.explanations import document
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    heading,
    instant,
    money,
    now,
    open_app,
    parse_instant,
    show,
    table,
)

SECONDS_PER_MINUTE, SECONDS_PER_HOUR = 60, 3_600
# What changes a refusal, as a command; who pays and what was asked fills the gaps. None where no command does.
_GRANT = "talktime policies grant {policy} --user {user}"
_ASSIGN = "talktime licenses assign {user} --on {license}"
_IMPORT = 'talktime decks import FILE --deck "{deck}" --currency {currency}'
_FUND = 'talktime credit buy 50 --organization "{organization}"'
COMMANDS: dict[DenialReason, str | None] = {
    DenialReason.CALLER_UNKNOWN: "talktime users add NAME --number NUMBER",
    DenialReason.ORGANIZATION_SUSPENDED: None,
    DenialReason.NUMBER_NOT_E164: None,
    DenialReason.USER_BLOCKED: "talktime users unblock {user}",
    DenialReason.POLICY_FORBIDS_CALLS: _GRANT,
    DenialReason.POLICY_FORBIDS_INTERNATIONAL: _GRANT,
    DenialReason.POLICY_FORBIDS_CONFERENCE_DIAL_OUT: _GRANT,
    DenialReason.POLICY_ALLOWS_OWN_COUNTRY_ONLY: _GRANT,
    DenialReason.POLICY_ALLOWS_ZONE_A_ONLY: _GRANT,
    DenialReason.PHONE_SYSTEM_LICENSE_MISSING: _ASSIGN,
    DenialReason.CALLING_PLAN_MISSING: _ASSIGN,
    DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING: _ASSIGN,
    DenialReason.RESOURCE_ACCOUNT_LICENSE_MISSING: _ASSIGN,
    DenialReason.TOLL_FREE_DISABLED: "talktime policies toll-free {user} --on",
    DenialReason.DESTINATION_BLOCKED: _IMPORT,
    DenialReason.PREMIUM_NOT_SUPPORTED: None,
    DenialReason.TOO_MANY_CALLS: 'talktime stops set --calls-per-hour 100 --organization "{organization}"',
    DenialReason.CREDIT_NOT_SET_UP: _FUND,
    DenialReason.OVERAGE_OFF: 'talktime overage on --organization "{organization}"',
    DenialReason.CREDITS_LICENSE_MISSING: _ASSIGN,
    DenialReason.NO_RATE_DECK_IN_FORCE: 'talktime decks publish "{deck}"',
    DenialReason.DESTINATION_NOT_RATED: _IMPORT,
    DenialReason.DECK_CURRENCY_DIFFERS: _IMPORT,
    DenialReason.DESTINATION_TOO_EXPENSIVE: 'talktime stops set --off high-cost --organization "{organization}"',
    DenialReason.USER_CAP_REACHED: "talktime caps set 100 --user {user}",
    DenialReason.DEPARTMENT_CAP_REACHED: 'talktime caps set 100 --department "{department}"',
    DenialReason.CREDIT_EXHAUSTED: _FUND,
    DenialReason.OVERAGE_LIMIT_REACHED: 'talktime overage limit 100 --organization "{organization}"',
    DenialReason.CALL_CUT: None,
    DenialReason.CALL_UNKNOWN: None,
    DenialReason.CALL_ENDED: None,
    DenialReason.CALL_ID_TAKEN: None,
}
_FREE_WORDS = {PaysFrom.FREE: "and free", PaysFrom.INCLUDED: "and included without limit"}

app = App(name="explain")


@app.default
def explain(
    *,
    to: Annotated[str, Parameter(help="The number that is called: +442079460000.")],
    user: Annotated[
        str, Parameter(help="Who calls, by name or number: ada@acme.example; with --organizer, whose conference it is.")
    ] = "",
    kind: Annotated[
        CallKind | None, Parameter(help="What kind of call: user-out, conference-out, call-me, conference-in, …")
    ] = None,
    organizer: Annotated[bool, Parameter(negative=(), help="The user leads the conference that calls.")] = False,
    from_: Annotated[str, Parameter(name="--from", help="The caller's number, of calls that come in.")] = "",
    at: Annotated[str, Parameter(help="When: ISO 8601 with Z or an offset. Default: now.")] = "",
    options: Options = DEFAULTS,
) -> None:
    """Walk the procedure that charging walks, and say what each step knew, what it answers, and what would change it.

    Nothing is charged or held. Works for refused calls and for allowed ones: then it says what pays first, what
    follows, at which rate, and for how long.
    """
    if not user and kind not in INBOUND and not from_:
        message = "who calls? Say --user ada@acme.example, or --kind conference-in for a call to a service number"
        raise Invalid(message, code="user")
    leads = organizer or kind in FROM_CONFERENCE
    request = StartCall(
        CallKey("", ""),
        parse_instant(at) if at else now(),
        caller=normalize(from_) if leads or from_ else normalize(user),
        called=normalize(to),
        kind=kind,
        organizer=normalize(user) if leads else "",
    )
    with open_app(options.database) as talktime:
        explanation = talktime.explain(request)
    show(options, document(explanation), lambda: view(explanation))


def view(explanation: Explanation) -> RenderableType:
    """Return the walk for people: the answer, each step with its facts, and what follows from it."""
    parts: list[RenderableType] = [_title(explanation), _answer(explanation), "", _walk(explanation.steps), ""]
    if explanation.remedies:
        parts += [Text("What would make it allowed", "bold"), _remedies(explanation)]
    elif explanation.stretches[0].paid_by in UNCOUNTED:
        parts.append(Text(f"It costs nothing, and could last {_span(explanation.lasts_seconds)}.", "dim"))
    else:
        parts += [Text("What pays", "bold"), _stretches(explanation), _end(explanation)]
    return Group(*parts)


def _title(explanation: Explanation) -> Text:
    case = explanation.case
    who = "a caller" if case.user is None else case.user.user_principal_name
    where = f"+{case.request.called}" if case.request.called.isdigit() else case.request.called
    country = f" ({case.destination})" if case.destination else ""
    return heading(f"{who} → {where}{country}", case.kind.value, instant(case.request.at))


def _answer(explanation: Explanation) -> Text:
    answer = explanation.answer
    if isinstance(answer, Denied):
        sentence = EXPLANATIONS[answer.reason]
        return Text.assemble(("✗ Denied ", "bold red"), (answer.reason.value, "red"), f"  {sentence}")
    first = explanation.stretches[0]
    if first.paid_by in UNCOUNTED:
        return Text.assemble(("✓ Allowed ", "bold green"), f" {_FREE_WORDS[first.paid_by]}")
    return Text.assemble(
        ("✓ Allowed ", "bold green"), f" {first.source} pay{'s' * (first.paid_by is PaysFrom.CREDIT)} first"
    )


def _walk(steps: tuple[Step, ...]) -> Table:
    made = Table.grid(padding=(0, 2))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold", ratio=4)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold", ratio=6, style="dim")
    reached = [step for step in steps if step.result is not Result.NOT_REACHED]
    for step in reached:
        _row(made, step, "")
        for index, part in enumerate(step.parts):
            _row(made, part, "└ " if index + 1 == len(step.parts) else "├ ")
    if len(reached) < len(steps):
        names = ", ".join(step.name for step in steps[len(reached) :])
        made.add_row(Text("·", "dim"), Text("What follows is not asked", "dim"), "", Text(names))
    return made


def _row(made: Table, step: Step, branch: str) -> None:
    if step.result is Result.NOT_REACHED:
        made.add_row(Text("·", "dim"), Text(branch + step.question, "dim"), Text("not reached", "dim"), "")
        return
    is_decided = step.result is Result.DECIDED
    mark, style = ("✗", "bold red") if step.reason else ("✓", "bold green" if is_decided else "green")
    if not is_decided and step.answer == "no":
        mark, style = "·", "dim"
    facts = " · ".join(f"{fact.name}: {fact.value}" for fact in step.facts)
    question = Text(branch + step.question, "bold" if is_decided else "")
    made.add_row(Text(mark, style), question, Text(step.answer, style if is_decided else ""), Text(facts))


def _remedies(explanation: Explanation) -> Table:
    made = Table.grid(padding=(0, 2))
    for number, remedy in enumerate(explanation.remedies, start=1):
        made.add_row(f"{number}.", Text(remedy.sentence))
        command = command_for(explanation, remedy)
        if remedy.licenses:
            made.add_row("", Text(in_words(remedy.licenses), "dim"))
        if command:
            made.add_row("", Text(command, "bold"))
    return made


def command_for(explanation: Explanation, remedy: Remedy) -> str:
    """Return the command that changes a refusal, empty where none does; its figures are examples."""
    case, command = explanation.case, COMMANDS[remedy.reason]
    if case.payer is None or command is None:
        return ""
    user, organization = case.user, case.organization
    return command.format(
        user="NAME" if user is None else user.user_principal_name,
        department="" if user is None else user.department,
        license=product_of(next(iter(remedy.licenses))).key if remedy.licenses else "",
        policy=remedy.policy,
        organization=organization.name,
        deck=organization.deck,
        currency=organization.currency,
    )


def _stretches(explanation: Explanation) -> RenderableType:
    currency = "" if explanation.case.payer is None else explanation.case.organization.currency
    made = table("", "Source", "For", "At", "Costs at most", numbers=("For", "Costs at most"))
    for index, stretch in enumerate(explanation.stretches):
        cost = money(stretch.cost_micros, currency) if stretch.blocks else "–"
        made.add_row(
            "first" if index == 0 else "then", stretch.source, _span(stretch.seconds), _price(stretch, currency), cost
        )
    return Padding(made, (0, 0, 0, 2))


def _price(stretch: Stretch, currency: str) -> str:
    if not stretch.blocks:
        return "–"
    prices = dict.fromkeys((block.nanos_per_minute, block.increment_seconds) for block in stretch.blocks)
    words = ", then ".join(
        f"{format_nanos(nanos)} {currency} a minute, by {seconds} s" for nanos, seconds in list(prices)[:2]
    )
    more = ", …" if len(prices) > 2 else ""  # noqa: PLR2004 -- as many as a line holds
    fee = f" + {money(stretch.fee_micros, currency)} to connect" if stretch.fee_micros else ""
    return words + more + fee


def _end(explanation: Explanation) -> Text:
    lasts = _span(explanation.lasts_seconds)
    if explanation.ends_by is None:
        return Text(f"It could last {lasts}, as long as any call may.", "dim")
    why = EXPLANATIONS[explanation.ends_by]
    return Text.assemble(
        (f"After {lasts} it would be cut: ", "yellow"), (explanation.ends_by.value, "yellow"), f"  {why}"
    )


def _span(seconds: int) -> str:
    hours, rest = divmod(seconds, SECONDS_PER_HOUR)
    minutes, left = divmod(rest, SECONDS_PER_MINUTE)
    words = [f"{hours} h"] * (hours > 0) + [f"{minutes} min"] * (minutes > 0) + [f"{left} s"] * (left > 0)
    return " ".join(words) or "0 s"
