"""``Patient/$overview``: problems, medication, allergies and results of all sources, each as one List, with what is
likely the same linked and the reason. https://hl7.org/fhir/R4/list.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.bgz.language import language_asked
from app.bgz.overview.listing import Listed, Overview, overviews
from app.bgz.overview.table import wholes
from app.bgz.summary.gathering import Key, gather
from app.bgz.telling.entries import WORDS
from app.bgz.whose import Record, record_of
from app.careplan.document.bundle import EMPTY_REASON, LOINC, UNAVAILABLE
from app.careplan.document.texts import Texts
from app.careplan.names import Names
from app.fhir.dates import instant
from app.fhir.resource import Resource, encode
from app.server.interactions.addresses import bases_of
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer

OVERVIEW_PARAMETERS: Final = (
    Parameter("language", "in", 0, "1", "code", "nl or en: that of the words; else what Accept-Language says."),
    Parameter(
        "return",
        "out",
        1,
        "1",
        "Bundle",
        "A List for each of problems, medication, allergies and results (search.mode match) with the resources that it"
        " names (search.mode include), of type searchset.",
    ),
)


def overview_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def overview(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, OVERVIEW_PARAMETERS)
        language = language_asked(inputs.first("language"), request)
        record = await record_of(server, request, target, "overview")
        gathered = await gather(server, request, record, [part for each in wholes().values() for part in each.parts])
        listed = overviews(gathered, language, names.base)
        keys = [each.told.key for overview in listed for each in overview.entries]
        keys += [key for key in gathered.beside if key not in set(keys)]
        bases = await bases_of(server, request, [(gathered.partitions[key], *key) for key in keys])
        urls = {key: f"{base}{key[0]}/{key[1]}" for key, base in zip(keys, bases, strict=True)}
        writing = _Writing(record, names, urls, Texts(language, WORDS), request.now)
        entries: list[Resource] = []
        for each in listed:
            urn = uuid.UUID(bytes=server.random(16), version=4).urn
            entries.append({"fullUrl": urn, "resource": writing.list_of(each), "search": {"mode": "match"}})
        entries += [
            {"fullUrl": urls[key], "resource": gathered.resources[key], "search": {"mode": "include"}} for key in keys
        ]
        url = f"{server.base}{record.address}"
        link = {"relation": "self", "url": f"{url}?{inputs.query}" if inputs.query else url}
        return Answer(
            200,
            encode({"resourceType": "Bundle", "type": "searchset", "link": [link], "entry": entries}),
            headers=[(b"content-language", language.encode())],
            interaction="$overview",
            type="Patient",
            patients=(record.patient,),
            resources=(f"Patient/{record.id}",),
            parameters=inputs.names,
            rows=len(entries),
        )

    return Operation(
        "overview",
        frozenset({"system", "type", "instance"}),
        frozenset({"Patient"}),
        0,  # the scopes decide per list
        f"{names.base}/OperationDefinition/Patient-overview",
        "Problems, medication, allergies and results of one patient from all sources, side by side, as far as the"
        " caller may see them. What is likely the same is linked, with the reason; nothing is merged or called current."
        " Without an id: of the one patient that the token is for.",
        overview,
        parameters=OVERVIEW_PARAMETERS,
    )


@dataclass(frozen=True, slots=True)
class _Writing:
    """Writes Lists. ``urls``: the addresses of what they name."""

    record: Record
    names: Names
    urls: Mapping[Key, str]
    texts: Texts
    now: int

    def list_of(self, overview: Overview) -> Resource:
        texts = self.texts
        found: Resource = {
            "resourceType": "List",
            "language": texts.language,
            "status": "current",
            "mode": "snapshot",
            "title": overview.title,
            "code": {"coding": [{"system": LOINC, "code": overview.whole.loinc}]},
            "subject": {"reference": f"Patient/{self.record.id}"},
            "date": instant(self.now),
            "note": [{"text": " ".join(filter(None, (texts("overview.note"), overview.remark)))}],
        }
        if overview.entries:
            found["entry"] = list(map(self._entry, overview.entries))
        else:
            found["emptyReason"] = {
                "coding": [{"system": EMPTY_REASON, "code": UNAVAILABLE, "display": "Unavailable"}],
                "text": texts("empty.unavailable"),
            }
        return found

    def _entry(self, listed: Listed) -> Resource:
        told, names = listed.told, self.names
        extensions: list[Resource] = [{"url": names.extension("entry-source"), "valueString": told.source}]
        for each in listed.likely:
            display = f"{each.other.title} ({each.other.origin})"
            parts: list[Resource] = [
                {"url": "with", "valueReference": {"reference": self.urls[each.other.key], "display": display}},
                {"url": "reason", "valueCoding": {"system": names.system("likeness"), "code": each.reason}},
                {"url": "text", "valueString": each.because},
            ]
            extensions.append({"url": names.extension("likely-same"), "extension": parts})
        # The mode snapshot has no room for a date of an entry (lst-3), so it stands in the words.
        item = {"reference": self.urls[told.key], "display": f"{told.title} ({told.day})"}
        return {"extension": extensions, "item": item}
