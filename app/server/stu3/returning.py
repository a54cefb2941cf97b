"""What was born here and is written back in STU3 as it was given out stays what it is: no translation, no view and no
claim of a view is stored in its place. https://hl7.org/fhir/STU3/http.html#update

What came in in STU3 is taken as it is sent: it comes out as it came in, so there is nothing to restore.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from app.errors import ZelfregieError
from app.fhir.resource import Resource, decode
from app.fhir.stu3 import STU3_TYPES, Translator, Untranslatable
from app.server.border import Views
from app.server.dispatch import find
from app.server.interactions.carrying_out import carried_out
from app.server.interactions.stored import all_stored_for
from app.server.messages import Refused, Request
from app.server.returning import restored
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.read import GrantChanged

_MARKS: Final = (
    b"/StructureDefinition/source-profile",
    b"/StructureDefinition/added-in-translation",
    b"/fhir/3.0/StructureDefinition/extension-",
)
"""What only the translation from STU3 makes."""
_APART: Final = frozenset({"Binary", "Bundle", "Parameters", "OperationOutcome"})
_ADDRESSES: Final = (2, 4)
"""How many parts the address of a resource has, and one below its Patient."""
_AT_ONCE: Final = 500


class Returning:
    """Of one base. ``views``: those that its answers pass."""

    def __init__(self, server: FhirServer, translator: Translator, views: Views | None) -> None:
        self._server = server
        self._translator = translator
        self._views = views

    async def one(self, request: Request, sent: Resource) -> Resource:
        """What an update is to store. ``request`` and ``sent`` are in R4. Raises ``GrantChanged``."""
        path = request.path
        if request.method != "PUT" or len(path) not in _ADDRESSES or path[-2] != sent.get("resourceType"):
            return sent
        if path[-2] in _APART or path[-1] != sent.get("id"):
            return sent
        try:
            reading = replace(request, method="GET", query="", body=b"", headers={})
            stored = (await carried_out(self._server, reading, find)).body
        except GrantChanged:
            raise
        except ZelfregieError:
            return sent  # nothing that its sender may read, or the server says what is wrong
        return (await self._all(request, {0: sent}, {0: stored}))[0]

    async def entries(self, request: Request, bundle: Resource, refused: Mapping[int, Refused]) -> None:
        """The same for the entries of a batch or transaction, in place: those in the record of the one patient that the
        token is for, or that the header names. Raises ``GrantChanged``.
        """
        sent: dict[int, Resource] = {}
        for index, entry in enumerate(bundle.get("entry", ())):
            if index in refused:
                continue  # it may have any form
            asked, resource = entry.get("request", {}), entry.get("resource", {})
            name = f"{resource.get('resourceType')}/{resource.get('id')}"
            if asked.get("method") == "PUT" and asked.get("url") == name:
                sent[index] = resource
        stored = await self._stored(request, sent) if sent else {}
        for index, resource in (await self._all(request, sent, stored)).items():
            bundle["entry"][index]["resource"] = resource

    async def _stored(self, request: Request, sent: Mapping[int, Resource]) -> dict[int, bytes]:
        partition = await self._partition(request)
        found: dict[int, bytes] = {}
        if partition is None:
            return found
        stored = self._server.registry.stored
        for kind in {kind for each in sent.values() if (kind := each["resourceType"]) in stored} - _APART:
            places = {each["id"]: index for index, each in sent.items() if each["resourceType"] == kind}
            ids = list(places)
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                rows = await all_stored_for(self._server, request, kind, some, partition=partition)
                found |= {places[name]: each.body for name, each in rows.items()}
        return found

    async def _partition(self, request: Request) -> int | None:
        access = request.access
        name = request.header(b"x-security-context").removeprefix(self._server.base)
        if access.patient is not None or not name.startswith("Patient/"):
            return access.patient
        return await find_patient(self._server.database, access, name.removeprefix("Patient/"), self._server.registry)

    async def _all(
        self, request: Request, sent: Mapping[int, Resource], stored: Mapping[int, bytes]
    ) -> dict[int, Resource]:
        """``sent``, by place, restored where what is ``stored`` was born here."""
        born = {index: decode(body) for index, body in stored.items() if not any(mark in body for mark in _MARKS)}
        seen: Sequence[Resource | None] = list(born.values())
        if self._views is not None and born:
            seen = await self._views.seen(list(born.values()), request)
        made = dict(sent)
        for (index, resource), view in zip(born.items(), seen, strict=True):
            if view is None or view["resourceType"] != resource["resourceType"]:
                continue
            if resource["resourceType"] not in STU3_TYPES:
                continue
            try:
                given = self._translator.to_r4(self._translator.to_stu3(view))
            except Untranslatable:
                continue
            made[index] = restored(sent[index], given, resource)
        return made
