"""A border: what stands between one base and the server that all bases share. https://hl7.org/fhir/R4/versioning.html

The server speaks R4 of the base ``/fhir`` and nothing else. A base that speaks otherwise, in another version of FHIR or
by the rules of a trade, has a border, through which each request goes in and each answer goes out. Borders stand on
each other: one that is made around another lets ``enter`` of that one do the rest, and keeps its passage to ``leave``
by. ``/fhir`` itself has none.

    who asks ──▶ check ──▶ enter ──▶ the server, in R4
    who asks ◀── headers ◀── leave / refused ◀──┘
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from app.errors import ZelfregieError
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.server.messages import Answer, Headers, Request


class Passage(Protocol):
    """One request on its way in, and its answer on the way out."""

    @property
    def request(self) -> Request:
        """What the server is to carry out: address, query, headers and a body of JSON, or the Bundle itself
        (``Request.bundle``), all in R4 of ``/fhir``.
        """

    async def leave(self, answer: Answer) -> Answer:
        """The answer in the terms of who asked: body (JSON), Location, links. Whole, or in part only where the server
        was asked for a part: ``_summary`` and ``_elements`` are applied after it. Raises ``ZelfregieError``.
        """

    def refused(self, error: ZelfregieError) -> ZelfregieError:
        """What the server refused, in the terms of who asked: another class is another status, ``headers`` go along."""


class Border(Protocol):
    """One per base."""

    @property
    def version(self) -> str:
        """The version of FHIR that ``fhirVersion`` names in Accept and Content-Type, such as ``3.0``."""

    @property
    def definitions(self) -> Definitions:
        """By which XML is written and resources are cut."""

    def headers(self, asked: Mapping[bytes, bytes]) -> Headers:
        """What every answer carries, refusals too; never raises."""

    def check(self, method: str, path: str, asked: Mapping[bytes, bytes]) -> None:
        """Before anything is read or looked up of a request that needs a token. Raises ``ZelfregieError``."""

    async def enter(self, request: Request) -> Passage:
        """Let a request in whose sender is known. Raises ``ZelfregieError`` in the terms of who asked."""

    def refused(self, error: ZelfregieError) -> ZelfregieError:
        """As ``Passage.refused``, for what goes wrong outside of a passage: the format asked for, the token, a body
        that is too large.
        """

    async def metadata(self, method: str, query: str, asked: Mapping[bytes, bytes]) -> Answer:
        """What the base can do, in its own terms. Raises ``ZelfregieError``."""

    def allowed(self, path: list[str]) -> str:
        """The methods that an address below the base takes, as ``Allow`` lists them. Raises ``NotFound``."""


class Views(Protocol):
    """How what was born here is seen through a border: handed in from ``main``, asked once for all resources of an
    answer (the one of a read, or those of a Bundle's entries), before they are put into other words than R4's. What is
    seen so is not written so: an ``Access`` that is ``viewed`` says that its sender sees views.
    """

    async def seen(self, resources: Sequence[Resource], request: Request) -> Sequence[Resource | None]:
        """Each resource in its order, as it is seen by who sends ``request``; what was received is given as it came,
        None stands for what does not leave this base (a privacy Consent). R4 with the canonicals of other versions in
        ``meta`` (``source-profile``). Nothing is changed in place.
        """
