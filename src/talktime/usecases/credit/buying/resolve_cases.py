"""List support cases and resolve them: an operator permits what a rule forbids, and says why (S40)."""

import re
from dataclasses import replace
from datetime import datetime

from talktime.core.credit.buying.agreements import SupportCase
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction

_NUMBER = re.compile(r"SC-(?P<organization>\d{6,18})-(?P<sequence>\d{4,9})", re.ASCII | re.IGNORECASE)


@frozen
class ResolveCase:
    """The case, and why what it is about is permitted from now on."""

    number: str
    override_reason: str
    at: datetime


@frozen
class CaseShown:
    """A case and whose it is."""

    case: SupportCase
    organization: Organization


def list_cases(tx: Transaction, organization: str) -> list[CaseShown]:
    """Return the cases of an organization, or of all without a name, the open ones first; raise NotFound."""
    if organization:
        owner = tx.organizations.named(organization)
        return [CaseShown(case, owner) for case in tx.agreements.cases(owner.organization_id)]
    cases = tx.agreements.cases()
    owners = tx.organizations.with_ids({case.organization_id for case in cases})
    return [CaseShown(case, owners[case.organization_id]) for case in cases]


def resolve_case(tx: Transaction, request: ResolveCase) -> CaseShown:
    """Permit what a case is about; raise NotFound, Invalid without a reason, Conflict where it is resolved already."""
    reason = request.override_reason.strip()
    if not reason:
        raise Invalid("say why it is permitted: the reason stays with the case", code="override_reason")
    read = _NUMBER.fullmatch(request.number.strip())
    if read is None:
        raise Invalid(f"{request.number!r} is no case number: they read SC-000042-0001", code="case_number")
    owner = tx.organizations.with_ids([int(read["organization"])]).get(int(read["organization"]))
    case = None if owner is None else _locked_case(tx, owner, int(read["sequence"]))
    if owner is None or case is None:
        raise NotFound(f"there is no case {request.number}: `talktime cases` lists them", code="case_not_found")
    if case.resolved_at is not None:
        message = f"case {case.number} was resolved before: {case.override_reason}"
        raise Conflict(message, code="case_resolved")
    tx.agreements.resolve_case(case, reason, request.at)
    return CaseShown(replace(case, resolved_at=request.at, override_reason=reason), owner)


def _locked_case(tx: Transaction, owner: Organization, sequence: int) -> SupportCase | None:
    tx.organizations.lock_id(owner.organization_id)
    cases = tx.agreements.cases(owner.organization_id)
    return next((case for case in cases if case.sequence == sequence), None)
