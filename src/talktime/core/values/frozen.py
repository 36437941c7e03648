"""Values that never change: the type checker holds every line to it, and running code does not pay for it."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a value: a slotted dataclass, compared and hashed by its fields; to assign to one is a type error.

    `dataclass(frozen=True)` would check each assignment while it runs, also those of its own `__init__`: a value of
    fourteen fields took 2.0 µs to make, and this way 0.2. A call makes a dozen values (docs/decisions/0016).
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
