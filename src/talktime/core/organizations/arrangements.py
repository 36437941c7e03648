"""What an organization has bought, assigned and ruled, as charging sees it."""

from collections.abc import Mapping
from dataclasses import field

from talktime.core.organizations.licenses import License
from talktime.core.organizations.policies import ANYWHERE, DialOutPolicy
from talktime.core.values.frozen import frozen


@frozen
class Stops:
    """What ends abuse before it costs much; None switches a stop off."""

    calls_per_hour: int | None = None
    highest_nanos_per_minute: int | None = None


@frozen
class Overage:
    """Whether an organization that pays after use may use more than its plans include, and how much (S41, S42)."""

    is_on: bool = False
    limit_per_month_micros: int | None = None


@frozen
class Caps:
    """How much money calls may cost in a calendar month: hard, held while calls run; None and absent are no cap."""

    each_user_micros: int | None = None
    by_user_micros: Mapping[int, int] = field(default_factory=dict)
    by_department_micros: Mapping[str, int] = field(default_factory=dict)

    def of_user(self, user_id: int) -> int | None:
        """Return a user's own cap, else the one of everybody."""
        return self.by_user_micros.get(user_id, self.each_user_micros)


@frozen
class Arrangements:
    """License counts, policy, caps and stops; a change writes a new revision, so charging may keep the last one.

    `assigned` counts users by license and usage location, `purchased` what was bought of a license.
    """

    revision: int = 0
    purchased: Mapping[License, int] = field(default_factory=dict)
    assigned: Mapping[tuple[License, str], int] = field(default_factory=dict)
    # The policy of whoever has none of his own.
    policy: DialOutPolicy = ANYWHERE
    caps: Caps = Caps()
    stops: Stops = Stops()
    overage: Overage = Overage()
    # Where calls come from a carrier that sells plans, a phone without one cannot call out (domain.md 6.1).
    is_calling_plan_required: bool = False
    # An international plan ends when either of its counters does (D9).
    is_plan_ended_by_either_counter: bool = True
    # After the conferencing minutes, the organizer's calling plan pays before credit does (D12).
    uses_plan_after_conference_minutes: bool = False

    @property
    def brings_minutes(self) -> bool:
        """Tell whether any license can bring included minutes: most calls need not ask further."""
        return bool(self.assigned)


NO_ARRANGEMENTS = Arrangements()
