"""Switch licenses of people on and off: for all who are named, or for nobody and why."""

from collections import defaultdict
from dataclasses import dataclass

from talktime.core.organizations.licensing.licenses import License
from talktime.core.organizations.users import User
from talktime.core.values.errors import Invalid
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import lock_organization

CHUNK_USERS = 500


@dataclass(frozen=True, slots=True)
class AssignLicenses:
    """Whose licenses are switched: `on` and `off` name licenses, others stay. No names means everybody."""

    organization: str
    user_principal_names: tuple[str, ...]
    on: License
    off: License
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class LicenseRow:
    """What became of one name; refused where there is a problem."""

    user_principal_name: str
    before: License
    after: License
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LicensesAssigned:
    """One row per name, in the order asked; `is_saved` is True for all of them, or for none."""

    organization: str
    rows: tuple[LicenseRow, ...]
    is_saved: bool

    @property
    def refused(self) -> tuple[LicenseRow, ...]:
        """Return the rows that have a problem."""
        return tuple(row for row in self.rows if row.problem)

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
    known = {user.user_principal_name.lower(): user for user, _ in tx.organizations.users(organization.organization_id)}
    # A name that stands twice is meant once.
    names = list(dict.fromkeys(name.strip().lower() for name in request.user_principal_names)) or list(known)
    rows = tuple(_row(name, known.get(name), request, organization.name) for name in names)
    is_saved = bool(rows) and not request.is_dry_run and not any(row.problem for row in rows)
    if is_saved:
        _save(tx, organization.organization_id, rows, known)
    return LicensesAssigned(organization.name, rows, is_saved)


def _row(name: str, user: User | None, request: AssignLicenses, organization: str) -> LicenseRow:
    if user is None:
        nobody = License(0)
        return LicenseRow(name, nobody, nobody, f"{organization} has no user of this name")
    return LicenseRow(user.user_principal_name, user.licenses, (user.licenses | request.on) & ~request.off)


def _save(tx: Transaction, organization_id: int, rows: tuple[LicenseRow, ...], known: dict[str, User]) -> None:
    alike: dict[License, list[int]] = defaultdict(list)
    for row in rows:
        if row.before != row.after:
            alike[row.after].append(known[row.user_principal_name.lower()].user_id)
    for licenses, user_ids in alike.items():
        for begin in range(0, len(user_ids), CHUNK_USERS):
            tx.organizations.set_licenses(organization_id, user_ids[begin : begin + CHUNK_USERS], licenses)
    tx.arrangements.recount(organization_id)
