"""Where a resource lives: in the partition of the one patient that it names as its subject. The rows are
``placement.yaml``.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from app.errors import Unprocessable
from app.fhir.resource import Resource, parse_reference

_OWN_ID: Final = ("id",)


@dataclass(frozen=True, slots=True)
class Place:
    """One row: ``subject`` is the path to the naming element, empty where the type names nobody."""

    subject: tuple[str, ...]
    many: bool
    follows: bool
    catalogue: bool
    refused: str
    never: Mapping[str, tuple[str, ...]]
    because: str
    date: str | None

    @property
    def is_person(self) -> bool:
        """The resource is the patient."""
        return self.subject == _OWN_ID


def load_placement() -> Mapping[str, Place]:
    """The table, by resource type."""
    rows: dict[str, dict[str, Any]] = yaml.load(
        Path(__file__).with_name("placement.yaml").read_text(), yaml.CSafeLoader
    )
    return MappingProxyType(
        {
            name: Place(
                tuple(row["subject"].split(".")) if "subject" in row else (),
                row.get("many", False),
                row.get("follows", False),
                row.get("catalogue", False),
                row.get("refused", ""),
                {name: tuple(values) for name, values in row.get("never", {}).items()},
                row.get("because", ""),
                row.get("date"),
            )
            for name, row in rows.items()
        }
    )


def elements(value: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The objects at ``path`` below ``value``, through lists."""
    if isinstance(value, list):
        for each in value:
            yield from elements(each, path)
    elif isinstance(value, dict):
        if not path:
            yield value
        elif path[0] in value:
            yield from elements(value[path[0]], path[1:])


def named_patient(resource: Resource, place: Place, *, base: str, entries: Mapping[str, str]) -> str | None:
    """The id of the patient that ``resource`` names as its subject; None when it names none.

    ``base`` is this server's own address: an absolute reference to it counts, one to another server does not.
    ``entries`` gives what a reference to another entry of the same transaction stands for. Raises ``Unprocessable``
    when two different patients are named.
    """
    if not place.subject:
        return None
    if place.is_person:
        found = resource.get("id")
        return found if isinstance(found, str) else None
    first: str | None = None
    for reference in elements(resource, place.subject):
        text = reference.get("reference")
        literal = parse_reference(entries.get(text, text)) if isinstance(text, str) else None
        if literal is None or literal.type != "Patient" or literal.base not in ("", base):
            continue
        if first is not None and literal.id != first:
            path = f"{resource['resourceType']}.{'.'.join(place.subject)}"
            raise Unprocessable(f"{path} names two different patients; a resource belongs to one.", "business-rule")
        first = literal.id
    return first
