"""An OperationDefinition for each operation of the registry. https://hl7.org/fhir/R4/operationdefinition.html

``python -m app.main.definitions`` writes them to ``medmij_profiles/operations``, under the canonical base
that an adopting organisation replaces.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from app.config import CANONICAL_BASE, RELEASED, VERSION
from app.fhir.resource import Resource, encode
from app.server.operations import Operation, Parameter

FOLDER: Final = Path(__file__).parents[2] / "medmij_profiles" / "operations"
_HL7: Final = "http://hl7.org/fhir/"


def definition_id(operation: Operation) -> str:
    """The id of its OperationDefinition, such as ``Patient-everything``."""
    return operation.definition.rpartition("/")[2]


def canonical(base: str, operation: Operation) -> str:
    """The canonical of our OperationDefinition."""
    return f"{base}/OperationDefinition/{definition_id(operation)}"


def operation_definition(base: str, operation: Operation) -> Resource:
    """What the operation is called on, whether it changes anything, and its parameters."""
    words = definition_id(operation).split("-")
    resource: dict[str, Any] = {
        "resourceType": "OperationDefinition",
        "id": definition_id(operation),
        "url": canonical(base, operation),
        "version": VERSION,
        "name": "".join(word[0].upper() + word[1:] for word in words),
        "title": f"${operation.name} as this server has it",
        "status": "active",
        "kind": "operation",
        "experimental": False,
        "date": RELEASED,
        "publisher": "Zelfregie",
        "description": operation.description,
        "affectsState": operation.affects_state,
        "code": operation.name,
    }
    if operation.definition.startswith(_HL7):
        resource["base"] = operation.definition
    if operation.levels != {"system"}:
        resource["resource"] = sorted(operation.types) or ["Resource"]
    resource |= {level: level in operation.levels for level in ("system", "type", "instance")}
    if operation.parameters:
        resource["parameter"] = [_parameter(each) for each in operation.parameters]
    return resource


def _parameter(parameter: Parameter) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "name": parameter.name,
        "use": parameter.use,
        "min": parameter.min,
        "max": parameter.max,
        "documentation": parameter.documentation,
    }
    if parameter.parts:
        return {**listed, "part": [_parameter(each) for each in parameter.parts]}
    return {**listed, "type": parameter.type}


def write(operations: Iterable[Operation], folder: Path = FOLDER) -> None:
    """Write one file for each, and take away those of operations that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = set()
    for operation in operations:
        path = folder / f"{definition_id(operation)}.json"
        path.write_bytes(rendered(operation))
        kept.add(path)
    for path in set(folder.glob("*.json")) - kept:
        path.unlink()


def rendered(operation: Operation) -> bytes:
    """The content of its file."""
    return msgspec.json.format(encode(operation_definition(CANONICAL_BASE, operation)), indent=2) + b"\n"
