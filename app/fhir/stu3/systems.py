"""The addresses of code systems, which HL7 moved between STU3 and R4.
https://hl7.org/fhir/R4/terminologies-systems.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import yaml

_FILE: Final = Path(__file__).with_name("systems.yaml")


class Renaming(Mapping[str, str]):
    """From an address in one version to that in the other; only those that differ are in it. Read when it is first
    asked for.
    """

    def __init__(self, *, to_r4: bool) -> None:
        self._to_r4 = to_r4

    @cached_property
    def _known(self) -> dict[str, str]:
        data = _data()
        moved = {data["from"] + name: data["to"] + name for name in data["moved"]}
        return moved if self._to_r4 else {there: here for here, there in moved.items()}

    @cached_property
    def _families(self) -> tuple[tuple[str, str], ...]:
        families: dict[str, str] = _data()["families"]
        return tuple(families.items()) if self._to_r4 else tuple((there, here) for here, there in families.items())

    def get(self, system: str, default: Any = None) -> Any:
        """The other address, else ``default``."""
        found = self._known.get(system)
        if found is not None:
            return found
        for here, there in self._families:
            if system.startswith(here) and len(system) > len(here):
                return there + system[len(here) :]
        return default

    def __getitem__(self, system: str) -> str:
        found: str | None = self.get(system)
        if found is None:
            raise KeyError(system)
        return found

    def __iter__(self) -> Any:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(_FILE.read_text("utf-8"))
    return data


TO_R4: Final = Renaming(to_r4=True)
TO_STU3: Final = Renaming(to_r4=False)


def system_to_r4(system: str) -> str:
    """What R4 calls a code system of STU3."""
    found: str = TO_R4.get(system, system)
    return found


def system_to_stu3(system: str) -> str:
    """What STU3 calls a code system of R4."""
    found: str = TO_STU3.get(system, system)
    return found
