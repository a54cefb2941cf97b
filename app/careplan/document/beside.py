"""Sections of what stands beside the plan: the newest measurement of every kind, results of protocols, and what was
answered, with the sources and dates of each; and what none of it is (MODEL 5).

For the plan as it is now: a revision shows what the plan itself named. What somebody says of their care (a PREM) is
theirs alone, and in no document. https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from app.careplan.document.around import measurement
from app.careplan.document.content import Item, Line, Telling
from app.careplan.document.dates import day
from app.careplan.document.gather import Gathered, Key
from app.careplan.document.people import who
from app.careplan.document.told import DECIDING, WHO_I_AM, answered_in
from app.careplan.names import Names
from app.careplan.plan import local
from app.database import Reader
from app.fhir.dates import NO_DATE
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.measurements.confirming import flags_of
from app.measurements.kinds import kind_of, part_of
from app.measurements.newest import newest_of_kinds, written_values
from app.measurements.watching import watching
from app.questionnaires.instruments import shipped
from app.questionnaires.library import Held, QuestionnaireLibrary
from app.questionnaires.names import Names as QuestionnaireNames
from app.questionnaires.profile import Profile, Told
from app.questionnaires.scoring.observations import MARK
from app.questionnaires.scoring.program import Dimension, Words
from app.questionnaires.scoring.shown import Shown, remark
from app.server.access import guarded
from app.server.intake.flags import BEYOND_LIMIT, TO_CONFIRM
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.narrowed import is_within

MOST: Final = 500
"""Measurements and results that are looked at, the newest."""
_VOID: Final = frozenset({"entered-in-error", "cancelled"})
_COMPUTED: Final = "computed"
_PRESSURE_MEAN: Final = ("http://loinc.org", "96607-7")
_NEWEST: Final = (
    # The row under which each resource of a type stands once has its date, too.
    "SELECT r.id, r.version, r.labels, r.body FROM token t JOIN resource r ON r.patient = t.patient AND r.n = t.n"
    " WHERE t.patient = $1 AND t.type = $5 AND t.param = 0 AND t.value = 0 AND t.date > $6 AND r.deleted = 0"
    f" AND {guarded(2)}"
    " ORDER BY t.date DESC, t.n DESC LIMIT $7"
)


@dataclass(frozen=True, slots=True)
class Looking:
    """What it takes to look beside the plan, for one installation."""

    profile: Profile
    names: Names

    async def add(self, server: FhirServer, request: Request, gathered: Gathered) -> None:
        """Put in what stands beside the plan, and take out what is the person's alone."""
        base = self.names.base
        for key, resource in list(gathered.resources.items()):
            if key[0] == "QuestionnaireResponse" and _is_for_the_person_only(resource, base):
                del gathered.resources[key]
        async with server.database.snapshot() as reader:
            if gathered.revision.seq is None and request.access.scopes.allow("Observation", Action.READ):
                await self._observations(server, reader, request, gathered)
            gathered.beside.forms = await self._forms(server, reader, request, gathered)

    async def _observations(self, server: FhirServer, reader: Reader, request: Request, gathered: Gathered) -> None:
        found = await _visible(server, reader, request, gathered)
        newest = newest_of_kinds(found, self.names.base)
        beside = gathered.beside
        beside.measured = [each.observation for listed in newest.values() for each in listed]
        beside.computed = list(_newest_by_code(each for each in found if _is_computed(each, self.names)))
        scores = [each for each in found if _is_score(each)]
        beside.told = await self.profile.told(server, reader, request.access.catalogues, scores)
        shown = {each.id for told in beside.told for each in (told.now.first, *told.now.parts)}
        for each in (*beside.measured, *beside.computed, *(score for score in scores if score["id"] in shown)):
            key = ("Observation", each["id"])
            gathered.resources.setdefault(key, each)
            gathered.partitions.setdefault(key, gathered.patient)

    async def _forms(self, server: FhirServer, reader: Reader, request: Request, gathered: Gathered) -> dict[str, Held]:
        """The Questionnaires of answers that the plan names."""
        found = {}
        for resource in gathered.resources.values():
            if resource["resourceType"] == "QuestionnaireResponse":
                canonical = resource.get("questionnaire", "")
                held = await self.profile.library.find(server, reader, request.access.catalogues, canonical)
                if held is not None:
                    found[canonical] = held
        return found


def looking(names: Names) -> Looking:
    """For the operation."""
    own = QuestionnaireNames(names.base)
    return Looking(Profile(QuestionnaireLibrary(names.base), own), names)


def measurements(telling: Telling) -> list[Item]:
    """First that nobody watches; then what the plan names, the newest of every kind, and results of protocols."""
    gathered, base = telling.gathered, telling.names.base
    beside = gathered.beside
    named = [gathered.find(each) for each in gathered.plan.get("supportingInfo", ())]
    supporting = [
        each
        for each in named
        if each is not None and each["resourceType"] == "Observation" and each.get("status") not in _VOID
    ]
    measured = {each["id"]: each for each in (*supporting, *beside.measured, *beside.computed) if not _is_score(each)}
    found = [_measured(each, telling, base) for each in measured.values()]
    return [Item("", (Line("", watching()[telling.texts.language]),)), *found] if found else []


def questionnaires(telling: Telling) -> list[Item]:
    """What lists gave, in words, with what each says and is not; then answers that the plan names."""
    found = [_told(each, telling) for each in telling.gathered.beside.told]
    found += _answers(telling)
    if not found:
        return []
    said = (Line("", telling.texts("questionnaire.is-not")), Line("", watching()[telling.texts.language]))
    return [Item("", said), *found]


async def _visible(server: FhirServer, reader: Reader, request: Request, gathered: Gathered) -> list[Resource]:
    """The newest Observations that the caller may see. That there are others is known by the document."""
    access, registry = request.access, server.registry
    denied = access.denied_labels(gathered.patient, Action.READ)
    number = registry.number("Observation")
    rows = await reader.fetch(_NEWEST, gathered.patient, access.hash, access.stamp, request.now, number, NO_DATE, MOST)
    found = []
    for resource_id, version, labels, body in rows:
        place = gathered.patient, "Observation", resource_id
        if labels & denied or not await is_within(reader, access, registry, place, version, body, action=Action.READ):
            gathered.left_out.add("Observation")
        else:
            resource = decode(body)
            if resource.get("status") not in _VOID:
                found.append({**resource, "id": resource_id})
    return found


def _is_for_the_person_only(response: Resource, canonical_base: str) -> bool:
    instrument = shipped(canonical_base).get(response.get("questionnaire", "").partition("|")[0])
    return instrument is not None and bool(instrument.row.get("person_only"))


def _is_score(observation: Resource) -> bool:
    return any(MARK in each.get("url", "").encode() for each in observation.get("extension", ()))


def _keys(observation: Resource) -> set[tuple[str, str]]:
    codings = observation.get("code", {}).get("coding", ())
    return {(each.get("system", ""), each.get("code", "")) for each in codings}


def _is_computed(observation: Resource, names: Names) -> bool:
    """Whether it is the result of a protocol."""
    keys = _keys(observation)
    own = f"{names.base}/CodeSystem/{_COMPUTED}"
    return _PRESSURE_MEAN in keys or any(system == own for system, _ in keys)


def _newest_by_code(observations: Iterator[Resource]) -> Iterator[Resource]:
    seen: set[tuple[str, str]] = set()
    for each in observations:
        keys = _keys(each)
        if not keys & seen:
            seen |= keys
            yield each


def _measured(observation: Resource, telling: Telling, base: str) -> Item:
    """A measurement of a known kind by its name, with its values as people write them; any other as it says itself."""
    texts = telling.texts
    found = newest_of_kinds([observation], base)
    if not found or (kind_of(observation, base) is None and part_of(observation, base) is None):
        return measurement(observation, telling)
    ((one,),) = found.values()
    when = observation.get("effectiveDateTime") or observation.get("effectivePeriod", {}).get("start", "")
    by = ", ".join(filter(None, (who(each, telling.gathered, texts) for each in observation.get("performer", ()))))
    flags = flags_of(observation, base)
    marked = TO_CONFIRM if TO_CONFIRM in flags else BEYOND_LIMIT if BEYOND_LIMIT in flags else ""
    lines = [
        *telling.line("measurement.value", written_values(one.kind, one.values)[texts.language]),
        *telling.line("measurement.when", day(when, texts.language) if when else ""),
        *telling.line("source.from", by),
        *telling.line("", texts.known(f"measurement.{marked}") if marked else ""),
    ]
    name = one.kind.nl if texts.language == "nl" else one.kind.en
    return Item(name, tuple(lines), (), (("Observation", observation["id"]),))


def _told(told: Told, telling: Telling) -> Item:
    texts = telling.texts
    parts = [
        Line(each.words.of(texts.language), text)
        for each in told.now.parts
        if (text := _result(each, told.dimensions.get(each.code), telling))
    ]
    says = told.says.of(texts.language) if told.says is not None else texts("questionnaire.is-not")
    before = [] if told.before is None else telling.line("questionnaire.before", _day(told.before.effective, telling))
    more = [*before, *(Line("", each) for each in _remarks(told.now.first, told.now.parts, texts.language))]
    lines = [*parts, *telling.line("questionnaire.when", _day(told.now.effective, telling))]
    keys: list[Key] = [("Observation", each.id) for each in (told.now.first, *told.now.parts)]
    return Item(told.title.of(texts.language), (*lines, Line("", says)), tuple(more), tuple(dict.fromkeys(keys)))


def _day(written: str, telling: Telling) -> str:
    return day(written, telling.texts.language) if written else ""


def _result(shown: Shown, dimension: Dimension | None, telling: Telling) -> str:
    """A result in words: its class, or its number with the scale that it is on."""
    texts = telling.texts
    if shown.reason is not None:
        return shown.reason.of(texts.language)
    level = shown.level.of(texts.language) if shown.level is not None else ""
    if shown.value is None or (level and dimension is not None and dimension.show in ("ladder", "circle", "balloon")):
        return level
    number = _number(Decimal(shown.value), telling)
    if dimension is not None and dimension.scale is not None:
        low, high = (_number(Decimal(each.numerator) / Decimal(each.denominator), telling) for each in dimension.scale)
        number = texts("questionnaire.on-scale", value=number, low=low, high=high)
    return f"{number}: {level}" if level else number


def _number(value: Decimal, telling: Telling) -> str:
    text = f"{value.normalize():f}"
    return text.replace(".", ",") if telling.texts.language == "nl" else text


def _remarks(first: Shown, parts: Sequence[Shown], language: str) -> Iterator[str]:
    every = (first, *parts)
    told: list[Words] = []
    if not all(each.confirmed for each in every):
        told.append(remark("unconfirmed"))
    if not all(each.computed for each in every):
        told.append(remark("elsewhere"))
    yield from (each.of(language) for each in told)


def _answers(telling: Telling) -> Iterator[Item]:
    """Answers to other lists that the plan names, question by question."""
    gathered, texts, base = telling.gathered, telling.texts, telling.names.base
    special = {f"{base}/Questionnaire/{each}" for each in (WHO_I_AM, DECIDING)}
    for reference in gathered.plan.get("supportingInfo", ()):
        response: Any = gathered.find(reference)
        if response is None or response["resourceType"] != "QuestionnaireResponse":
            continue
        canonical = response.get("questionnaire", "")
        if response.get("status") in _VOID or canonical.partition("|")[0] in special:
            continue
        held = gathered.beside.forms.get(canonical)
        lines = [
            Line(_asked(link, text, held, texts.language), said) for link, text, said in answered_in(response, telling)
        ]
        title = _words_of(held.form.resource, "title", texts.language) if held is not None else ""
        when = telling.line("questionnaire.when", _day(response.get("authored", ""), telling))
        key = local(reference)
        assert key is not None, "it was found by its reference"
        yield Item(title or texts("questionnaire.untitled"), tuple(when), tuple(lines), (key,))


def _asked(link: str, text: str, held: Held | None, language: str) -> str:
    item = held.form.by_link_id.get(link) if held is not None else None
    return (_words_of(item.raw, "text", language) if item is not None else "") or text or link


def _words_of(element: Resource, name: str, language: str) -> str:
    """The words of an element in a language, by HL7's extension ``translation``."""
    for extension in element.get(f"_{name}", {}).get("extension", ()):
        said = {each.get("url"): each for each in extension.get("extension", ())}
        if said.get("lang", {}).get("valueCode") == language:
            return str(said.get("content", {}).get("valueString", ""))
    return str(element.get(name, ""))
