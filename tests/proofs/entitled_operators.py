"""What operators do to an organization while calls are charged: each by its use case, and none of it moves a call."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from talktime.bootstrap import App
from talktime.core.credit.lots import LotKind
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.policies import POLICIES
from talktime.core.values.errors import CallerError
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.expire_credit import ExpireCredit, expire_credit
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from talktime.usecases.organizations.licensing.assign_licenses import AssignLicenses, assign_licenses
from talktime.usecases.organizations.licensing.buy_licenses import BuyLicenses, buy_licenses
from talktime.usecases.organizations.policies.block_users import BlockUser, UnblockUser, block_user, unblock_user
from talktime.usecases.organizations.policies.set_arrangements import SetChoices, SetStops, Stop, set_choices, set_stops
from talktime.usecases.organizations.policies.set_caps import SetCap, set_cap
from talktime.usecases.organizations.policies.set_policies import (
    GrantPolicy,
    SetPolicy,
    SetTollFree,
    grant_policy,
    set_policy,
    set_toll_free,
)
from talktime.usecases.organizations.set_billing_mode import SetBillingMode, set_billing_mode
from talktime.usecases.organizations.set_overage import SetOverage, set_overage
from tests.proofs.entitled_books import (
    NAME,
    ORGANIZATION_ID,
    PEOPLE,
    SALES,
    SUPPORT,
    Reader,
    Seen,
    World,
    open_world,
)
from tests.proofs.entitled_facts import LICENSES, Meant
from tests.proofs.entitled_model import Told

ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
# Whose end it is; a little after October, New York puts its clocks back.
MONTHS = ((2026, 3), (2026, 4), (2026, 6), (2026, 9), (2026, 10), (2026, 12))
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
PERSONAL = (
    License.PHONE_SYSTEM,
    License.COMMUNICATIONS_CREDITS,
    License.AUDIO_CONFERENCING,
    License.SELECT_DIAL_OUT,
    License.EXTENDED_DIAL_OUT,
    License.PAY_PER_MINUTE_CONFERENCING,
    License.E5,
)
PLANS = (
    License.DOMESTIC,
    License.DOMESTIC,
    License.DOMESTIC_AND_INTERNATIONAL,
    License.DOMESTIC_AND_INTERNATIONAL,
    License.DOMESTIC_120,
    License.DOMESTIC_120_NOT_POOLED,
)
CONFERENCING = (License.AUDIO_CONFERENCING, License.E5)
NAMES = tuple(person.name for person in PEOPLE[:3])
DESK = PEOPLE[3]
AMOUNTS = (10_000, 60_000, 110_000, 250_000, 600_000, 2_000_000, 9_000_000)


class Operators:
    """Buy, assign, cap, fund and switch, at random; `seen` is how the database stands after each step."""

    def __init__(self, seed: int, app: App, url: str) -> None:
        self.seed, self.app = seed, app
        self.dice = Random(seed)
        self.zone = ZoneInfo(self.dice.choice(ZONES))
        year, month = self.dice.choice(MONTHS)
        self.month_ends_at = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=self.zone).astimezone(UTC)
        starts_at = self.month_ends_at - timedelta(minutes=self.dice.choice((2, 20, 45, 90)))
        self.now = self.funded_at = starts_at
        self.world = World(self.zone, starts_at, starts_at + timedelta(minutes=self.dice.choice((3, 40, 200))))
        self.reader = Reader(url)
        self.meant: dict[str, Meant] = {}
        self.trace: list[str] = []
        self.counts: Counter[str] = Counter()
        self.names = iter(range(100_000))
        open_world(app, self.world)
        self.seen = self.reader.read()

    def _set_up(self) -> None:
        """Buy and assign what makes most calls possible; who pays how, and what is capped, is drawn."""
        for license_ in dict.fromkeys((*PERSONAL, *PLANS)):
            if license_ is License.COMMUNICATIONS_CREDITS:
                continue
            most = self.dice.choice((0, 1, 2, 3)) if license_ in CONFERENCING else 3
            self._operate(buy_licenses, BuyLicenses(NAME, license_, most, self.now))
        for name in NAMES:
            on = License.PHONE_SYSTEM | self.dice.choice(PLANS)
            on |= License.COMMUNICATIONS_CREDITS if self.dice.random() < 0.8 else License(0)
            on |= self.dice.choice((*CONFERENCING, License.SELECT_DIAL_OUT, License.PAY_PER_MINUTE_CONFERENCING))
            on |= License.EXTENDED_DIAL_OUT if self.dice.random() < 0.25 else License(0)
            self._operate(assign_licenses, AssignLicenses(NAME, (name,), on, License(0), self.now))
        desk = License.RESOURCE_ACCOUNT | self.dice.choice((License.DOMESTIC, License(0)))
        self._operate(assign_licenses, AssignLicenses(NAME, (DESK.name,), desk, License(0), self.now))
        if self.dice.random() < 0.8:
            self._fund()
        if self.dice.random() < 0.45:
            self._mode()
            self._overage()
        for _ in range(self.dice.choice((0, 0, 1, 2))):
            self._cap()
        if self.dice.random() < 0.25:
            self._stop()
        if self.dice.random() < 0.35:
            self._operate(set_choices, SetChoices(NAME, uses_plan_after_conference_minutes=True))

    # ── what operators do meanwhile ─────────────────────────────────────────────────────────────────────────────────

    def _operate(self, use_case: Callable[[Any, Any], Any], request: Any) -> str:
        """Run a use case: it changes no call, whether it is allowed or refused."""
        self.trace.append(f"    {self.now:%H:%M:%S} {request}")
        before = self.seen
        try:
            self.app.run(use_case, request)
            said = "done"
        except CallerError as refusal:
            said = refusal.code
        self.seen = after = self.reader.read()
        self.counts[f"{use_case.__name__} {said}"] += 1
        assert after.calls == before.calls, "an operator has changed a call"
        assert after.usage == before.usage, "an operator has changed a record"
        changed = {name for name in after.meters if after.meters[name] != before.meters.get(name)}
        assert not changed or use_case is set_cap, f"an operator has moved {changed}"
        if use_case is set_cap:
            self._look_at_begun(before, after, changed)
        assert said == "done" or after == before, "half of what was refused was done"
        return f"{use_case.__name__} {said}"

    def _look_at_begun(self, before: Seen, after: Seen, changed: set[str]) -> None:
        """A cap that is new counts what its month has cost so far, and what its meter counted before."""
        told = Told(after, self.world, self.meant)
        month = told.month(self.now)
        people = {user.user_id: user for user in after.users.values() if user.account == "person"}
        costs: Counter[str] = Counter()
        for row in after.usage:
            started_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row.started_at)
            if row.user_id in people and told.month(started_at) == month:
                costs[f"user/{row.user_id}/{month}"] += row.cost
                costs[f"department/{people[row.user_id].department}/{month}"] += row.cost
        earlier = Told(before, self.world, self.meant)
        for name, cost in costs.items():
            if told.limit(name) is not None and earlier.limit(name) is None and cost:
                was, is_ = before.meters.get(name), after.meters[name]
                counted = 0 if was is None else was.used - was.before
                assert is_.used == max(cost, counted), f"{name} begins with {is_}, and has cost {cost}"
                assert is_.held == (0 if was is None else was.held)
                changed.discard(name)
        assert not changed, f"caps that were there before moved {changed}"

    def _assign(self) -> str:
        names = tuple(self.dice.sample(NAMES, self.dice.choice((1, 1, 2, 3))))
        if self.dice.random() < 0.5:
            return self._operate(assign_licenses, AssignLicenses(NAME, names, *self._plan_swap(), self.now))
        on, off = self.dice.sample((*PERSONAL, *PERSONAL[1:]), 2)
        on = License(0) if on is off else on
        return self._operate(
            assign_licenses,
            AssignLicenses(NAME, names, *self.dice.choice(((on, off), (on, License(0)), (License(0), off))), self.now),
        )

    def _bring_minutes(self, sku: str) -> str:
        """Let a pool grow: buy another conferencing license, or give everybody the plan."""
        if sku not in LICENSES:
            more = self.seen.purchased.get(License.AUDIO_CONFERENCING.value, 0) + 1
            return self._operate(buy_licenses, BuyLicenses(NAME, License.AUDIO_CONFERENCING, more, self.now))
        plan, others = License(LICENSES[sku]), License(0)
        for each in PLANS:
            others |= each
        return self._operate(assign_licenses, AssignLicenses(NAME, NAMES, plan, others & ~plan, self.now))

    def _plan_swap(self) -> tuple[License, License]:
        plan, all_plans = self.dice.choice((*PLANS, License(0))), License(0)
        for each in PLANS:
            all_plans |= each
        return plan, all_plans & ~plan

    def _buy(self) -> str:
        license_ = self.dice.choice((*CONFERENCING, *CONFERENCING, *PLANS, License.SELECT_DIAL_OUT))
        return self._operate(buy_licenses, BuyLicenses(NAME, license_, self.dice.choice((0, 1, 2, 3)), self.now))

    def _cap(self) -> str:
        amount = self.dice.choice((None, 0, *AMOUNTS))
        request = SetCap(NAME, amount, self.now)
        whose = self.dice.choice(("each", "user", "user", "department", "department"))
        if whose == "user":
            request = replace(request, user_principal_name=self.dice.choice(NAMES))
        if whose == "department":
            request = replace(request, department=self.dice.choice((SALES, SALES, SUPPORT)))
        return self._operate(set_cap, request)

    def _overage(self) -> str:
        limit = self.dice.choice((None, *AMOUNTS))
        is_on = not (self.seen.settings.get("overage", {}).get("is_on") and self.dice.random() < 0.3)
        is_unlimited = limit is None and self.dice.random() < 0.3
        return self._operate(set_overage, SetOverage(NAME, self.now, is_on, limit, is_unlimited))

    def _mode(self) -> str:
        is_postpaid = self.seen.mode == "postpaid" and self.dice.random() < 0.5
        other = BillingMode.PREPAID if is_postpaid else BillingMode.POSTPAID
        return self._operate(set_billing_mode, SetBillingMode(NAME, other))

    def _stop(self) -> str:
        calls, nanos = self.dice.choice(((3, None), (8, None), (None, 70_000_000), (None, 2_000_000_000), (None, None)))
        off = frozenset(stop for stop in Stop if (calls, nanos) == (None, None))
        return self._operate(set_stops, SetStops(NAME, calls, nanos, off))

    def _choose(self) -> str:
        name = self.dice.choice(
            ("is_calling_plan_required", "is_plan_ended_by_either_counter", "uses_plan_after_conference_minutes")
        )
        return self._operate(set_choices, SetChoices(NAME, **{name: self.dice.random() < 0.4}))

    def _policy(self) -> str:
        names = list(POLICIES)
        policy = POLICIES[self.dice.choice((*names, *(names[:1] * 12)))]
        if self.dice.random() < 0.2:
            allowed = SetTollFree(NAME, (self.dice.choice(NAMES),), is_allowed=self.dice.random() < 0.6)
            return self._operate(set_toll_free, allowed)
        if self.dice.random() < 0.5:
            return self._operate(set_policy, SetPolicy(NAME, policy))
        own = self.dice.choice((policy, None))
        return self._operate(grant_policy, GrantPolicy(NAME, own, (self.dice.choice(NAMES),)))

    def _block(self) -> str:
        name = self.dice.choice(NAMES)
        if self.dice.random() < 0.4:
            return self._operate(block_user, BlockUser(NAME, name, "fraud", self.now))
        return self._operate(unblock_user, UnblockUser(NAME, name))

    def _fund(self) -> str:
        """Add credit; some of it ends with this day, which is mostly the month's last."""
        self.funded_at = self.now
        purchased_at = self.dice.choice((None, self.now - 365 * DAY, self.now - 365 * DAY, self.now - 300 * DAY))
        amount = self.dice.choice(AMOUNTS)
        kind = self.dice.choice((LotKind.PURCHASED, LotKind.PURCHASED, LotKind.PROMOTIONAL))
        reference = f"PO-{next(self.names)}"
        return self._operate(
            add_credit, AddCredit(NAME, amount, reference, self.now, purchased_at=purchased_at, kind=kind)
        )

    def _expire(self) -> str:
        return self._operate(expire_credit, ExpireCredit(ORGANIZATION_ID, self.now))

    def _audit(self) -> None:
        report = self.app.read(audit_books, AuditBooks(self.now))
        assert report.violations == (), report.violations


def every_license() -> License:
    every = License(0)
    for each in (*PERSONAL, *PLANS):
        every |= each
    return every
