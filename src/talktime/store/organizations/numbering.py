"""Rows of phone numbers: the inventory, orders, who answers which number, and resource accounts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, exists, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from talktime.core.organizations.numbering.ordering import NumberOrder, Wanted
from talktime.core.organizations.numbering.phone_numbers import HeldNumber, Listing, NumberState, PhoneNumber
from talktime.core.organizations.users import AccountKind, NumberUse, User
from talktime.core.values.errors import Conflict, NotFound
from talktime.core.values.numbers import country_of, is_e164
from talktime.core.values.periods import Period
from talktime.store.charging import rows
from talktime.store.engine import one_at_a_time
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none
from talktime.store.schema import calls, identities, number_orders, organizations, phone_numbers, usage_rows, users

CHUNK_ROWS = 1_000
_IDENTITIES = (
    f"SELECT {rows.IDENTITY_COLUMNS} FROM identities i"
    " LEFT JOIN users u ON u.organization_id = i.organization_id AND u.user_id = i.user_id"
    " WHERE i.organization_id = :organization_id"
)
_ALL_IDENTITIES = text(f"{_IDENTITIES} ORDER BY i.identity")
_ONE_IDENTITY = text(f"{_IDENTITIES} AND i.identity = :number")
_ACCOUNTS = text(
    f"{_IDENTITIES} AND u.account <> '{AccountKind.PERSON.value}' ORDER BY u.user_principal_name, i.identity"
)


class NumberingRows:
    """Numbers and orders; lock the organization before changing what it holds."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    # ── the inventory ───────────────────────────────────────────────────────────────────────────────────────

    def take_inventory(self) -> None:
        """Let nobody else reserve or import until this transaction ends: two who search never get the same number."""
        one_at_a_time(self._connection, "phone_numbers")

    def offered(self, wanted: Wanted, at: datetime) -> list[PhoneNumber]:
        """Return numbers that can be reserved, held until the transaction ends; at most the quantity.

        The one place that knows where numbers come from: the imported inventory. A carrier's own would be asked here.
        """
        statement = _offered(wanted, at).order_by(phone_numbers.c.number).limit(wanted.quantity)
        return [_phone_of(row) for row in self._connection.execute(statement.with_for_update())]

    def offered_by_area(self, use: NumberUse, country: str, at: datetime) -> list[tuple[str, str, int]]:
        """Return country, area and how many numbers can be reserved there; every country where none is named."""
        wanted = Wanted("", use, country)
        columns = (phone_numbers.c.country, phone_numbers.c.area)
        found = self._connection.execute(
            _offered(wanted, at).with_only_columns(*columns, func.count()).group_by(*columns).order_by(*columns)
        )
        return [(row[0], row[1], row[2]) for row in found]

    def offered_sample(self, wanted: Wanted, at: datetime) -> tuple[list[PhoneNumber], int]:
        """Return numbers that can be reserved, at most the quantity, and how many there are; nothing is held."""
        some = _offered(wanted, at).order_by(phone_numbers.c.number).limit(wanted.quantity)
        count = self._connection.scalar(_offered(wanted, at).with_only_columns(func.count())) or 0
        return [_phone_of(row) for row in self._connection.execute(some)], count

    def known(self, numbers: Sequence[str]) -> dict[str, PhoneNumber]:
        """Return those of the numbers that are in the inventory."""
        found = (
            self._connection.execute(select(phone_numbers).where(phone_numbers.c.number.in_(chunk)).with_for_update())
            for chunk in _chunks(sorted(numbers))
        )
        return {row.number: _phone_of(row) for result in found for row in result}

    def inventory(self, after: str, limit: int) -> list[tuple[PhoneNumber, str]]:
        """Return a page of the inventory by number, each with the name of the organization that holds it."""
        statement = (
            select(phone_numbers, organizations.c.name.label("owner"))
            .outerjoin(organizations, organizations.c.organization_id == phone_numbers.c.organization_id)
            .where(phone_numbers.c.number > after)
            .order_by(phone_numbers.c.number)
            .limit(limit)
        )
        return [(_phone_of(row), row.owner or "") for row in self._connection.execute(statement)]

    def inventory_counts(self, at: datetime) -> dict[tuple[NumberUse, NumberState], int]:
        """Return how many numbers there are by use and state; reservations that are over count as available."""
        lapsed = and_(phone_numbers.c.state == NumberState.RESERVED.value, ~_is_reserved(at))
        columns = (phone_numbers.c.use, phone_numbers.c.state, lapsed.label("lapsed"))
        found = self._connection.execute(select(*columns, func.count()).group_by(*columns))
        counts: dict[tuple[NumberUse, NumberState], int] = {}
        for use, state, is_over, count in found:
            key = (NumberUse(use), NumberState.AVAILABLE if is_over else NumberState(state))
            counts[key] = counts.get(key, 0) + count
        return counts

    def save(self, numbers: Iterable[PhoneNumber]) -> None:
        """Write numbers as they stand, new or known."""
        dialect: Any = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        added = dialect.insert(phone_numbers)
        others = {column.name: added.excluded[column.name] for column in phone_numbers.c if not column.primary_key}
        statement = added.on_conflict_do_update(index_elements=["number"], set_=others)
        for chunk in _chunks([_row(phone) for phone in numbers]):
            self._connection.execute(statement, chunk)

    def forget(self, number: str) -> None:
        """Delete a number that its organization brought and takes away again."""
        self._connection.execute(delete(phone_numbers).where(phone_numbers.c.number == number))

    # ── orders ──────────────────────────────────────────────────────────────────────────────────────────────

    def next_order_id(self, organization_id: int) -> int:
        """Return an id that no order of the organization has."""
        highest = select(func.max(number_orders.c.order_id)).where(number_orders.c.organization_id == organization_id)
        return (self._connection.scalar(highest) or 0) + 1

    def add_order(self, order: NumberOrder) -> None:
        """Insert an order."""
        row = {
            "organization_id": order.organization_id,
            "order_id": order.order_id,
            "name": order.wanted.name,
            "use": order.wanted.use.value,
            "country": order.wanted.country,
            "area": order.wanted.area,
            "quantity": order.wanted.quantity,
            **_progress(order),
        }
        self._connection.execute(insert(number_orders), row)

    def save_order(self, order: NumberOrder) -> None:
        """Write how far an order has come."""
        statement = update(number_orders).where(
            number_orders.c.organization_id == order.organization_id, number_orders.c.order_id == order.order_id
        )
        self._connection.execute(statement.values(_progress(order)))

    def order(self, organization_id: int, order_id: int) -> tuple[NumberOrder, list[PhoneNumber]]:
        """Return an order and the numbers that are still its, held until the transaction ends; raise NotFound."""
        found = self._connection.execute(
            select(number_orders).where(
                number_orders.c.organization_id == organization_id, number_orders.c.order_id == order_id
            )
        ).one_or_none()
        if found is None:
            message = f"there is no order {order_id} of numbers; `talktime numbers orders` lists them"
            raise NotFound(message, code="order_not_found")
        own = (
            select(phone_numbers)
            .where(phone_numbers.c.organization_id == organization_id, phone_numbers.c.order_id == order_id)
            .order_by(phone_numbers.c.number)
        )
        return _order_of(found), [_phone_of(row) for row in self._connection.execute(own.with_for_update())]

    def orders(self, organization_id: int) -> list[NumberOrder]:
        """Return the orders of an organization, the latest first."""
        statement = select(number_orders).where(number_orders.c.organization_id == organization_id)
        found = self._connection.execute(statement.order_by(number_orders.c.order_id.desc()))
        return [_order_of(row) for row in found]

    # ── what an organization holds ──────────────────────────────────────────────────────────────────────────

    def counts(self, organization_id: int, at: datetime) -> dict[NumberUse, int]:
        """Return how many numbers of each use an organization holds, less those that it brought (domain.md 4.2)."""
        statement = (
            select(phone_numbers.c.use, func.count())
            .where(phone_numbers.c.organization_id == organization_id, ~phone_numbers.c.is_ported)
            .where(or_(phone_numbers.c.state != NumberState.RESERVED.value, _is_reserved(at)))
            .group_by(phone_numbers.c.use)
        )
        return {NumberUse(use): count for use, count in self._connection.execute(statement)}

    def held(self, organization_id: int) -> list[HeldNumber]:
        """Return all numbers of an organization, those that it brought too, in their order."""
        own = select(phone_numbers).where(phone_numbers.c.organization_id == organization_id)
        known = {row.number: _phone_of(row) for row in self._connection.execute(own)}
        answered = self._connection.execute(_ALL_IDENTITIES, {"organization_id": organization_id})
        found = {row[0]: _held(tuple(row), known.get(row[0])) for row in answered if is_e164(row[0])}
        free = {number: HeldNumber(phone) for number, phone in known.items() if number not in found}
        return [held for _, held in sorted({**free, **found}.items())]

    def one(self, organization_id: int, number: str) -> HeldNumber | None:
        """Return a number that an organization holds, held until the transaction ends."""
        statement = select(phone_numbers).where(
            phone_numbers.c.number == number, phone_numbers.c.organization_id == organization_id
        )
        row = self._connection.execute(statement.with_for_update()).one_or_none()
        phone = None if row is None else _phone_of(row)
        key = {"organization_id": organization_id, "number": number}
        answered = self._connection.execute(_ONE_IDENTITY, key).one_or_none()
        if answered is not None:
            return _held(tuple(answered), phone)
        return None if phone is None else HeldNumber(phone)

    def let_answer(self, organization_id: int, listing: Listing, user_id: int | None) -> None:
        """Write who answers calls to a number, None for the conference bridge; raise Conflict where somebody does."""
        row = {
            "identity": listing.number,
            "use": listing.use.value,
            "organization_id": organization_id,
            "user_id": user_id,
        }
        try:
            self._connection.execute(insert(identities), row)
        except IntegrityError as failure:
            message = f"+{listing.number} is answered by somebody already; a number belongs to one"
            raise Conflict(message, code="identity_taken") from failure

    def let_nobody_answer(self, organization_id: int, number: str) -> None:
        """Delete who answers calls to a number."""
        self._connection.execute(
            delete(identities).where(identities.c.organization_id == organization_id, identities.c.identity == number)
        )

    def has_open_calls(self, organization_id: int, number: str) -> bool:
        """Tell whether somebody is calling with or at the number now."""
        return self._is_any(
            calls.c.organization_id == organization_id,
            calls.c.state == "open",
            or_(calls.c.called == number, calls.c.caller == number),
        )

    def used_seconds(self, organization_id: int, numbers: Sequence[str], period: Period) -> dict[str, int]:
        """Return how long calls to the numbers lasted that started in the period; numbers without calls are absent."""
        used: dict[str, int] = {}
        for chunk in _chunks(numbers):
            found = self._connection.execute(
                select(usage_rows.c.called, func.sum(usage_rows.c.used_seconds))
                .where(
                    usage_rows.c.organization_id == organization_id,
                    usage_rows.c.started_at >= to_micros(period.starts_at),
                    usage_rows.c.started_at < to_micros(period.ends_at),
                    usage_rows.c.called.in_(chunk),
                )
                .group_by(usage_rows.c.called)
            )
            used.update((called, int(seconds)) for called, seconds in found)
        return used

    # ── resource accounts ───────────────────────────────────────────────────────────────────────────────────

    def accounts(self, organization_id: int) -> list[tuple[User, tuple[str, ...]]]:
        """Return the resource accounts in the order of their names, each with its numbers."""
        found: dict[int, tuple[User, tuple[str, ...]]] = {}
        for row in self._connection.execute(_ACCOUNTS, {"organization_id": organization_id}):
            account = rows.identity_of(tuple(row)).user
            assert account is not None
            _, own = found.get(account.user_id, (account, ()))
            found[account.user_id] = (account, (*own, row[0]) if is_e164(row[0]) else own)
        return list(found.values())

    def has_called(self, organization_id: int, user_id: int) -> bool:
        """Tell whether the books name an account: then its id must never be given to another."""
        return self._is_any(calls.c.organization_id == organization_id, calls.c.user_id == user_id) or self._is_any(
            usage_rows.c.organization_id == organization_id, usage_rows.c.user_id == user_id
        )

    def remove_account(self, account: User) -> None:
        """Delete an account that answers no number, with its name."""
        for owned in (identities, users):
            self._connection.execute(
                delete(owned).where(
                    owned.c.organization_id == account.organization_id, owned.c.user_id == account.user_id
                )
            )

    def _is_any(self, *conditions: Any) -> bool:
        return bool(self._connection.scalar(select(exists().where(*conditions))))


def _offered(wanted: Wanted, at: datetime) -> Select[Any]:
    """Select what can be reserved: nobody's, or held by a reservation that is over, and answered by nobody."""
    conditions = [
        phone_numbers.c.use == wanted.use.value,
        or_(
            phone_numbers.c.state == NumberState.AVAILABLE.value,
            and_(phone_numbers.c.state == NumberState.RESERVED.value, ~_is_reserved(at)),
        ),
        ~exists().where(identities.c.identity == phone_numbers.c.number),
    ]
    if wanted.country:
        conditions.append(phone_numbers.c.country == wanted.country)
    if wanted.area.startswith("+"):
        conditions.append(phone_numbers.c.number.startswith(wanted.area.removeprefix("+"), autoescape=True))
    elif wanted.area:
        conditions.append(phone_numbers.c.area_key == wanted.area.casefold())
    return select(phone_numbers).where(*conditions)


def _is_reserved(at: datetime) -> Any:
    return phone_numbers.c.reserved_until > to_micros(at)


def _held(identity: rows.Row, phone: PhoneNumber | None) -> HeldNumber:
    """Return an answered number; one that the inventory does not know was brought by its organization."""
    number, organization_id = identity[0], identity[1]
    found = rows.identity_of(identity)
    if phone is None:
        listing = Listing(number, found.use, country_of(number))
        phone = PhoneNumber(listing, NumberState.ASSIGNED, organization_id, is_ported=True)
    # Where somebody was given a number past its order, that somebody answers it is what counts.
    return HeldNumber(replace(phone, state=NumberState.ASSIGNED, reserved_until=None), found.user)


def _phone_of(row: Row[Any]) -> PhoneNumber:
    listing = Listing(
        row.number, NumberUse(row.use), row.country, row.area, row.carrier, row.price_micros, row.currency
    )
    return PhoneNumber(
        listing,
        NumberState(row.state),
        row.organization_id,
        row.order_id,
        from_micros_or_none(row.reserved_until),
        from_micros_or_none(row.activated_at),
        bool(row.is_ported),
    )


def _row(phone: PhoneNumber) -> dict[str, object]:
    listing = phone.listing
    return {
        "number": listing.number,
        "use": listing.use.value,
        "country": listing.country,
        "area": listing.area,
        "area_key": listing.area.casefold(),
        "carrier": listing.carrier,
        "price_micros": listing.price_micros,
        "currency": listing.currency,
        "state": phone.state.value,
        "organization_id": phone.organization_id,
        "order_id": phone.order_id,
        "reserved_until": to_micros_or_none(phone.reserved_until),
        "activated_at": to_micros_or_none(phone.activated_at),
        "is_ported": phone.is_ported,
    }


def _order_of(row: Row[Any]) -> NumberOrder:
    return NumberOrder(
        row.organization_id,
        row.order_id,
        Wanted(row.name, NumberUse(row.use), row.country, row.area, row.quantity),
        row.taken_count,
        from_micros(row.reserved_until),
        from_micros_or_none(row.placed_at),
        from_micros_or_none(row.activated_at),
    )


def _progress(order: NumberOrder) -> Mapping[str, object]:
    return {
        "taken_count": order.taken_count,
        "reserved_until": to_micros(order.reserved_until),
        "placed_at": to_micros_or_none(order.placed_at),
        "activated_at": to_micros_or_none(order.activated_at),
    }


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(values), CHUNK_ROWS):
        yield values[begin : begin + CHUNK_ROWS]
