"""What pages need and is there only while the service runs; their routes are made before."""

from __future__ import annotations

from typing import Generic, TypeVar

from fastapi import HTTPException

T = TypeVar("T")


class Opened(Generic[T]):
    """Holds one thing between opening and closing."""

    def __init__(self) -> None:
        self._value: T | None = None

    def fill(self, value: T | None) -> None:
        """From now on it is this, or None: it is not there."""
        self._value = value

    @property
    def is_open(self) -> bool:
        """Whether it is there."""
        return self._value is not None

    def __call__(self) -> T:
        """The thing. Raises HTTPException 503 while there is none."""
        if self._value is None:
            raise HTTPException(503, "The service is starting.", {"Retry-After": "1"})
        return self._value
