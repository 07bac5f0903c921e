"""Running generators that yield progress and return a result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

Result = TypeVar("Result")
State = TypeVar("State")


def finish(work: Generator[Any, Any, Result]) -> Result:
    """Run a generator to its end, ignoring its progress, and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result


def wrap(
    part: Generator[Any, None, Result], show: Callable[[Any], State]
) -> Generator[State, None, Result]:
    """Yield the progress of a generator, converted, and return its result."""
    while True:
        try:
            state = next(part)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield show(state)


def share(
    part: Generator[float, None, Result],
    number: int,
    count: int,
    show: Callable[[float], State],
) -> Generator[State, None, Result]:
    """Yield the progress of one of `count` equal parts as a fraction of the whole."""
    return wrap(part, lambda done: show((number + done) / count))
