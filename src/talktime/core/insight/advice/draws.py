"""Numbers by chance that are the same each time: the core has no dice, and advice must not change by asking twice."""

# Knuth's multiplier and increment for 64 bits; the upper half is what is good of them.
_MULTIPLIER = 6_364_136_223_846_793_005
_INCREMENT = 1_442_695_040_888_963_407
_MASK = (1 << 64) - 1
_KEPT_BITS = 32


class Draws:
    """A linear congruential generator; not for secrets."""

    def __init__(self, seed: int) -> None:
        """Begin with a seed; the same seed gives the same numbers."""
        self._state = (seed * _MULTIPLIER + _INCREMENT) & _MASK

    def below(self, count: int) -> int:
        """Return one of 0 to count - 1, each as likely."""
        self._state = (self._state * _MULTIPLIER + _INCREMENT) & _MASK
        return (self._state >> _KEPT_BITS) * count >> _KEPT_BITS
