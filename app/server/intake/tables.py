"""What the service remembers of deliveries: what each source gave, under which request, and what could not be taken.

https://hl7.org/fhir/R4/http.html#transaction; MODEL 3. Every row begins with the patient's partition.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from app.database import metadata
from app.database.describing import big, blob, deletion, insertion, small, word

delivered: Final = Table(
    "delivered",
    metadata,
    big("patient"),
    word("source"),
    small("type"),
    word("key"),
    word("id"),
    word("url"),
    PrimaryKeyConstraint("patient", "source", "type", "key"),
    Index("ix_delivered_resource", "patient", "type", "id"),
    sqlite_with_rowid=False,
)
"""By what a source names what it gave, and where that is: ``key`` is ``id:`` with the id that the source gave, or
``identifier:`` with system and value; ``url``: the address that it had at the source, "" where it said none.
"""

delivered_under: Final = Table(
    "delivered_under",
    metadata,
    big("patient"),
    word("source"),
    word("request"),
    small("type"),
    word("id"),
    PrimaryKeyConstraint("patient", "source", "request", "type", "id"),
    Index("ix_delivered_under_resource", "patient", "type", "id"),
    sqlite_with_rowid=False,
)
"""What the last complete answer of a source to a request had."""

quarantine: Final = Table(
    "quarantine",
    metadata,
    big("patient"),
    word("id"),
    word("kind"),
    word("source"),
    word("source_name"),
    word("type"),
    word("media_type"),
    word("fhir_version"),
    blob("received"),
    blob("problems"),
    blob("sent"),
    big("at"),
    word("request"),
    word("program"),
    word("digest"),
    big("claimed"),
    PrimaryKeyConstraint("patient", "id"),
    Index("ix_quarantine_program", "program"),
)
"""What came in and could not be taken. ``kind``: ``entry``, one resource that could not be read; ``held``, a whole
delivery whose person differs. ``received``: the bytes as they came in, with every BSN masked, in ``media_type`` and
``fhir_version``; ``problems``: the issues, ``sent``: by whom and how, both JSON; ``program``: the version of the
service that tried it last; ``digest``: SHA-256 of what was received, so that the same is kept once; ``claimed``: until
when (µs) somebody is taking it in, 0 where nobody is.
"""

INSERT_DELIVERED: Final = insertion(delivered, ignore=True)
INSERT_UNDER: Final = insertion(delivered_under, ignore=True)
INSERT_QUARANTINE: Final = insertion(quarantine, ignore=True)
DELETE_UNDER: Final = deletion(delivered_under)
