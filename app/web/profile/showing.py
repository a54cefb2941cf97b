"""``/profile``: what somebody answered, in several dimensions, for the talk. Never one number alone, never a diagnosis,
and the same support to choose from whatever was answered (MODEL 5).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.fhir.dates import bounds
from app.fhir.resource import Resource
from app.measurements.watching import watching
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.names import Names
from app.questionnaires.profile import Profile, Told
from app.questionnaires.scoring.observations import PROFILE
from app.questionnaires.scoring.program import Dimension, Words
from app.questionnaires.scoring.shown import Shown, change_words, compared, remark
from app.questionnaires.support import support_options
from app.web.calling import Calls
from app.web.dates import day_of, moment
from app.web.opened import Opened
from app.web.profile.drawing import Sector, share_of, size_of, wheel
from app.web.questionnaires.wording import said
from app.web.site import Site
from app.web.visit import in_own_record
from app.web.visitor import Visitor

_MOST: Final = 500
"""Results that are looked at, the newest."""
_STEPS: Final = 7
"""Classes that are shown as steps, at most."""


@dataclass(frozen=True, slots=True)
class Result:
    """One result in words. ``lines``: the answers, where it is no scale; ``size``: of its circle; ``step``: the place
    of its class among ``Line.steps``.
    """

    text: str
    size: str = ""
    step: int | None = None
    lines: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One dimension: its name, the sentence with what it is and is not, the newest result and the one before."""

    name: str
    meaning: str
    show: str
    now: Result
    before: Result | None
    change: str
    steps: Sequence[str]
    remarks: Sequence[str]


@dataclass(frozen=True, slots=True)
class Card:
    """One questionnaire. ``sectors``: of the wheel, for the lines that are part of it."""

    title: str
    says: str
    now: str
    before: str
    lines: Sequence[Line]
    wheel: Sequence[Line]
    sectors: Sequence[Sector]


def add_profile_page(application: FastAPI, site: Opened[Site], canonical_base: str) -> None:
    """Add the page."""
    names = Names(canonical_base)
    profile = Profile(QuestionnaireLibrary(canonical_base), names)
    query = f"_profile={names.extension(PROFILE)}&_sort=-date&_count={_MOST}"

    async def show(request: Request) -> Response:
        here = site()
        visitor, _ = await in_own_record(here, request)
        called = await Calls(here, visitor).get("Observation", query)
        found = [each["resource"] for each in called.resource.get("entry", ()) if each["search"]["mode"] == "match"]
        async with here.server.database.snapshot() as reader:
            told = await profile.told(here.server, reader, visitor.record.catalogues, found)
        cards = [_Telling(visitor, each).card() for each in told]
        return here.page(
            request,
            visitor,
            "profile/profile.html",
            cards=cards,
            support=[(each.name.of(visitor.language), each.text.of(visitor.language)) for each in support_options()],
            watching=watching()[visitor.language],
        )

    act: Callable[[Request], Awaitable[Response]] = show
    application.add_api_route("/profile", act, methods=["GET", "HEAD"], response_model=None)


class _Telling:
    """Tells one questionnaire to one visitor."""

    def __init__(self, visitor: Visitor, told: Told) -> None:
        self._visitor = visitor
        self._t = visitor.t
        self._told = told

    def card(self) -> Card:
        told = self._told
        lines = [self._line(each) for each in told.now.parts]
        in_wheel = [(each, line) for each, line in zip(told.now.parts, lines, strict=True) if line.show == "wheel"]
        days = [self._day(each.effective) for each in (told.now, told.before) if each is not None]
        if len(days) > len(set(days)):
            days = [self._moment(each.effective) for each in (told.now, told.before) if each is not None]
        return Card(
            self._in(told.title),
            self._in(told.says) if told.says is not None else self._t("profile.says_unknown"),
            days[0],
            days[1] if len(days) > 1 else "",
            [line for line in lines if line.show != "wheel"],
            [line for _, line in in_wheel],
            self._sectors([each for each, _ in in_wheel]),
        )

    def _in(self, words: Words) -> str:
        return words.of(self._visitor.language)

    def _day(self, written: str) -> str:
        return day_of(written, self._visitor.language)

    def _moment(self, written: str) -> str:
        return moment(bounds(written)[0], self._visitor.language)

    def _sectors(self, parts: Sequence[Shown]) -> list[Sector]:
        if not parts:
            return []
        told = self._told
        shares = []
        for each in parts:
            dimension = told.dimensions[each.code]
            before = None if told.before is None else told.before.find(each)
            shares.append((share_of(dimension, each), None if before is None else share_of(dimension, before)))
        return wheel(shares)

    def _line(self, now: Shown) -> Line:
        told = self._told
        dimension = told.dimensions.get(now.code)
        before = None if told.before is None else told.before.find(now)
        meaning = told.meanings.get(now.code) or told.says
        steps = self._steps(dimension, now)
        change = None if dimension is None or before is None else compared(dimension, now, before)
        return Line(
            self._in(now.words),
            self._in(meaning) if meaning is not None else self._t("profile.says_unknown"),
            "number" if dimension is None else dimension.show,
            self._result(dimension, now, steps),
            None if before is None else self._result(dimension, before, steps),
            "" if change is None or dimension is None or dimension.change is None else self._in(change_words(change)),
            steps,
            list(self._remarks(now)),
        )

    def _steps(self, dimension: Dimension | None, now: Shown) -> list[str]:
        if dimension is None or dimension.show != "ladder":
            return []
        listed = dimension.bands.get(str(now.basis.get("cutOffs", ""))) or next(iter(dimension.bands.values()), ())
        return [each.nl if self._visitor.language == "nl" else each.en for each in listed][:_STEPS]

    def _result(self, dimension: Dimension | None, shown: Shown, steps: Sequence[str]) -> Result:
        level = "" if shown.level is None else self._in(shown.level)
        size = size_of(dimension, shown) if dimension is not None and dimension.show in ("circle", "balloon") else ""
        place = steps.index(level) if level in steps else None
        if shown.answers:
            return Result("", lines=[(self._asked(link), self._answer(each)) for link, each in shown.answers])
        if shown.reason is not None:
            return Result(self._in(shown.reason))
        if dimension is not None and dimension.show in ("ladder", "circle", "balloon") and level:
            return Result(level, size, place)
        number = self._number(dimension, shown)
        return Result(f"{number}: {level}" if number and level else number or level, size, place)

    def _number(self, dimension: Dimension | None, shown: Shown) -> str:
        """A number with the scale that it is on: by itself it says nothing."""
        if shown.value is None:
            return ""
        value = self._written(shown.value)
        if dimension is None or dimension.scale is None:
            return self._t("profile.points", value=value)
        low, high = (self._written(Decimal(each.numerator) / Decimal(each.denominator)) for each in dimension.scale)
        brief = dimension.show == "wheel" and not dimension.scale[0]
        return self._t("profile.of" if brief else "profile.on_scale", value=value, low=low, high=high)

    def _written(self, value: Decimal) -> str:
        text = f"{Decimal(value).normalize():f}"  # a whole number is read as one
        return text.replace(".", ",") if self._visitor.language == "nl" else text

    def _asked(self, link: str) -> str:
        held = self._told.held
        item = held.form.by_link_id.get(link) if held is not None else None
        return said(item.raw, "text", self._visitor.language) if item is not None else link

    def _answer(self, component: Mapping[str, object]) -> str:
        for name, value in component.items():
            if name == "valueCodeableConcept" and isinstance(value, dict):
                coding: Resource = next(iter(value.get("coding", ())), {})
                return str(value.get("text") or coding.get("display") or coding.get("code") or "")
            if name == "valueBoolean":
                return self._t("measurements.yes" if value else "measurements.no")
            if name == "valueQuantity" and isinstance(value, dict):
                return f"{value.get('value')} {value.get('unit', '')}".strip()
            if name.startswith("value"):
                return str(value)
        return self._t("profile.no_answer")

    def _remarks(self, now: Shown) -> list[str]:
        found = []
        missing = now.basis.get("missing")
        if isinstance(missing, int) and missing > 0:
            found.append(self._t("profile.missing_one" if missing == 1 else "profile.missing", count=missing))
        if not now.confirmed:
            found.append(self._in(remark("unconfirmed")))
        if not now.computed:
            found.append(self._in(remark("elsewhere")))
            by = str(now.basis.get("scoredBy", ""))
            if by:
                found.append(self._t("profile.scored_by", name=by))
        return found
