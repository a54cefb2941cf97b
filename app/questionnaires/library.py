"""The Questionnaires that somebody can be asked: by canonical, in the catalogue of the tenant and then in the shared
one. https://hl7.org/fhir/R4/references.html#canonical
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol

from app.database import Reader
from app.fhir.definitions import Definitions
from app.fhir.resource import decode
from app.questionnaires.instruments import Instrument, Instruments
from app.questionnaires.items import Form, form_of
from app.server.search.terms import NO_SYSTEM, hash_token

MOST_KEPT: Final = 256
# What stands in a catalogue is for everybody of its tenant; the read or write that this is for looks at the grant.
_FOUND: Final = (
    "SELECT r.patient, r.id, r.version, r.updated FROM token t JOIN resource r ON r.patient = t.patient AND r.n = t.n"
    " WHERE t.patient IN ($1, $2) AND t.type = $3 AND t.param = $4 AND t.value = $5 AND r.deleted = 0"
)
_BODY: Final = "SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND r.deleted = 0"


class Numbered(Protocol):
    """Who knows the numbers of types and parameters in the tables: a server, or a rule of one."""

    @property
    def definitions(self) -> Definitions:
        """Those that are served."""


@dataclass(frozen=True, slots=True)
class Held:
    """A Questionnaire that is held: its items, the catalogue that it stands in with its id there, and what is known of
    it as an instrument.
    """

    form: Form
    catalogue: int
    id: str
    instrument: Instrument | None


class QuestionnaireLibrary:
    """Finds Questionnaires for one server. What was read is kept by version."""

    def __init__(self, canonical_base: str) -> None:
        self.instruments = Instruments(canonical_base)
        self._forms: OrderedDict[tuple[int, str, int, int], Form] = OrderedDict()

    async def find(self, server: Numbered, reader: Reader, catalogues: tuple[int, int], canonical: str) -> Held | None:
        """The Questionnaire of a canonical (``url`` or ``url|version``); without a version the newest that is active,
        else the newest. What stands in the tenant's own catalogue counts first. None when none is held.
        """
        url, _, version = canonical.partition("|")
        number = server.definitions.type_numbers["Questionnaire"]
        parameter = server.definitions.parameter_numbers["url"]
        rows = await reader.fetch(_FOUND, *catalogues, number, parameter, hash_token(NO_SYSTEM, url))
        found: list[tuple[tuple[object, ...], int, str, Form]] = []
        for catalogue, resource_id, stored, updated in rows:
            form = await self._form(reader, number, (catalogue, resource_id, stored, updated))
            if form is None or form.resource.get("url") != url:
                continue
            if version and form.resource.get("version") != version:
                continue
            active = form.resource.get("status") == "active"
            found.append(((catalogue == catalogues[0], active, updated), catalogue, resource_id, form))
        if not found:
            return None
        _, catalogue, resource_id, form = max(found, key=lambda each: each[0])
        at = form.resource.get("version", "")
        instrument = await self.instruments.find(reader, catalogue, url, at)
        return Held(form, catalogue, resource_id, instrument)

    async def _form(self, reader: Reader, number: int, key: tuple[int, str, int, int]) -> Form | None:
        catalogue, resource_id, *_ = key
        form = self._forms.get(key)
        if form is None:
            rows = await reader.fetch(_BODY, catalogue, number, resource_id)
            if not rows:
                return None
            form = self._forms[key] = form_of(decode(rows[0][0]))
            while len(self._forms) > MOST_KEPT:
                self._forms.popitem(last=False)
        self._forms.move_to_end(key)
        return form
