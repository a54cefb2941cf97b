"""Filling in: a page with one question, or with all of them. Each step is saved before the next one is shown.

Two who fill in the same draft see what the other changed; nothing that was typed is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from fastapi.responses import Response

from app.errors import NotFound, PreconditionFailed
from app.fhir.resource import Resource
from app.questionnaires.items import Item, value_in
from app.web.questionnaires.drafts import TYPE, Draft, draft_of, saved, seen
from app.web.questionnaires.editing import (
    answers_at,
    changed_questions,
    with_answers_at,
    with_one_less,
    with_one_more,
)
from app.web.questionnaires.fields import Typed, answers_in, sent
from app.web.questionnaires.outline import ALL, KEY, Entry, Page, item_at
from app.web.questionnaires.problems import LATER, Trouble, not_read, short, troubles_in
from app.web.questionnaires.showing import blocks_of, heading_of
from app.web.questionnaires.typed import NotRead
from app.web.questionnaires.visit import Visit
from app.web.uploads import Upload

OVERVIEW: Final = "overview"
_TRIES: Final = 3
"""How often a save is tried when others save the same draft at the same moment."""


@dataclass(slots=True)
class _Work:
    """What came in with a form: what is typed by key, the answers that could be read, and what could not."""

    page: Page
    typed: dict[str, Typed] = field(default_factory=dict)
    answers: dict[str, list[Resource]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)


async def show(visit: Visit) -> Response:
    """The page with what is stored."""
    draft = await draft_of(visit, visit.part("id"))
    if draft.status != "in-progress":
        return visit.go(f"/questionnaires/{draft.id}")
    page = _page_of(draft, visit.part("at"))
    if page is None:
        return visit.go(_first(draft))
    await draft.prepare(page.entries)
    changed = await _changed_between(draft, visit.query("changed"))
    return _shown(draft, page, changed=changed)


async def keep(visit: Visit) -> Response:
    """Save what was filled in, and go where the button says."""
    form = await visit.form()
    at = visit.part("at")
    for _ in range(_TRIES):
        draft = await draft_of(visit, visit.part("id"))
        work = await _read(draft, at, form)
        if draft.status != "in-progress":
            return _shown(draft, work.page, typed=work.typed, status=409, over=True)
        base = await _base(draft, form.get("version"))
        changed = changed_questions(draft.held.form, base, draft.response)
        if _differs(draft, work, base):
            return _shown(draft, work.page, typed=work.typed, status=409, changed=changed, conflict=True)
        try:
            return await _carry_on(draft, work, form, _between(form.get("version"), draft, changed))
        except PreconditionFailed:
            continue
    raise PreconditionFailed("Somebody else keeps changing this.")


async def _carry_on(draft: Draft, work: _Work, form: Upload, changed: str) -> Response:
    visit, before = draft.visit, draft.entries
    response = draft.response
    for key, answers in work.answers.items():
        response = with_answers_at(draft.held.form, response, key, answers)
    would_be = await seen(visit, draft.held, response, draft.version)
    would_be.sets = draft.sets
    wrong = [each for each in await troubles_in(would_be) if each.rule not in LATER and each.key in work.typed]
    asks_help = bool(set(would_be.help_keys()) & set(work.typed))
    wrong = [*work.troubles, *wrong]
    if wrong:
        return _shown(draft, work.page, typed=work.typed, status=422, troubles=wrong, asks_help=asks_help)
    do, _, place = form.get("do").partition(":")
    if do == "add" and KEY.fullmatch(place):
        response, number = with_one_more(draft.held.form, response, place)
        place = f"{place}_{number}"
    elif do == "less" and KEY.fullmatch(place) and "_" in place.rpartition("-")[2]:
        response = with_one_less(draft.held.form, response, place)
    stored = await saved(draft, response)
    following = _following(stored, work.page, do, place, before)
    if changed:
        following += ("&" if "?" in following else "?") + urlencode({"changed": changed})
    if asks_help:
        return visit.go(f"/questionnaires/{draft.id}/help?{urlencode({'next': following})}")
    return visit.go(following)


def _following(draft: Draft, page: Page, do: str, place: str, before: Sequence[Entry]) -> str:
    """Where a button leads, given what there is to see now."""
    here = f"/questionnaires/{draft.id}/fill"
    if do == "later":
        return "/questionnaires?done=saved"
    if page.key == ALL:
        grown = {each.key for each in draft.entries} - {each.key for each in before}
        if do in ("next", ""):
            return f"{here}/{ALL}?done=grown" if grown else f"/questionnaires/{draft.id}/{OVERVIEW}?mode={ALL}"
        anchor = {"add": f"#q{place}-group", "more": f"#q{place}.0"}.get(do, "")
        return f"{here}/{ALL}?done=kept{anchor}" if do != "back" else f"/questionnaires/{draft.id}"
    keys = [each.key for each in draft.pages]
    if do == "add":
        inner = next((each for each in keys if each.startswith(f"{place}-")), "")
        return f"{here}/{inner or page.key}"
    if do in ("more", "less"):
        return f"{here}/{page.key if page.key in keys else (keys[0] if keys else '')}"
    index = _nearest(keys, page.key)
    if do == "back":
        return f"{here}/{keys[index - 1]}" if index > 0 else f"/questionnaires/{draft.id}/start"
    if page.key in keys:
        index += 1
    return f"{here}/{keys[index]}" if index < len(keys) else f"/questionnaires/{draft.id}/{OVERVIEW}"


def _nearest(keys: Sequence[str], key: str) -> int:
    """The number of a page; of the one that comes after where it would be, when it is not there any more."""
    if key in keys:
        return keys.index(key)
    place = _order(key)
    return next((number for number, each in enumerate(keys) if _order(each) > place), len(keys))


def _order(key: str) -> list[tuple[int, int]]:
    found = []
    for segment in key.split("-"):
        index, _, number = segment.partition("_")
        found.append((int(index), int(number) if number else 10_000))
    return found


async def _read(draft: Draft, at: str, form: Upload) -> _Work:
    """What a form says of the questions that were on its page."""
    shown = [key for key in dict.fromkeys(form.all("shown")) if KEY.fullmatch(key)]
    listed = [(key, item) for key in shown if (item := item_at(draft.held.form, key)) is not None and item.is_question]
    known = {each.key: each for each in draft.entries if each.kind == "question"}
    entries = tuple(known.get(key) or Entry("question", key, item, asked=True) for key, item in listed)
    page = _page_of(draft, at) or Page(at, entries)
    missing = tuple(each for each in entries if each.key not in {one.key for one in page.entries})
    page = Page(page.key, (*page.entries, *missing), page.within, page.first, page.last)
    await draft.prepare(page.entries)
    work = _Work(page)
    for key, item in listed:
        question = draft.question(key, item)
        typed = work.typed[key] = sent(question, form)
        stored = answers_at(draft.held.form, draft.response, key)
        try:
            work.answers[key] = answers_in(question, typed, stored, draft.visit.language)
        except NotRead as error:
            work.troubles.append(not_read(draft.visit, question, error.rule))
    return work


async def _base(draft: Draft, version: str) -> Resource:
    """The draft as it was when the page was made."""
    if version == str(draft.version) or not (version.isascii() and version.isdecimal() and len(version) < 9):
        return draft.response
    try:
        return (await draft.visit.calls.get(f"{TYPE}/{draft.id}/_history/{version}")).resource
    except NotFound:
        return draft.response


def _differs(draft: Draft, work: _Work, base: Resource) -> bool:
    """Whether somebody else answered a question of this page meanwhile, and otherwise than here."""
    form = draft.held.form
    for key in work.typed:
        was, now = (_values(answers_at(form, each, key)) for each in (base, draft.response))
        if was != now and (key not in work.answers or now != _values(work.answers[key])):
            return True
    return False


def _values(answers: Sequence[Resource]) -> list[tuple[str, object]]:
    return [value_in(each) for each in answers]


def _between(version: str, draft: Draft, changed: Sequence[Item]) -> str:
    return f"{version}-{draft.version}" if changed else ""


async def _changed_between(draft: Draft, versions: str) -> list[Item]:
    """The questions that somebody else answered between two versions, as the page before it found."""
    first, _, second = versions.partition("-")
    if not (first.isdecimal() and second.isdecimal()):
        return []
    return changed_questions(draft.held.form, await _base(draft, first), await _base(draft, second))


def _page_of(draft: Draft, at: str) -> Page | None:
    return draft.whole if at == ALL else draft.page(at)


def _first(draft: Draft) -> str:
    pages = draft.pages
    return f"/questionnaires/{draft.id}/" + (f"fill/{pages[0].key}" if pages else OVERVIEW)


def _shown(
    draft: Draft,
    page: Page,
    *,
    typed: Mapping[str, Typed] | None = None,
    status: int = 200,
    troubles: Sequence[Trouble] = (),
    changed: Sequence[Item] = (),
    asks_help: bool = False,
    conflict: bool = False,
    over: bool = False,
) -> Response:
    """The page. ``conflict``: the same question was answered elsewhere; ``over``: it was sent meanwhile."""
    language = draft.visit.language
    texts: dict[str, str] = {}
    for each in troubles:
        texts.setdefault(each.key, each.text)
    blocks = blocks_of(draft, page.entries, typed=typed, problems=texts, level=2)
    focus = {block.key: block.focus for block in blocks}
    pages = draft.pages
    total = max((each.last for each in pages), default=0)
    before = [each.last for each in pages[: _nearest([one.key for one in pages], page.key)]] if page.key != ALL else []
    return draft.visit.page(
        "fill",
        status=status,
        draft=draft,
        title=draft.visit.title(draft.held),
        page=page,
        blocks=blocks,
        within=[heading_of(each, language) for each in page.within],
        problems={focus.get(each.key, ""): each.text for each in troubles},
        total=total,
        passed=max(before, default=0),
        changed=[(short(each, language), _now(draft, each)) for each in changed],
        asks_help=asks_help,
        help_words=draft.visit.help_words,
        licence=draft.visit.licence(draft.held),
        conflict=conflict,
        over=over,
        whole=page.key == ALL,
        with_file=any(block.question is not None and block.question.control == "file" for block in blocks),
        is_first=bool(pages) and page.key == pages[0].key,
    )


def _now(draft: Draft, item: Item) -> list[str]:
    """The answers that a question has now, wherever it stands."""
    return [
        words
        for block in blocks_of(draft, [each for each in draft.entries if each.item is item and each.kind == "question"])
        for words in block.answers
    ]
