"""A draft as it is stored, and what it looks like now; saving and sending it, with the Tasks that asked for it.
https://hl7.org/fhir/R4/questionnaireresponse.html https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from app.errors import NotFound
from app.fhir.dates import instant
from app.fhir.resource import Resource, parse_reference
from app.questionnaires.answers.enabling import Enabling, enabled
from app.questionnaires.items import Item
from app.questionnaires.library import Held
from app.questionnaires.names import TASK_CODE
from app.questionnaires.safety import help_places
from app.web.questionnaires.editing import ready, recalculated
from app.web.questionnaires.fields import Question, question_of
from app.web.questionnaires.locating import key_of_path, tagged, untagged
from app.web.questionnaires.options import expansions
from app.web.questionnaires.outline import Entry, Page, outline, pages_of, whole_page
from app.web.questionnaires.visit import Visit

TYPE: Final = "QuestionnaireResponse"
OPEN_TASKS: Final = ("requested", "accepted", "in-progress")
QUESTIONNAIRE: Final = "Questionnaire"
"""``Task.input.type.text`` of what is to be filled in."""


@dataclass(slots=True)
class Draft:
    """A response with its Questionnaire. ``sets`` are the codes of value sets, of the questions that were prepared."""

    visit: Visit
    held: Held
    response: Resource
    version: int
    enabling: Enabling
    entries: Sequence[Entry]
    sets: Mapping[str, list[Resource]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.response["id"])

    @property
    def status(self) -> str:
        """in-progress, completed, …"""
        return str(self.response.get("status", ""))

    @property
    def pages(self) -> list[Page]:
        """One question each."""
        return pages_of(self.entries)

    def page(self, key: str) -> Page | None:
        """The page of a key; None where there is none now."""
        return next((each for each in self.pages if each.key == key), None)

    @property
    def whole(self) -> Page:
        """Everything on one page."""
        return whole_page(self.entries)

    def page_for(self, key: str) -> str:
        """The key of the page on which something about a place can be done; "" where there is none."""
        pages = self.pages
        for fits in (
            lambda entry: entry.key == key and (entry.asked or entry.kind == "more"),
            lambda entry: entry.key == key,
            lambda entry: entry.key.startswith((f"{key}_", f"{key}-")),
        ):
            found = next((page.key for page in pages if any(map(fits, page.entries))), "")
            if found:
                return found
        return ""

    async def prepare(self, entries: Sequence[Entry]) -> None:
        """Look up what can be chosen at questions."""
        items = [each.item for each in entries if each.kind == "question"]
        self.sets = await expansions(self.visit.calls, self.held.form, items, self.visit.language)

    def question(self, key: str, item: Item) -> Question:
        """How an item is asked here."""
        return question_of(key, item, self.sets, self.visit.language, self.visit.yes_no)

    def help_keys(self) -> list[str]:
        """The places whose answers ask for the help text."""
        marked, known = untagged(tagged(self.held.form, self.response))
        places = help_places(self.held, marked, self.visit.asking.names.base)
        return [key_of_path(self.held.form, known, each) for each in places]


async def draft_of(visit: Visit, resource_id: str) -> Draft:
    """A response of the record, as it is now. Raises ``NotFound``, ``PageProblem``."""
    called = await visit.calls.get(f"{TYPE}/{quote(resource_id, safe='')}")
    held = await visit.held(called.resource.get("questionnaire", ""))
    return await seen(visit, held, called.resource, called.version)


async def seen(visit: Visit, held: Held, response: Resource, version: int) -> Draft:
    """A response with what is to be seen of it."""
    work = partial(enabled, held.form, response, now=visit.moment)
    enabling = await asyncio.to_thread(work)
    entries = await asyncio.to_thread(outline, enabling)
    return Draft(visit, held, response, version, enabling, entries)


async def saved(draft: Draft, response: Resource) -> Draft:
    """The draft with other answers, stored; as it is when nothing differs. Raises ``PreconditionFailed`` when somebody
    else changed it meanwhile, and ``Unprocessable``.
    """
    visit = draft.visit
    made = await asyncio.to_thread(recalculated, draft.held.form, response, visit.moment)
    if made == draft.response:
        return draft
    called = await visit.calls.put(f"{TYPE}/{draft.id}", made, if_match=f'W/"{draft.version}"')
    stored = await visit.calls.get(f"{TYPE}/{draft.id}") if "item" not in called.resource else called
    return await seen(visit, draft.held, stored.resource, stored.version or draft.version + 1)


async def to_send(draft: Draft) -> tuple[Resource, Mapping[str, str]]:
    """The response as it would be sent, and the key of each of its items by FHIRPath."""
    marked = tagged(draft.held.form, draft.response)
    made = await asyncio.to_thread(ready, draft.held.form, marked, draft.visit.moment)
    body, known = untagged(made)
    return {**body, "status": "completed", "authored": instant(draft.visit.now)}, known


async def send(draft: Draft, body: Resource, tasks: Sequence[Resource]) -> None:
    """Complete it, and the Tasks that it answers, all or nothing. Raises ``PreconditionFailed`` and
    ``Unprocessable``.
    """
    calls = draft.visit.calls
    if not tasks:
        await calls.put(f"{TYPE}/{draft.id}", body, if_match=f'W/"{draft.version}"')
        return
    entries = [put_entry(f"{TYPE}/{draft.id}", body, draft.version)]
    for each in [await _accepted(draft, task) for task in tasks]:
        output = [
            *each.get("output", ()),
            {"type": {"text": TYPE}, "valueReference": {"reference": f"{TYPE}/{draft.id}"}},
        ]
        task = {**each, "status": "completed", "output": output, "lastModified": instant(draft.visit.now)}
        entries.append(put_entry(f"Task/{each['id']}", task, int(each["meta"]["versionId"])))
    await calls.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})


async def _accepted(draft: Draft, task: Resource) -> Resource:
    """A Task as it is once it is accepted, which comes before answers: who answers what was only asked accepts it."""
    if task["status"] != "requested":
        return task
    body = {**task, "status": "accepted", "lastModified": instant(draft.visit.now)}
    called = await draft.visit.calls.put(f"Task/{task['id']}", body, if_match=f'W/"{task["meta"]["versionId"]}"')
    return called.resource


def put_entry(address: str, resource: Resource, version: int) -> Resource:
    """An entry of a transaction that changes a resource which has this version."""
    asked = {"method": "PUT", "url": address, "ifMatch": f'W/"{version}"'}
    return {"resource": resource, "request": asked}


async def open_tasks(visit: Visit) -> list[Resource]:
    """The Tasks that ask for a questionnaire and are not answered yet, the newest first."""
    system, code = TASK_CODE
    asked = f"code={quote(system, safe='')}%7C{code}&status={','.join(OPEN_TASKS)}&_sort=-authored-on&_count=50"
    return await found(visit, "Task", asked)


async def found(visit: Visit, resource_type: str, query: str) -> list[Resource]:
    """The resources of the first page of a search."""
    bundle = (await visit.calls.get(resource_type, query)).resource
    entries: list[dict[str, Any]] = bundle.get("entry", [])
    return [each["resource"] for each in entries if each.get("search", {}).get("mode", "match") == "match"]


async def asked_in(visit: Visit, task: Resource) -> str:
    """The canonical of what a Task asks to fill in; "" where it names none that is here."""
    for each in task.get("input", ()):
        if each.get("type", {}).get("text") != QUESTIONNAIRE:
            continue
        if "valueCanonical" in each:
            return str(each["valueCanonical"])
        text = each.get("valueReference", {}).get("reference", "")
        literal = parse_reference(text)
        if literal is not None and literal.type == QUESTIONNAIRE and literal.base in ("", visit.server.base):
            try:
                named = (await visit.calls.get(f"{QUESTIONNAIRE}/{literal.id}")).resource
            except NotFound:
                return ""
            version = named.get("version")
            return f"{named.get('url', '')}|{version}" if version else str(named.get("url", ""))
        return str(text)
    return ""


async def tasks_for(visit: Visit, canonical: str) -> list[Resource]:
    """The open Tasks that a response to a Questionnaire answers."""
    url = canonical.partition("|")[0]
    listed = [(each, await asked_in(visit, each)) for each in await open_tasks(visit)]
    return [task for task, asked in listed if asked and asked in (url, canonical)]
