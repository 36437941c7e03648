"""Erase a user: names and numbers are replaced everywhere, money stays as it is (money.md 74).

Call details and texts are rewritten in short transactions, so that phones go on ringing meanwhile; then his own rows,
and once more what was written in between. Done again, it changes nothing; cut off, it is begun again.
"""

from collections import Counter
from datetime import datetime

from talktime.core.insight.privacy.erasing import Erasure
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import NotFound
from talktime.core.values.frozen import frozen
from talktime.store.insight.privacy.call_details import KeyRange
from talktime.store.transaction import Transaction
from talktime.usecases.insight.privacy.erase_texts import count_imported, erase_imported, erase_texts
from talktime.usecases.organizations.manage_organizations import find_organization
from talktime.usecases.ports import Transact

# So many calls are looked at in one transaction: while serving, none may take longer than 50 ms.
CALLS_MAX = 2_000


@frozen
class EraseUser:
    """Who is to be erased, by his user principal name."""

    organization: str
    user_principal_name: str


@frozen
class ErasurePlan:
    """What would change, in rows of each table; what mentions him and stays; the licenses that he holds still."""

    organization: Organization
    erasure: Erasure
    counts: dict[str, int]
    kept: dict[str, int]
    licenses: License


@frozen
class Erased:
    """What was changed, in rows of each table, and what stays."""

    plan: ErasurePlan
    counts: dict[str, int]


def plan_erasure(tx: Transaction, request: EraseUser) -> ErasurePlan:
    """Return what erasing a user would change; raise NotFound."""
    tx.insight.books.begin_snapshot()
    organization = find_organization(tx, request.organization)
    erasure = tx.insight.person.erasure(organization.organization_id, request.user_principal_name.strip())
    if erasure is None:
        message = (
            f"{organization.name} has no user named {request.user_principal_name}: `talktime users` lists them; of one"
            " that was erased nothing is left to find"
        )
        raise NotFound(message, code="user_not_found")
    counts = Counter(tx.insight.call_details.count_of(erasure)) + Counter(tx.insight.person.mentions(erasure))
    counts += Counter(count_imported(tx, erasure))
    people = tx.organizations.people_named(organization.organization_id, [erasure.user_principal_name.lower()])
    licenses = people[0].licenses if people else License(0)
    return ErasurePlan(organization, erasure, dict(counts), tx.insight.person.kept(erasure), licenses)


def erase_user(run: Transact, read: Transact, request: EraseUser, at: datetime) -> Erased:
    """Erase a user; raise NotFound. Until it returns, half of it may be done: then it is to be done again."""
    plan = read(plan_erasure, request)
    step = _Step(plan.erasure, KeyRange("", None), at)
    counts = _erase_calls(run, read, plan.erasure)
    counts += Counter(run(_stop_telling, step))
    counts += erase_texts(run, read, plan.erasure)
    counts += erase_imported(run, read, plan.erasure)
    counts += Counter(run(_forget_names, step))
    counts += _erase_calls(run, read, plan.erasure)
    counts += erase_texts(run, read, plan.erasure)
    return Erased(plan, dict(counts))


@frozen
class _Step:
    erasure: Erasure
    within: KeyRange
    at: datetime | None = None


def _erase_calls(run: Transact, read: Transact, erasure: Erasure) -> "Counter[str]":
    counts: Counter[str] = Counter()
    after: str | None = ""
    while after is not None:
        within = read(_next_range, _Step(erasure, KeyRange(after, None)))
        counts += Counter(run(_erase_range, _Step(erasure, within)))
        after = within.last
    return counts


def _next_range(tx: Transaction, step: _Step) -> KeyRange:
    return tx.insight.call_details.range_after(step.erasure.organization_id, step.within.after, CALLS_MAX)


def _erase_range(tx: Transaction, step: _Step) -> dict[str, int]:
    tx.organizations.lock_id(step.erasure.organization_id)
    return tx.insight.call_details.erase(step.erasure, step.within)


def _stop_telling(tx: Transaction, step: _Step) -> dict[str, int]:
    assert step.at is not None
    tx.organizations.lock_id(step.erasure.organization_id)
    return {} if step.erasure.is_done else tx.insight.person.stop_telling(step.erasure, step.at)


def _forget_names(tx: Transaction, step: _Step) -> dict[str, int]:
    assert step.at is not None
    tx.organizations.lock_id(step.erasure.organization_id)
    # Finished exports hold his name: their files go at once, what is being made is begun anew.
    tx.exports.forget_names(step.erasure.organization_id, step.at)
    return {} if step.erasure.is_done else tx.insight.person.forget_names(step.erasure)
