"""The lists that are seen whole: their entries with sources, and what is likely the same beside each other.

https://hl7.org/fhir/R4/list.html
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from app.bgz.overview.likeness import Link, links
from app.bgz.overview.table import Whole, wholes
from app.bgz.summary.content import teller_of
from app.bgz.summary.gathering import Gathered
from app.bgz.telling.entries import Told
from app.careplan.document.dates import Language
from app.server.interactions.groups import Groups


@dataclass(frozen=True, slots=True)
class Likely:
    """Another entry that is likely the same; ``because``: why, in words."""

    other: Told
    reason: str
    because: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a list."""

    told: Told
    likely: tuple[Likely, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """One list. ``remark``: that there is more than it has, "" where that is not so."""

    whole: Whole
    title: str
    entries: tuple[Listed, ...]
    remark: str


def overviews(gathered: Gathered, language: Language, canonical_base: str) -> list[Overview]:
    """Every list, those without entries too. What is likely the same stands together, the newest first."""
    teller = teller_of(gathered, language, canonical_base)
    texts, found = teller.texts, []
    for name, whole in wholes().items():
        entries = [each for each in gathered.entries if each.section == name]
        told = [teller.told(each.resource, each.origin) for each in entries]
        linked = links(whole, entries, gathered.find)
        likely: list[list[Likely]] = [[] for _ in entries]
        for each in linked:
            because = texts(f"like.{each.reason}")
            likely[each.one].append(Likely(told[each.other], each.reason, because))
            likely[each.other].append(Likely(told[each.one], each.reason, because))
        listed = tuple(Listed(told[at], tuple(likely[at])) for at in _order(told, linked))
        full = bool(whole.most) and len(entries) >= whole.most
        remark = texts("overview.newest", most=whole.most) if full else ""
        found.append(Overview(whole, texts(f"overview.{name}"), listed, remark))
    return found


def _order(told: Sequence[Told], linked: Sequence[Link]) -> list[int]:
    """By the newest of what is likely the same together, what has no date last."""
    groups = Groups()
    for link in linked:
        groups.join((link.one, link.other))
    newest: dict[Hashable, str] = {}
    for at, each in enumerate(told):
        group = groups.find(at)
        newest[group] = max(newest.get(group, ""), each.date)
    firsts: dict[Hashable, int] = {}
    for at in range(len(told)):
        firsts.setdefault(groups.find(at), at)
    by_date = sorted(range(len(told)), key=lambda at: told[at].date, reverse=True)
    ranked = sorted(newest, key=lambda group: (newest[group], -firsts[group]), reverse=True)
    place = {group: rank for rank, group in enumerate(ranked)}
    return sorted(by_date, key=lambda at: place[groups.find(at)])
