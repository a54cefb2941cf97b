"""What goes on the two pages in brief: it fits, nothing is lost, and what is missing there is in the annex."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.careplan.printing.fitting import MATTERS, Fit, Form, Heights, Room, in_brief, whole

ROOM = Room((560.0, 560.0, 480.0, 480.0), 7.0, 15.0)
heights = st.floats(12.0, 2000.0)


@st.composite
def items(draw: st.DrawFn) -> dict[Form, float]:
    full = draw(heights)
    brief = draw(st.floats(12.0, full))
    return {"full": full, "brief": brief, "short": draw(st.floats(12.0, min(brief, 80.0)))}


@st.composite
def plans(draw: st.DrawFn) -> list[Heights]:
    codes = draw(st.lists(st.sampled_from([*MATTERS, "linked", "measurements"]), unique=True, max_size=10))
    return [Heights(code, 18.0, draw(st.lists(items(), min_size=1, max_size=60)), 14.0) for code in codes]


def height_of(fit: Fit, sections: list[Heights], column: int) -> float:
    total = 0.0
    for number, piece in enumerate(fit.columns[column]):
        section = sections[piece.section]
        if piece.kind == "heading":
            total += section.heading + (ROOM.before_heading if number else 0.0)
        else:
            own = section.items[piece.item][piece.form] if piece.kind == "item" else section.notice
            total += own + (ROOM.gap if number else 0.0)
    return total


@given(plans())
def test_what_is_placed_fits_and_what_is_missing_is_in_the_annex(sections: list[Heights]) -> None:
    fit = in_brief(sections, ROOM)
    for column, room in enumerate(ROOM.columns):
        assert height_of(fit, sections, column) <= room
    pieces = [piece for column in fit.columns for piece in column]
    assert [piece.section for piece in pieces if piece.kind == "heading"] == list(range(len(sections)))
    for place, section in enumerate(sections):
        shown = {piece.item: piece.form for piece in pieces if piece.kind == "item" and piece.section == place}
        lacking = [
            item for item, forms in enumerate(section.items) if item not in shown or forms[shown[item]] != forms["full"]
        ]
        noticed = any(piece.kind == "notice" and piece.section == place for piece in pieces)
        assert (place in fit.annex) == noticed == bool(lacking)


@given(plans())
def test_no_heading_stands_alone_at_the_end_of_a_column(sections: list[Heights]) -> None:
    for column in in_brief(sections, ROOM).columns:
        assert not column or column[-1].kind != "heading"


@given(plans())
def test_what_fits_whole_needs_no_annex(sections: list[Heights]) -> None:
    if (fit := whole(sections, ROOM)) is not None:
        assert fit.annex == []
        assert {piece.form for column in fit.columns for piece in column} <= {"full"}


@given(plans())
def test_the_same_heights_give_the_same_pages(sections: list[Heights]) -> None:
    assert in_brief(sections, ROOM) == in_brief(sections, ROOM)


def test_every_section_has_something_on_the_pages_when_one_alone_would_fill_them() -> None:
    many: list[dict[Form, float]] = [{"full": 200.0, "brief": 90.0, "short": 30.0}] * 60
    sections = [Heights(code, 18.0, many if code == "goals" else many[:3], 14.0) for code in MATTERS]
    shown = {piece.section for column in in_brief(sections, ROOM).columns for piece in column if piece.kind == "item"}
    assert shown == set(range(len(MATTERS)))


def test_of_the_zones_the_red_one_is_shown_first() -> None:
    zones: list[dict[Form, float]] = [{"full": 500.0, "brief": 400.0, "short": 300.0}] * 4
    sections = [Heights("action-plan", 18.0, zones, 14.0)]
    fit = in_brief(sections, Room((450.0,), 7.0, 15.0))
    assert [piece.item for piece in fit.columns[0] if piece.kind == "item"] == [3]
