"""Running a piece of work that tells how far it is."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

Result = TypeVar("Result")
State = TypeVar("State")


def finish(work: Generator[Any, Any, Result]) -> Result:
    """Run a piece of work to its end, passing over its progress."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result


def wrap(
    part: Generator[Any, None, Result], show: Callable[[Any], State]
) -> Generator[State, None, Result]:
    """Pass on the progress of a part in other words."""
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
    """Pass on the progress of one of `count` equal parts as a share of the whole."""
    return wrap(part, lambda done: show((number + done) / count))
