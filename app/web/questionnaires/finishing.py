"""All answers before they are sent, sending them, and what was sent before."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from fastapi.responses import Response

from app.errors import PreconditionFailed, Unprocessable
from app.questionnaires.answers.intake import COMPLETE
from app.web.following import own_path
from app.web.questionnaires.amending import discard, send_amended
from app.web.questionnaires.drafts import TYPE, Draft, draft_of, send, tasks_for, to_send
from app.web.questionnaires.editing import changed_questions
from app.web.questionnaires.outline import ALL
from app.web.questionnaires.problems import Trouble, short, troubles, troubles_in
from app.web.questionnaires.showing import blocks_of
from app.web.questionnaires.visit import Visit


async def overview(visit: Visit) -> Response:
    """Every answer, with the way back to its question."""
    draft = await draft_of(visit, visit.part("id"))
    if draft.status != "in-progress":
        return visit.go(f"/questionnaires/{draft.id}")
    return await _overview(draft)


async def finish(visit: Visit) -> Response:
    """Send them."""
    form = await visit.form()
    draft = await draft_of(visit, visit.part("id"))
    if draft.status != "in-progress":
        return visit.go(f"/questionnaires/{draft.id}")
    version = form.get("version")
    if version != str(draft.version):
        return await _changed(draft, version)
    wrong = await troubles_in(draft)
    if wrong:
        return await _overview(draft, wrong=wrong, status=422)
    body, known = await to_send(draft)
    chosen = set(form.all("task"))
    of = visit.original_of(draft.response)
    tasks = [] if of else [each for each in await tasks_for(visit, draft.held.form.canonical) if each["id"] in chosen]
    following = f"/questionnaires/{draft.id}?done=sent"
    try:
        if of is None:
            await send(draft, body, tasks)
        else:
            following = f"/questionnaires/{of.id}?done={await send_amended(draft, body, of)}"
    except Unprocessable as error:
        wrong = troubles(draft, error.all_issues(), known) or [_refused(draft)]
        return await _overview(draft, wrong=wrong, status=422)
    except PreconditionFailed:
        return await _changed(await draft_of(visit, draft.id), version)
    if draft.help_keys():
        return visit.go(f"/questionnaires/{draft.id}/help?{urlencode({'next': following})}")
    return visit.go(following)


async def show_help(visit: Visit) -> Response:
    """The help text, at once; then on."""
    following = own_path(visit.query("next")) or f"/questionnaires/{visit.part('id')}"
    return visit.page("help", words=visit.help_words, following=following)


async def show_answered(visit: Visit) -> Response:
    """What was answered, when, and by whom; a draft goes on where it was."""
    called = await visit.calls.get(f"{TYPE}/{visit.part('id')}")
    status = called.resource.get("status")
    if status == "in-progress":
        return visit.go(f"/questionnaires/{visit.part('id')}/{'overview'}")
    draft = await draft_of(visit, visit.part("id"))
    await draft.prepare(draft.entries)
    return visit.page(
        "answered",
        draft=draft,
        title=visit.title(draft.held),
        blocks=[each for each in blocks_of(draft, draft.entries) if each.kind != "more"],
        status_of=draft.status,
        can_amend=draft.status in COMPLETE,
        authored=str(draft.response.get("authored") or called.resource["meta"]["lastUpdated"]),
        helped=_helped(draft),
        licence=visit.licence(draft.held),
    )


async def stop(visit: Visit) -> Response:
    """Leave it: the draft is kept as stopped, and is not in the list any more. A working copy of answers goes."""
    await visit.form()
    draft = await draft_of(visit, visit.part("id"))
    of = visit.original_of(draft.response)
    if of is not None and draft.status == "in-progress":
        await discard(draft)
        return visit.go(f"/questionnaires/{of.id}?done=kept")
    if draft.status == "in-progress":
        body = {**draft.response, "status": "stopped"}
        await visit.calls.put(f"{TYPE}/{draft.id}", body, if_match=f'W/"{draft.version}"')
    return visit.go("/questionnaires?done=stopped")


async def _changed(draft: Draft, version: str) -> Response:
    """Nothing is sent that was not seen: the answers as they are now, and which of them changed."""
    if version.isascii() and version.isdecimal() and len(version) < 9:
        base = (await draft.visit.calls.get(f"{TYPE}/{draft.id}/_history/{version}")).resource
        changed = [
            short(each, draft.visit.language) for each in changed_questions(draft.held.form, base, draft.response)
        ]
    else:
        changed = []
    return await _overview(draft, status=409, changed=changed, stale=True)


def _refused(draft: Draft) -> Trouble:
    return Trouble("", "other", draft.visit.visitor.t("questionnaires.wrong.refused"))


async def _overview(
    draft: Draft, *, wrong: Sequence[Trouble] = (), status: int = 200, changed: Sequence[str] = (), stale: bool = False
) -> Response:
    visit, of = draft.visit, draft.visit.original_of(draft.response)
    await draft.prepare(draft.entries)
    texts: dict[str, str] = {}
    for each in wrong:
        texts.setdefault(each.key, each.text)
    blocks = blocks_of(draft, draft.entries, problems=texts)
    focus = {block.key: block.focus for block in blocks}
    mode = ALL if visit.query("mode") == ALL else ""
    pages = {each.key: mode or draft.page_for(each.key) for each in blocks}
    places = {key: f"{mode or draft.page_for(key)}#{focus.get(key, 'content')}" for key in texts if key}
    return visit.page(
        "overview",
        status=status,
        draft=draft,
        title=visit.title(draft.held),
        blocks=blocks,
        pages=pages,
        mode=mode,
        wrong=[(places.get(each.key, ""), each.text) for each in wrong],
        problems=texts,
        changed=changed,
        stale=stale,
        licence=visit.licence(draft.held),
        tasks=[] if of else await tasks_for(visit, draft.held.form.canonical),
        amends=of.id if of else "",
        last=next((each.key for each in reversed(draft.pages)), ""),
    )


def _helped(draft: Draft) -> str:
    """Who helped to fill in, or filled in for the person; "" where nobody did."""
    author = draft.response.get("author", {})
    if "RelatedPerson/" in author.get("reference", ""):
        t = draft.visit.visitor.t
        return str(author.get("display") or t("questionnaires.who.other"))
    for each in draft.response.get("extension", ()):
        if each.get("url", "").endswith("/questionnaireresponse-completionMode"):
            return str(each.get("valueCodeableConcept", {}).get("text", ""))
    return ""
