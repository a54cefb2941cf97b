"""Segments say what the lines say, whether they were remembered or read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audit import Journal
from app.audit.event import NOBODY, Event, encode_event
from app.audit.line import Line, line_text, read_facts, read_line
from app.audit.segments import LONGEST, Segment, segments_in
from app.audit.stream import HASH_BYTES, STREAM_BYTES, line_hash, line_id_prefix, new_stream
from tests.audit.events import ANNA, BRAM, NOW, files_in, new_journal, read_of, write_reads

streams = st.binary(min_size=STREAM_BYTES, max_size=STREAM_BYTES).map(new_stream)
hashes = st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES)
numbers = st.integers(1, 2**48 - 1)
events = st.builds(
    Event,
    at=st.integers(0, 2**62),
    request=st.text(),
    interaction=st.text(),
    status=st.integers(100, 599),
    agent=st.just(NOBODY),
    patients=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3).map(tuple),
)


def prefix_of(journal: Journal) -> bytes:
    return line_id_prefix(journal.stream).encode()


def remembered(journal: Journal) -> list[Segment]:
    recent = journal.recent(1, 0)
    assert recent is not None
    return recent.segments()


@settings(max_examples=50)
@given(streams, numbers, hashes, events)
def test_a_line_is_read_as_it_was_put_together(stream: bytes, number: int, previous: bytes, event: Event) -> None:
    prefix = line_id_prefix(stream).encode()
    facts = encode_event(event)
    text = line_text(prefix, number, previous, facts)
    assert text.endswith(b"\n")
    known = read_facts(facts)
    assert known is not None
    assert (known.at, known.patients) == (event.at, event.patients)
    assert read_line(prefix, text[:-1]) == Line(number, previous, facts, known)


@settings(max_examples=100)
@given(events, st.data())
def test_a_line_with_any_other_byte_is_not_the_same_line(event: Event, data: st.DataObject) -> None:
    prefix = line_id_prefix(new_stream(bytes(16))).encode()
    text = line_text(prefix, 7, bytes(32), encode_event(event))[:-1]
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + bytes([data.draw(st.integers(0, 255))]) + text[place + 1 :]
    line = read_line(prefix, changed)
    assert line is None or (line_text(prefix, line.number, line.previous, line.facts)[:-1] == changed)
    assert changed == text or line != read_line(prefix, text)


def test_what_is_remembered_and_what_is_read_are_the_same(folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 20)
    journal.write(read_of(patients=(), interaction="capabilities", at=NOW - 5))
    text = files_in(folder)[0].read_bytes()[:-1]
    segments, apart = segments_in(prefix_of(journal), text, 1)
    assert apart == []
    assert segments == remembered(journal)
    (segment,) = segments
    assert (segment.line, segment.lines, segment.last) == (1, 21, 21)
    assert (segment.began, segment.ended) == (NOW - 5, NOW + 19)
    assert segment.patients == {ANNA, BRAM}
    assert segment.hashes == b"".join(line_hash(line + b"\n") for line in text.split(b"\n"))
    journal.close()


def test_a_segment_holds_at_most_an_hour(folder: Path) -> None:
    journal = new_journal(folder, longest=10 * LONGEST)
    times = [0, LONGEST // 2, LONGEST, LONGEST + 1, 3 * LONGEST]
    for index, time in enumerate(times):
        journal.write(read_of((ANNA, BRAM)[index % 2], at=NOW + time))
    segments = remembered(journal)
    assert segments == segments_in(prefix_of(journal), files_in(folder)[0].read_bytes()[:-1], 1)[0]
    assert [(segment.line, segment.lines) for segment in segments] == [(1, 2), (3, 1), (4, 1), (5, 1)]
    assert [set(segment.patients) for segment in segments] == [{ANNA, BRAM}, {ANNA}, {BRAM}, {ANNA}]
    assert all(segment.ended - segment.began <= LONGEST for segment in segments)
    journal.close()


def test_the_end_of_a_segment_is_the_segment_of_its_last_lines(folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 6)
    (segment,) = remembered(journal)
    texts = files_in(folder)[0].read_bytes()[:-1].split(b"\n")
    assert [segment.beyond(4)] == segments_in(prefix_of(journal), b"\n".join(texts[4:]), 5)[0]
    assert segment.beyond(5).patients == {BRAM}
    journal.close()


@pytest.mark.parametrize(
    ("order", "found", "left"),
    [
        ([0, 1, 2, 3], [(1, 4)], 0),
        ([0, 1, 3], [(1, 2), (4, 1)], 0),
        ([2, 3], [(3, 2)], 0),
        ([0, 1, 1, 2], [(1, 3)], 1),
        ([0, 2, 1, 3], [(1, 1), (3, 2)], 1),
    ],
)
def test_a_gap_ends_a_segment_and_what_comes_twice_is_left_out(
    folder: Path, order: list[int], found: list[tuple[int, int]], left: int
) -> None:
    journal = new_journal(folder)
    write_reads(journal, 4)
    texts = files_in(folder)[0].read_bytes()[:-1].split(b"\n")
    segments, apart = segments_in(prefix_of(journal), b"\n".join(texts[index] for index in order), 1)
    assert [(segment.line, segment.lines) for segment in segments] == found
    assert len(apart) == left
    journal.close()


def test_lines_of_another_stream_are_left_out(folder: Path) -> None:
    journal = Journal(folder, b"another stream's", now=NOW)
    write_reads(journal, 3)
    text = files_in(folder)[0].read_bytes()[:-1]
    assert len(segments_in(prefix_of(journal), text, 1)[0]) == 1
    prefix = line_id_prefix(new_stream(bytes(16))).encode()
    assert segments_in(prefix, text, 1) == ([], text.split(b"\n"))
    journal.close()


def test_a_line_that_was_changed_in_the_journal_keeps_the_hash_it_had(folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 3)
    text = files_in(folder)[0].read_bytes()[:-1]
    texts = text.split(b"\n")
    texts[1] = texts[1].replace(b'"status":200', b'"status":404')
    (segment,), _ = segments_in(prefix_of(journal), b"\n".join(texts), 1)
    assert segment.hashes == segments_in(prefix_of(journal), text, 1)[0][0].hashes
    assert b'"status":404' in segment.payload
    journal.close()
