"""A fault of ours as the log tells it: what kind of error and where, without its text, which may hold what a resource
says. https://docs.python.org/3/library/traceback.html
"""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb


def trace_of(error: BaseException) -> list[str]:
    """The kinds of error with the places that each came through, the cause before what it caused."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    trace = []
    for each in reversed(chain):
        trace.append(f"{type(each).__module__}.{type(each).__qualname__}")
        trace += [
            f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}"
            for frame in extract_tb(each.__traceback__)
        ]
    return trace
