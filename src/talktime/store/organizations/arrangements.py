"""Rows of what organizations have arranged: settings as JSON, license counts as tables."""

from sqlalchemy import Connection, delete, func, insert, select, update

from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.licenses import License
from talktime.store.charging.arrangement_rows import arrangements_of, settings_of
from talktime.store.schema import arrangements, license_counts, license_purchases, organizations, users


class ArrangementRows:
    """What organizations have bought, assigned and ruled; every change is a new revision of the organization."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction, in which the organization's row is held before anything is changed."""
        self._connection = connection

    def of(self, organization_id: int) -> Arrangements:
        """Return an organization's arrangements."""
        revision = self._connection.scalar(
            select(organizations.c.arrangements_revision).where(organizations.c.organization_id == organization_id)
        )
        settings = self._connection.scalar(
            select(arrangements.c.settings).where(arrangements.c.organization_id == organization_id)
        )
        purchased = self._connection.execute(
            select(license_purchases.c.license, license_purchases.c.quantity).where(
                license_purchases.c.organization_id == organization_id
            )
        )
        assigned = self._connection.execute(
            select(license_counts.c.license, license_counts.c.country, license_counts.c.users_count).where(
                license_counts.c.organization_id == organization_id
            )
        )
        return arrangements_of(revision or 0, settings, list(map(tuple, purchased)), list(map(tuple, assigned)))

    def save_settings(self, organization_id: int, state: Arrangements) -> None:
        """Write the policy, caps, stops, overage and choices; counts have their own verbs."""
        self._connection.execute(delete(arrangements).where(arrangements.c.organization_id == organization_id))
        self._connection.execute(
            insert(arrangements), {"organization_id": organization_id, "settings": settings_of(state)}
        )
        self._revise(organization_id)

    def set_purchased(self, organization_id: int, license_: License, quantity: int) -> None:
        """Write how many of a license were bought; 0 where none are."""
        self._connection.execute(
            delete(license_purchases).where(
                license_purchases.c.organization_id == organization_id, license_purchases.c.license == license_.value
            )
        )
        if quantity:
            row = {"organization_id": organization_id, "license": license_.value, "quantity": quantity}
            self._connection.execute(insert(license_purchases), row)
        self._revise(organization_id)

    def recount(self, organization_id: int) -> None:
        """Count the licenses of all users anew, by usage location: after users or their licenses have changed."""
        alike = self._connection.execute(
            select(users.c.licenses, users.c.usage_location, func.count())
            .where(users.c.organization_id == organization_id)
            .group_by(users.c.licenses, users.c.usage_location)
        )
        counted: dict[tuple[int, str], int] = {}
        for held, country, users_count in alike:
            for license_ in License(held):
                key = (license_.value, country)
                counted[key] = counted.get(key, 0) + users_count
        self._connection.execute(delete(license_counts).where(license_counts.c.organization_id == organization_id))
        if counted:
            self._connection.execute(
                insert(license_counts),
                [
                    {
                        "organization_id": organization_id,
                        "license": license_,
                        "country": country,
                        "users_count": users_count,
                    }
                    for (license_, country), users_count in counted.items()
                ],
            )
        self._revise(organization_id)

    def _revise(self, organization_id: int) -> None:
        statement = update(organizations).where(organizations.c.organization_id == organization_id)
        self._connection.execute(statement.values(arrangements_revision=organizations.c.arrangements_revision + 1))
