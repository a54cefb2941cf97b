"""A resource as JSON bytes and as a plain dict, and the references in it. https://hl7.org/fhir/R4/json.html

Decimals stay ``Decimal`` so that ``81.50`` is still ``81.50`` when it leaves
(https://hl7.org/fhir/R4/datatypes.html#decimal).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

import msgspec

from app.errors import Invalid

Resource = dict[str, Any]
"""One resource as decoded JSON: str, int, bool, Decimal, list and dict only."""


def plain(value: Any) -> str:
    """A text of a type of its own, such as ``Both``, as the text that it is. Raises TypeError for anything else."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not written as JSON.")


_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=plain).encode


def decode(data: bytes | bytearray | memoryview) -> Resource:
    """The JSON object in ``data``. Raises ``Invalid`` (code ``structure``) for anything else."""
    value = decode_value(data)
    if not isinstance(value, dict):
        raise Invalid("The body is JSON, but not an object with a resourceType.", "structure", kind="not-an-object")
    return value


def decode_value(data: bytes | bytearray | memoryview) -> Any:
    """Whatever JSON is in ``data``. Raises ``Invalid`` (code ``structure``) where it is none."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, InvalidOperation) as error:
        raise Invalid(f"The body is not well-formed JSON: {error}", "structure", kind="not-well-formed") from error


def encode(value: Any) -> bytes:
    """Compact JSON in the order of the dict, decimals with the digits they came with."""
    return _encode(value)


@dataclass(frozen=True, slots=True)
class LiteralReference:
    """``Type/id`` with an optional base and version. https://hl7.org/fhir/R4/references.html#literal"""

    base: str
    type: str
    id: str
    version: str | None = None

    @property
    def relative(self) -> str:
        """``Type/id``."""
        return f"{self.type}/{self.id}"


_LITERAL: Final = re.compile(
    r"(?P<base>https?://[^\s]+/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?"
)

_SHORT: Final = 256
"""Characters of a reference that is worth remembering."""


def parse_reference(text: str) -> LiteralReference | None:
    """The literal reference in ``text``; None for ``#contained``, ``urn:…`` and all that is not ``Type/id``."""
    if text.startswith("urn:"):
        return None  # what a delivery names its entries by, none of which comes again
    return _recurring(text) if len(text) <= _SHORT else _parse_reference(text)


def _parse_reference(text: str) -> LiteralReference | None:
    found = _LITERAL.fullmatch(text)
    if found is None:
        return None
    return LiteralReference(found["base"] or "", found["type"], found["id"], found["version"])


# One resource is looked at several times for the same references, and so are those of the same patient.
_recurring: Final = lru_cache(maxsize=1024)(_parse_reference)


def walk_dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in ``value``, itself included, parents first."""
    stack = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, dict):
            yield current
            stack.extend(child for child in current.values() if isinstance(child, dict | list))
        elif isinstance(current, list):
            stack.extend(child for child in current if isinstance(child, dict | list))
