"""Where all chance in the samples comes from: one seed, and a stream of its own for each purpose."""

from random import Random


def generator(seed: int, purpose: str) -> Random:
    """Return a stream of chance for one purpose, so that a change in one part of a sample moves no other."""
    return Random(f"{seed}/{purpose}")  # noqa: S311 - repeatable samples are the point; nothing here is a secret
