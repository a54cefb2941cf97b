"""Sections of what stands around the goals: action plans in zones, the network, wishes and other plans.

https://hl7.org/fhir/R4/careteam.html https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from app.careplan.document.agreements import period_text
from app.careplan.document.content import Item, Line, Telling, Tone
from app.careplan.document.dates import day
from app.careplan.document.gather import Key
from app.careplan.document.people import telecoms, who
from app.careplan.document.told import conditions_of
from app.careplan.document.values import concept_text, plain_value
from app.careplan.names import SNOMED
from app.careplan.plan import is_plan, local, teams_of
from app.fhir.resource import Resource

_COORDINATOR: Final = (SNOMED, "768832004")
_RESPONSIBLE: Final = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "RESP")
_ZONES: Final = ("green", "yellow", "orange", "red")
_COMMENT: Final = "http://nictiz.nl/fhir/StructureDefinition/ext-Comment"


def action_plan(telling: Telling) -> list[Item]:
    """Every zone of every action plan, from green to red."""
    return [item for plan in telling.gathered.action_plans for item in _zones(plan, telling)]


def network(telling: Telling) -> list[Item]:
    """Who help: the coordinator first, then who is responsible for the treatment, then the others."""
    found: list[tuple[int, Item]] = []
    for team in teams_of(telling.gathered.plan):
        resource = telling.gathered.resources.get(("CareTeam", team), {})
        for participant in resource.get("participant", ()):
            rank = 0 if _has_role(participant, _COORDINATOR) else 1 if _has_role(participant, _RESPONSIBLE) else 2
            if (item := _member(participant, rank, team, telling)) is not None:
                found.append((rank, item))
    return [item for _, item in sorted(found, key=lambda each: each[0])]


def wishes(telling: Telling) -> list[Item]:
    """What the person laid down for later."""
    return [_wish(each, telling) for each in telling.gathered.wishes]


def linked(telling: Telling) -> list[Item]:
    """Plans of others that the plan names, and own ones that were taken up in it."""
    plan = telling.gathered.plan
    found = []
    for reference in (*plan.get("supportingInfo", ()), *plan.get("replaces", ())):
        key = local(reference)
        each = telling.gathered.resources.get(key) if key is not None else None
        if each is None:
            if reference in plan.get("replaces", ()) and reference.get("display"):
                found.append(Item(reference["display"]))
        elif each["resourceType"] == "CarePlan" and not is_plan(each, telling.names):
            lines = [
                *telling.line("linked.author", who(each.get("author"), telling.gathered, telling.texts)),
                *telling.line("linked.period", period_text(each.get("period"), telling)),
            ]
            title = each.get("title") or each.get("description") or telling.texts("linked.untitled")
            found.append(Item(title, tuple(lines), (), (("CarePlan", each["id"]),)))
    return found


def _zones(plan: Resource, telling: Telling) -> Iterator[Item]:
    texts = telling.texts
    title = plan.get("title") or texts("zone.untitled")
    key: Key = ("CarePlan", plan["id"])
    conditions, named = conditions_of(plan.get("addresses", ()), telling)
    last = [
        *telling.line("zone.conditions", conditions),
        *telling.line("zone.valid", period_text(plan.get("period"), telling)),
        *telling.line("zone.made", who(plan.get("author"), telling.gathered, texts)),
    ]
    activities = plan.get("activity", ())
    for place, activity in enumerate(activities):
        detail = activity.get("detail", {})
        codes = [each.get("code") for each in detail.get("code", {}).get("coding", ())]
        zone = next((each for each in codes if each in _ZONES), "")
        said = _zone(detail, telling)
        brief = [
            *telling.line("zone.signs", "\n".join(said.get("sign", []))),
            *telling.line("zone.limit", "\n".join(said.get("limit", []))),
            *telling.line("zone.do", detail.get("description", "")),
            *telling.line("zone.medication", "\n".join(said.get("medication", []))),
            *telling.line("zone.contact", "\n".join(said.get("contact", []))),
        ]
        more = last if place == len(activities) - 1 else []
        name = texts(f"zone.{zone or 'other'}")
        many = len(telling.gathered.action_plans) > 1 or place == 0
        yield Item(f"{title}. {name}" if many else name, tuple(brief), tuple(more), (key, *named), cast(Tone, zone))


def _zone(detail: Resource, telling: Telling) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for extension in detail.get("extension", ()):
        if extension.get("url") == telling.names.extension("action-plan-zone"):
            for part in extension.get("extension", ()):
                if isinstance(part.get("valueString"), str):
                    found.setdefault(part["url"], []).append(part["valueString"])
    return found


def _has_role(participant: Resource, role: tuple[str, str]) -> bool:
    return any(
        (each.get("system"), each.get("code")) == role
        for concept in participant.get("role", ())
        for each in concept.get("coding", ())
    )


def _member(participant: Resource, rank: int, team: str, telling: Telling) -> Item | None:
    texts, gathered = telling.texts, telling.gathered
    member = gathered.find(participant.get("member"))
    if member is not None and member["resourceType"] == "Patient":
        return None  # the plan is the person's own
    name = who(participant.get("member"), gathered, texts) or texts("network.unnamed")
    role = ", ".join(filter(None, map(concept_text, participant.get("role", ()))))
    if rank < 2:
        special = texts("network.coordinator" if rank == 0 else "network.responsible")
        role = f"{role}. {special}" if role and rank else special
    place = gathered.find(participant.get("onBehalfOf"))
    of_role = gathered.find(member.get("organization")) if member is not None else None
    phones = [*telecoms(member, "phone", "sms"), *telecoms(place, "phone"), *telecoms(of_role, "phone")]
    phone = ", ".join(dict.fromkeys(phones))
    brief = [*telling.line("network.role", role), *telling.line("network.phone", phone)]
    at = who(participant.get("onBehalfOf"), gathered, texts)
    if not at and member is not None and member["resourceType"] == "PractitionerRole":
        at = who(member.get("organization"), gathered, texts)
    more = [
        *telling.line("network.at", at),
        *telling.line("network.mail", ", ".join(telecoms(member, "email"))),
        *telling.line("network.period", period_text(participant.get("period"), telling)),
    ]
    keys: list[Key] = [("CareTeam", team)]
    keys += [(each["resourceType"], each["id"]) for each in (member,) if each is not None]
    return Item(name, tuple(brief), tuple(more), tuple(keys), phone=phones[0] if phones else "")


def _wish(consent: Resource, telling: Telling) -> Item:
    texts = telling.texts
    provisions = [consent.get("provision", {}), *consent.get("provision", {}).get("provision", ())]
    about = []
    for each in provisions:
        words = ", ".join(filter(None, map(concept_text, each.get("code", ()))))
        kind = texts.known(f"wish.{each.get('type', '')}")
        about.append(f"{words} ({kind})" if words and kind else words)
    titles = [consent.get("sourceAttachment", {}).get("title", "")]
    titles += [concept_text(each) for each in consent.get("category", ())]
    comments = [each.get("valueString", "") for each in consent.get("extension", ()) if each.get("url") == _COMMENT]
    brief = [
        *telling.line("wish.about", "; ".join(filter(None, about))),
        *telling.line("wish.note", "\n".join(filter(None, comments))),
        *telling.line("wish.date", day(consent["dateTime"], texts.language) if "dateTime" in consent else ""),
    ]
    if consent.get("status") != "active":
        brief.append(Line("", texts("wish.status")))
    people = [who(each, telling.gathered, texts) for each in consent.get("performer", ())]
    more = telling.line("wish.with", ", ".join(filter(None, people)))
    title = next(filter(None, titles), texts("wish.untitled"))
    return Item(title, tuple(brief), tuple(more), (("Consent", consent["id"]),))


def measurement(observation: Resource, telling: Telling) -> Item:
    """An Observation as it says itself."""
    texts = telling.texts
    components = [
        f"{concept_text(each.get('code'))}: {text}"
        for each in observation.get("component", ())
        if (text := _result(each, telling))
    ]
    result = "; ".join(filter(None, (_result(observation, telling), *components)))
    when = observation.get("effectiveDateTime") or observation.get("effectivePeriod", {}).get("start", "")
    by = ", ".join(filter(None, (who(each, telling.gathered, texts) for each in observation.get("performer", ()))))
    lines = [
        *telling.line("measurement.value", result),
        *telling.line("measurement.when", day(when, texts.language) if when else ""),
        *telling.line("source.from", by),
    ]
    return Item(concept_text(observation.get("code")), tuple(lines), (), (("Observation", observation["id"]),))


def _result(holder: Any, telling: Telling) -> str:
    return next((text for name, value in holder.items() if (text := plain_value(name, value, telling.texts))), "")
