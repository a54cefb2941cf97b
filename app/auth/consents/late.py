"""Tables that are read from their file when first asked, as importing a module does nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class Late(Mapping[str, T]):
    """What ``load`` gives, from the first use on."""

    def __init__(self, load: Callable[[], Mapping[str, T]]) -> None:
        self._load = load
        self._found: Mapping[str, T] | None = None

    def _table(self) -> Mapping[str, T]:
        if self._found is None:
            self._found = self._load()
        return self._found

    def __getitem__(self, key: str) -> T:
        """As of any mapping."""
        return self._table()[key]

    def __iter__(self) -> Iterator[str]:
        """In the table's order."""
        return iter(self._table())

    def __len__(self) -> int:
        """How many rows."""
        return len(self._table())
