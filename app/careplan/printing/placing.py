"""From heights to pages: everything in full on one page or two, else in brief in two columns with an annex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app.careplan.printing.fitting import Fit, Heights, Piece, Room, in_brief, whole

Data = dict[str, Any]
_BRIEF_COLUMNS: Final = 2


def fitted(data: Data, measured: Data) -> Data:
    """The data with ``fit``: what goes where, and what is said of the annex."""
    body, gap, before = measured["body"], measured["gap"], measured["before-heading"]
    first = body - measured["head"] - before
    closing = measured["closing"] + before
    wide, narrow = _heights(measured["wide"], data), _heights(measured["narrow"], data)
    for columns in ((first - closing,), (first, body - closing)):
        found = whole(wide, Room(columns, gap, before))
        if found is not None:
            return {**data, "fit": _written(found, 1, data)}
    last = body - measured["closing-annexed"] - before
    found = in_brief(narrow, Room((first, first, last, last), gap, before))
    return {**data, "fit": _written(found, _BRIEF_COLUMNS, data), "annex-notice": _annex_notice(found, data)}


def _heights(measured: Sequence[Data], data: Data) -> list[Heights]:
    return [
        Heights(section["code"], each["heading"], each["items"], each["notice"])
        for section, each in zip(data["sections"], measured, strict=True)
    ]


def _written(fit: Fit, across: int, data: Data) -> Data:
    columns = [[_piece(each, fit, data) for each in column] for column in fit.columns]
    pages = [columns[start : start + across] for start in range(0, len(columns), across)]
    return {"pages": pages, "annex": list(fit.annex)}


def _piece(piece: Piece, fit: Fit, data: Data) -> Data:
    found: Data = {"kind": piece.kind, "section": piece.section, "item": piece.item, "form": piece.form}
    if piece.kind == "notice":
        shown = sum(each.kind == "item" and each.section == piece.section for column in fit.columns for each in column)
        hidden = len(data["sections"][piece.section]["items"]) - shown
        words = data["words"]
        found["text"] = words["in-annex-details"]
        if hidden:
            found["text"] = words["in-annex-one"] if hidden == 1 else words["in-annex-more"].format(number=hidden)
    return found


def _annex_notice(fit: Fit, data: Data) -> str:
    titles = [data["sections"][place]["title"] for place in fit.annex]
    text: str = data["words"]["in-annex"]
    return text.format(sections="; ".join(titles)) if titles else ""
