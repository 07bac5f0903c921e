"""Selecting the k-th of n values by a sorting network: comparisons in a fixed order.

Comparisons are the same for every pixel, so that whole rows of pixels are compared at once by the
processor's vector instructions.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple


class Comparison(NamedTuple):
    """Compare two of the values: put the smaller first, the larger second, or one of them only.

    Attributes
    ----------
    first, second : int
    smaller, larger : bool
        Which of the results are needed later.
    """

    first: int
    second: int
    smaller: bool
    larger: bool


@cache
def select(count: int, *ranks: int) -> tuple[Comparison, ...]:
    """List the comparisons after which the value at each of the ranks is the one of that rank.

    They are those of a sorting network (Batcher's merge exchange, Knuth 5.2.2 M) on which these
    values depend.
    """
    needed, kept = set(ranks), []
    for first, second in reversed(_sort(count)):
        if first in needed or second in needed:
            kept.append(Comparison(first, second, first in needed, second in needed))
            needed |= {first, second}
    return tuple(reversed(kept))


def _sort(count: int) -> list[tuple[int, int]]:
    pairs = []
    top = p = 1 << max(0, (count - 1).bit_length() - 1)
    while p:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(count - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return pairs
