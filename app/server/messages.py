"""One request and one answer, as the interactions see them; ``asgi.py`` makes and sends them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from app.errors import ZelfregieError
from app.fhir.resource import Resource, encode
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


class Received(msgspec.Struct, frozen=True):
    """A body as it came in, where the server gets it in other words: its bytes, its Content-Type, and the version of
    FHIR that it is in (``3.0``).
    """

    body: bytes
    media_type: str
    fhir_version: str


class Refused(msgspec.Struct, frozen=True):
    """An entry of a batch that cannot be brought into the words of the server: why, and the bytes of its resource as
    they came in; without them they are cut out of what was received.
    """

    error: ZelfregieError
    body: bytes = b""


NONE_REFUSED: Final[Mapping[int, Refused]] = MappingProxyType({})


class Request(msgspec.Struct):
    """``path`` is split below the FHIR base; ``headers`` have lower-case names, the last one of a name counts.
    ``within``: it stands for an entry of a batch or transaction. ``received``: the body as it came in, where a border
    put ``body`` into R4's words; ``refused``: the entries of a batch, by their index, that it could not put so.
    ``bundle`` gives the Bundle that a border made of what was received, which whoever asks for it may change: ``body``
    is then as it came in. ``full_url``: that of the entry; ``released``: the person has looked at a delivery that was
    held, and lets it in; ``without``: the ``Type/id`` of what a search passes over, as if it were not there.
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
    received: Received | None = None
    refused: Mapping[int, Refused] = NONE_REFUSED
    bundle: Callable[[], Awaitable[Resource]] | None = None
    full_url: str = ""
    released: bool = False
    without: frozenset[str] = frozenset()

    async def write_out(self) -> None:
        """Have ``body`` hold what ``bundle`` gives, for who reads or changes it before it is carried out."""
        if self.bundle is not None:
            self.body, self.bundle = encode(await self.bundle()), None

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
    ``parts``: what was answered to the entries of a batch, each of which is a line of its own. ``beside``: an
    OperationOutcome that goes beside the body of an entry.
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
    beside: bytes = b""
