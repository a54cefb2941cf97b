"""One request and one answer, as the interactions see them; ``asgi.py`` makes and sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from app.server.access import Access

Headers = list[tuple[bytes, bytes]]
GENERAL: Final = frozenset({"_format", "_pretty", "_summary", "_elements"})
"""The parameters of every interaction, which ``asgi.py`` answers. https://hl7.org/fhir/R4/http.html#parameters"""


# msgspec's structs here and wherever something is made for every request: a dataclass takes up to ten times as long.
class Target(msgspec.Struct):
    """What an address names. ``patient_id``: the Patient before it; ``compartment``: the (type, id) that a search is
    within; ``operation``: its name without ``$``.
    """

    type: str = ""
    id: str = ""
    patient_id: str | None = None
    version: str = ""
    operation: str = ""
    compartment: tuple[str, str] | None = None


class Request(msgspec.Struct):
    """``path`` is split below the FHIR base; ``headers`` have lower-case names, the last one of a name counts.
    ``within``: it stands for an entry of a batch or transaction.
    """

    method: str
    path: list[str]
    query: str
    headers: Mapping[bytes, bytes]
    body: bytes
    access: Access
    now: int
    id: str
    within: bool = False

    def header(self, name: bytes) -> str:
        """The header's text, empty when it is not there."""
        return self.headers.get(name, b"").decode("latin-1")

    def prefers(self, preference: str) -> bool:
        """Whether ``Prefer`` names ``preference``, such as ``return=minimal``. https://www.rfc-editor.org/rfc/rfc7240"""
        given = self.headers.get(b"prefer")
        if given is None:
            return False
        words = given.decode("latin-1").lower().replace(";", ",").replace('"', "").split(",")
        return preference in (word.strip().replace(" ", "") for word in words)


class Answer(msgspec.Struct):
    """``body`` is JSON; ``asgi.py`` turns it into XML for who asks. The rest are the facts for the audit line, no
    values. ``media_type`` is set where the body is not a resource and goes out as it is (a Binary as itself).
    ``parts``: what was answered to the entries of a batch, each of which is a line of its own.
    """

    status: int
    body: bytes = b""
    headers: Headers = msgspec.field(default_factory=list)
    interaction: str = ""
    type: str = ""
    patients: tuple[int, ...] = ()
    resources: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    rows: int | None = None
    wrote: bool = False
    parts: Sequence[Answer] = ()
    media_type: bytes = b""
