"""Switch licenses of people on and off: for all who are named, or for nobody and why (S55, S56, domain.md 6.3)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from talktime.core.organizations.licenses import NO_LICENSE, License
from talktime.core.organizations.licensing import assigning
from talktime.core.organizations.licensing.assigning import Change, Ruling, Shortage
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import AccountKind, User
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import lock_organization
from talktime.usecases.ports import Watch, unwatched

CHUNK_USERS = 500


@frozen
class AssignLicenses:
    """Whose licenses are switched: `on` and `off` name licenses, others stay. No names means all people."""

    organization: str
    user_principal_names: tuple[str, ...]
    on: License
    off: License
    at: datetime
    is_dry_run: bool = False
    watch: Watch = unwatched


@frozen
class LicenseRow:
    """What became of one name; refused where there are problems, while a caution only warns."""

    user_principal_name: str
    before: License
    after: License
    problems: tuple[str, ...] = ()
    caution: str = ""
    is_known: bool = True


@frozen
class LicensesAssigned:
    """One row per name, in the order asked; `is_saved` is True for all of them, or for none.

    Shortages are of all rows together: more would be assigned than were bought.
    """

    organization: str
    rows: tuple[LicenseRow, ...]
    shortages: tuple[Shortage, ...]
    is_saved: bool

    @property
    def refused(self) -> tuple[LicenseRow, ...]:
        """Return the rows that have a problem."""
        return tuple(row for row in self.rows if row.problems)

    @property
    def is_refused(self) -> bool:
        """Tell whether a rule forbids it."""
        return bool(self.shortages or self.refused)

    @property
    def changed(self) -> tuple[LicenseRow, ...]:
        """Return the rows whose licenses differ from what they were."""
        return tuple(row for row in self.rows if row.before != row.after)


def assign_licenses(tx: Transaction, request: AssignLicenses) -> LicensesAssigned:
    """Switch the licenses; raise Invalid where nothing is to be switched, or a license both ways."""
    if not request.on | request.off or request.on & request.off:
        message = "say for at least one license whether it is on or off, and not both"
        raise Invalid(message, code="licenses")
    organization = lock_organization(tx, request.organization)
    # A name that stands twice is meant once.
    wanted = list(dict.fromkeys(name.strip().lower() for name in request.user_principal_names))
    known = _known(tx, organization, wanted)
    changes = {
        name: Change(known[name], assigning.switched(known[name].licenses, request.on, request.off))
        for name in wanted or known
        if name in known
    }
    meant = list(changes.values())
    countries = tx.countries.in_force(request.at)
    ruled = dict(zip(changes, assigning.rulings(meant, organization, countries), strict=True))
    nobody = Ruling((f"{organization.name} has no user of this name",))
    rows = tuple(_row(name, changes.get(name), ruled.get(name, nobody)) for name in wanted or known)
    missing = assigning.shortages(meant, tx.arrangements.of(organization.organization_id))
    assigned = LicensesAssigned(organization.name, rows, missing, is_saved=False)
    if request.is_dry_run or assigned.is_refused or not rows:
        return assigned
    _save(tx, organization, meant, request.watch)
    return replace(assigned, is_saved=True)


def _known(tx: Transaction, organization: Organization, names: Sequence[str]) -> dict[str, User]:
    if names:
        found = tx.organizations.people_named(organization.organization_id, names)
    else:
        everyone = tx.organizations.people(organization.organization_id)
        found = [user for user in everyone if user.account is AccountKind.PERSON]
    return {user.user_principal_name.lower(): user for user in found}


def _row(name: str, change: Change | None, ruling: Ruling) -> LicenseRow:
    if change is None:
        return LicenseRow(name, NO_LICENSE, NO_LICENSE, ruling.problems, is_known=False)
    user = change.user
    return LicenseRow(user.user_principal_name, user.licenses, change.after, ruling.problems, ruling.caution)


def _save(tx: Transaction, organization: Organization, changes: Sequence[Change], watch: Watch) -> None:
    alike: dict[License, list[int]] = defaultdict(list)
    for change in changes:
        if change.after != change.user.licenses:
            alike[change.after].append(change.user.user_id)
    with watch(sum(map(len, alike.values()))) as advance:
        for licenses, user_ids in alike.items():
            for begin in range(0, len(user_ids), CHUNK_USERS):
                chunk = user_ids[begin : begin + CHUNK_USERS]
                tx.organizations.set_licenses(organization.organization_id, chunk, licenses)
                advance(len(chunk))
    tx.arrangements.recount(organization.organization_id)
