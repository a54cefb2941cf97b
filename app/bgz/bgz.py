"""``Patient/$bgz``: the BgZ in one call, instead of in 28 requests.

https://informatiestandaarden.nictiz.nl/wiki/MedMij:V2020.01/FHIR_BGZ_2017 https://hl7.org/fhir/R4/bundle.html#searchset
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from app.bgz.parts import BgzSection, Part, bgz_sections
from app.bgz.reading import EVER, Place, Reading
from app.bgz.summary.operation import PDF, bgz_pages, wants_pages
from app.bgz.summary.pages import RecordPress
from app.bgz.whose import Record, record_of
from app.database import Reader
from app.errors import Invalid, Issue
from app.fhir.dates import bounds
from app.fhir.resource import encode
from app.server.bundles import Entry, match_entry, outcome_entry, searchset
from app.server.interactions.addresses import bases_of
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.outcomes import outcome
from app.server.search.cursor import Cursor, read_cursor, write_cursor
from app.server.search.include import MOST_INCLUDED, Found, Included, include
from app.server.search.query import Include
from app.server.search.registry import Registry
from app.server.server import FhirServer
from app.server.store.read import check_guard

DEFAULT_COUNT: Final = 1000
LARGEST_COUNT: Final = 2000
STOOD: Final = 1
CHANGED: Final = 2
"""The phases of a walk: what stands as it stood at the first page, then what was changed meanwhile."""
_CUT: Final = (
    f"More than {MOST_INCLUDED} resources would come with this page; the rest is left out. Ask for fewer with _count."
)


@cache
def bgz_parameters() -> tuple[Parameter, ...]:
    """Of the operation; the sections are named as the table has them."""
    return (
        Parameter("section", "in", 0, "*", "code", f"Only these sections: {', '.join(bgz_sections())}."),
        Parameter("_since", "in", 0, "1", "instant", "Only what was changed at or after this time."),
        Parameter(
            "_count",
            "in",
            0,
            "1",
            "integer",
            f"Resources per page: {DEFAULT_COUNT} if not said, at most {LARGEST_COUNT}.",
        ),
        Parameter(
            "return",
            "out",
            1,
            "1",
            "Bundle",
            "The set in the order of its sections, with what comes with it (search.mode include), of type searchset.",
        ),
    )


def bgz_operation(canonical_base: str, press: RecordPress) -> Operation:
    """For the server's registry."""

    async def bgz(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, bgz_parameters())
        sections = _sections(inputs)
        record = await record_of(server, request, target, "bgz")
        if wants_pages(request):
            return await bgz_pages(server, request, record, [each.name for each in sections], press)
        return await _set(server, request, record, inputs, [each.part for each in sections])

    return Operation(
        "bgz",
        frozenset({"system", "type", "instance"}),
        frozenset({"Patient"}),
        0,  # the scopes decide per section
        f"{canonical_base}/OperationDefinition/Patient-bgz",
        "The BgZ (basisgegevensset zorg) of one patient in one call, as far as the caller may see it, in pages, or"
        " to print for who asks for application/pdf. Without an id: of the one patient that the token is for.",
        bgz,
        parameters=bgz_parameters(),
        media_types=frozenset({PDF}),
    )


async def _set(server: FhirServer, request: Request, record: Record, inputs: Inputs, parts: Sequence[Part]) -> Answer:
    """A page of the set: first what stood at page one, then what was changed meanwhile."""
    signed = f"{record.address}?{inputs.query}"
    cursor = None if inputs.page is None else read_cursor(inputs.page, server.page_key, signed)
    async with server.database.snapshot() as reader:
        reading = Reading(server, request, record.patient)
        places = await reading.places(reader, parts, until=EVER if cursor is None else cursor.seq)
        if not places:
            await check_guard(reader, request.access, request.now)
        page, following = _page(places, inputs, record.patient, cursor)
        brought = await brought_with(reader, reading, parts, page)
    url = f"{server.base}{record.address}"
    links = [("self", f"{url}?{inputs.query}" if inputs.query else url)]
    if following is not None:
        page_link = write_cursor(following, server.page_key, signed)
        links.append(("next", f"{url}?{inputs.query}{'&' if inputs.query else ''}_page={page_link}"))
    entries = await _entries(server, request, record, page, brought)
    return Answer(
        200,
        searchset(links, entries),
        interaction="$bgz",
        type="Patient",
        patients=(record.patient,),
        resources=(f"Patient/{record.id}",),
        parameters=inputs.names,
        rows=len(entries),
    )


def _sections(inputs: Inputs) -> list[BgzSection]:
    """Those that are asked for. Raises ``Invalid``."""
    known, named = bgz_sections(), inputs.all("section")
    unknown = sorted(set(named) - set(known))
    if unknown:
        text = f"section takes {', '.join(known)}."
        raise Invalid(text, issues=(Issue("value", text, ("http.section",)),))
    return [each for name, each in known.items() if not named or name in named]


def _page(
    places: Sequence[Place], inputs: Inputs, patient: int, cursor: Cursor | None
) -> tuple[list[Place], Cursor | None]:
    """The resources of one page, and where the next one begins. ``places`` are in the order of the parts."""
    since, count = inputs.first("_since"), inputs.first("_count")
    most = DEFAULT_COUNT if count is None else max(1, min(count, LARGEST_COUNT))
    first = 0 if since is None else bounds(since)[0]
    wanted = [each for each in places if each.updated >= first]
    seq = cursor.seq if cursor is not None else wanted[0].standing if wanted else 0
    ordered = sorted((CHANGED if each.seq > seq else STOOD, each.part, each.n) for each in wanted)
    if cursor is not None:
        behind = (cursor.phase, int(cursor.keys[0]), cursor.n)
        ordered = [each for each in ordered if each > behind]
    by_n = {each.n: each for each in wanted}
    page = [by_n[n] for _, _, n in ordered[:most]]
    if len(ordered) <= most:
        return page, None
    phase, part, n = ordered[most - 1]
    return page, Cursor(phase, seq, (part,), patient, n)


async def brought_with(reader: Reader, reading: Reading, parts: Sequence[Part], page: Sequence[Place]) -> Included:
    """What comes with the resources of a page, by the includes of their parts."""
    asked = {name: None for each in page for name in parts[each.part].includes}
    if not asked:
        return Included()
    server, request, patient = reading.server, reading.request, reading.patient
    return await include(
        *(reader, request.access, server.registry, server.database.dialect),
        includes=includes_of(server.registry, asked),
        matches=[Found(patient, each.type, each.id, each.n, each.body) for each in page if parts[each.part].includes],
        partitions=(),
        now=request.now,
    )


def includes_of(registry: Registry, written: Iterable[str]) -> list[Include]:
    """``Type:parameter`` or ``Type:parameter:Type`` as an include."""
    found = []
    for each in written:
        source, name, *targets = each.split(":")
        found.append(
            Include(source, registry.params(source)[name], targets[0] if targets else "", iterate=False, reverse=False)
        )
    return found


async def _entries(
    server: FhirServer, request: Request, record: Record, page: Sequence[Place], brought: Included
) -> list[Entry]:
    names, given = server.registry.type_names, {(record.patient, each.type, each.id) for each in page}
    rows = [(record.patient, each.type, each.id, each.body, "match") for each in page]
    rows += [
        (each.patient, each.type, each.id, each.body, "include")
        for each in brought.rows
        if (each.patient, each.type, each.id) not in given
    ]
    bases = await bases_of(server, request, [(patient, names[number], key) for patient, number, key, _, _ in rows])
    entries = [
        match_entry(base, names[number], key, body, mode)
        for base, (_, number, key, body, mode) in zip(bases, rows, strict=True)
    ]
    if brought.cut:
        entries.append(outcome_entry(encode(outcome([Issue("too-costly", _CUT, severity="warning", kind="cut")]))))
    return entries
