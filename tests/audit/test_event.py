"""What a line says, whatever the texts in it are made of."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audit.event import NOBODY, Agent, Event, encode_event
from app.audit.stream import STREAM_BYTES, line_id, locate, new_stream

texts = st.text()
texts_with_halves = st.text(st.characters(exclude_categories=()))
keys = st.integers(-(2**63), 2**63 - 1)
streams = st.binary(min_size=STREAM_BYTES, max_size=STREAM_BYTES).map(new_stream)


def events(text: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Agent, Event]]:
    names = st.lists(text, max_size=3).map(tuple)
    agents = st.builds(
        Agent,
        client=text,
        person=text,
        role=text,
        responsible=text,
        organization=text,
        purpose=text,
        consent=text,
    )
    return agents.flatmap(
        lambda agent: st.tuples(
            st.just(agent),
            st.builds(
                Event,
                at=keys,
                request=text,
                interaction=text,
                status=st.integers(100, 599),
                agent=st.just(agent.sealed()),
                address=text,
                patients=st.lists(keys, max_size=3).map(tuple),
                resources=names,
                type=text,
                parameters=names,
                rows=st.none() | st.integers(0, 2**31),
            ),
        )
    )


@settings(max_examples=50)
@given(events(texts))
def test_every_fact_can_be_read_back_from_one_line(pair: tuple[Agent, Event]) -> None:
    agent, event = pair
    text = encode_event(event)
    assert b"\n" not in text
    assert b"\r" not in text
    said = json.loads(text)
    assert said.pop("agent") == {name: getattr(agent, name) for name in agent.__struct_fields__ if getattr(agent, name)}
    for name in set(event.__struct_fields__) - {"agent"}:
        fact = getattr(event, name)
        read = said.pop(name, type(fact)()) if fact is not None else said.pop(name, None)
        assert read == (list(fact) if isinstance(fact, tuple) else fact) or (fact == () and read == ())
    assert said == {}


@settings(max_examples=50)
@given(events(texts_with_halves))
def test_texts_that_utf8_cannot_carry_are_still_one_readable_line(pair: tuple[Agent, Event]) -> None:
    _, event = pair
    text = encode_event(event)
    assert b"\n" not in text
    said = json.loads(text)
    assert said["request"] == event.request.encode("utf-8", "replace").decode()
    assert said["at"] == event.at


def test_half_of_a_surrogate_pair_is_kept_as_a_question_mark() -> None:
    event = Event(at=1, request="a\ud800b", interaction="read", status=404, agent=NOBODY, resources=("Patient/\udfff",))
    said = json.loads(encode_event(event))
    assert (said["request"], said["resources"]) == ("a?b", ["Patient/?"])


def test_what_is_not_known_takes_no_room() -> None:
    event = Event(at=1, request="r", interaction="capabilities", status=200, agent=NOBODY)
    assert encode_event(event) == b'{"at":1,"request":"r","interaction":"capabilities","status":200,"agent":{}}'


def test_a_search_that_found_nothing_says_so() -> None:
    event = Event(at=1, request="r", interaction="search-type", status=200, agent=NOBODY, type="Goal", rows=0)
    assert json.loads(encode_event(event))["rows"] == 0


@given(streams, st.integers(1, 2**48 - 1))
def test_the_id_of_a_line_leads_back_to_its_key(stream: bytes, line: int) -> None:
    identifier = uuid.UUID(line_id(stream, line))
    assert (identifier.version, identifier.variant) == (8, uuid.RFC_4122)
    low, high, number = locate(identifier)
    assert low <= stream <= high
    assert number == line


@given(streams, streams)
def test_lines_of_streams_with_other_names_have_other_ids(one: bytes, other: bytes) -> None:
    assert (line_id(one, 1) == line_id(other, 1)) == (one[:10] == other[:10])


def test_a_stream_needs_sixteen_random_bytes() -> None:
    with pytest.raises(ValueError, match="16 random bytes"):
        new_stream(b"short")
