"""What data may be used for, from ``purposes.yaml``: own use, care, and eight secondary purposes that are off by
default. https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import yaml

from app.auth.consents.late import Late
from app.errors import Unprocessable

Kind = Literal["own", "care", "secondary"]
CODE_SYSTEM: Final = "CodeSystem/purposes"
"""Our own code system of purposes, below the canonical base."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose. ``system`` is "" for a code of our own code system; names and explanations by language."""

    key: str
    kind: Kind
    system: str
    code: str
    display: str
    names: Mapping[str, str]
    explanations: Mapping[str, str]

    @property
    def secondary(self) -> bool:
        """Off until somebody says yes to it."""
        return self.kind == "secondary"

    def coding(self, canonical_base: str) -> dict[str, str]:
        """As ``Consent.provision.purpose`` has it."""
        return {
            "system": self.system or f"{canonical_base}/{CODE_SYSTEM}",
            "code": self.code,
            "display": self.display,
        }


def load_purposes() -> Mapping[str, Purpose]:
    """The table as committed, in its order."""
    table: dict[str, Any] = yaml.load(Path(__file__).with_name("purposes.yaml").read_text(), yaml.CSafeLoader)
    return MappingProxyType(
        {
            key: Purpose(
                key,
                row["kind"],
                row["coding"].get("system", ""),
                row["coding"]["code"],
                row["coding"]["display"],
                MappingProxyType({"nl": row["nl"], "en": row["en"]}),
                MappingProxyType(dict(row["explanation"])),
            )
            for key, row in table.items()
        }
    )


PURPOSES: Final[Mapping[str, Purpose]] = Late(load_purposes)


def secondary_purposes() -> tuple[str, ...]:
    """The keys of those that are off by default."""
    return tuple(key for key, purpose in PURPOSES.items() if purpose.secondary)


def purpose_named(key: str) -> Purpose:
    """Raises ``Unprocessable`` naming the purposes that there are."""
    found = PURPOSES.get(key)
    if found is None:
        raise Unprocessable(f"The purpose of a consent is one of {', '.join(PURPOSES)}.", "code-invalid")
    return found
