"""Addresses of the STU3 base and those that the server knows the same by. https://hl7.org/fhir/STU3/http.html#general"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from app.errors import NotFound
from app.fhir.resource import parse_reference
from app.fhir.stu3 import R4_TYPES, STU3_TYPES

OPERATIONS: Final = frozenset(
    {"lastn", "everything", "validate", "meta", "bgz", "summary", "overview", "pair", "propose", "items", "retract"}
)
"""Those that can be asked for here: what they take and give has the same form in STU3, or is translated."""
_TYPE_IN_PATH: Final = (0, 2)
"""Where a type stands in an address: first, and behind the id of a compartment."""
_TYPE: Final = re.compile(r"[A-Z][A-Za-z]+")


def no_table(name: str) -> NotFound:
    """The refusal of a type that cannot be put into R4."""
    text = f"'{name}' is not a resource type that is served here in STU3."
    return NotFound(text, "not-supported", kind="no-such-type")


class Addresses:
    """Of one base. ``base`` and ``server_base`` are public addresses that end in a slash."""

    def __init__(self, base: str, server_base: str) -> None:
        self.base = base
        self.server_base = server_base
        self.server_bytes = server_base.encode()
        self.base_bytes = base.encode()

    def path_to_r4(self, path: Sequence[str]) -> list[str]:
        """An address below the base, split. Raises ``NotFound`` for a type without a table, or an operation that is not
        offered here.
        """
        made = list(path)
        for place in _TYPE_IN_PATH:
            if place < len(made) and _TYPE.fullmatch(made[place]):
                known = R4_TYPES.get(made[place])
                if known is None:
                    raise no_table(made[place])
                made[place] = known
        if made and made[0][0] not in "_$" and made[0] not in STU3_TYPES:
            raise no_table(made[0])
        if made and made[-1].startswith("$") and made[-1][1:] not in OPERATIONS:
            text = f"There is no operation {made[-1]} here in STU3. Those of this service are asked in R4, at /fhir."
            raise NotFound(text, "not-supported")
        return made

    def path_to_stu3(self, path: str) -> str:
        """What the server calls an address below its base, without a query."""
        parts = path.split("/")
        for place in _TYPE_IN_PATH:
            if place < len(parts):
                parts[place] = STU3_TYPES.get(parts[place], parts[place])
        return "/".join(parts)

    def url_to_stu3(self, url: str) -> str:
        """An absolute address of the server on this base; any other stays as it is."""
        if url.startswith(self.base):
            return url
        if not url.startswith(self.server_base):
            return self.base.rstrip("/") if url == self.server_base.rstrip("/") else url
        path, mark, query = url[len(self.server_base) :].partition("?")
        return f"{self.base}{self.path_to_stu3(path)}{mark}{query}"

    def own_to_r4(self, url: str) -> str:
        """An absolute address on this base as one at the server; any other stays as it is."""
        if not url.startswith(self.base):
            return url
        path, mark, query = url[len(self.base) :].partition("?")
        parts = path.split("/")
        for place in _TYPE_IN_PATH:
            if place < len(parts):
                parts[place] = R4_TYPES.get(parts[place], parts[place])
        return f"{self.server_base}{'/'.join(parts)}{mark}{query}"

    def url_to_r4(self, url: str) -> str:
        """An absolute address of this base at the server; any other address of a resource keeps its server and gets the
        type of R4, so that relative references beside it lead there.
        """
        found = parse_reference(url)
        if found is None or not found.base or found.type not in R4_TYPES:
            return url
        if found.base.startswith(self.base):
            return self.own_to_r4(url)
        version = "" if found.version is None else f"/_history/{found.version}"
        return f"{found.base}{R4_TYPES[found.type]}/{found.id}{version}"
