"""Imports that were asked for: how far each is, its file until it is read, and what there is to say of its lines."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table

from app.database import metadata
from app.database.describing import big, blob, insertion, word

import_job: Final = Table(
    "import_job",
    metadata,
    big("patient"),
    word("id"),
    word("source"),
    blob("access"),
    word("request"),
    word("format"),
    word("state"),
    word("reason"),
    big("position"),
    blob("counts"),
    big("created"),
    big("finished"),
    big("expires"),
    word("worker"),
    big("beat"),
    PrimaryKeyConstraint("patient", "id"),
    Index("ix_import_job_state", "state"),
)
"""One file. ``source``: who sent it, as the history names them; ``access``: the hash of the grant that it is carried
out with; ``state``: receiving, waiting, running, ready, stopped, and why in
``reason``; ``position``: lines whose outcome is on
disk; ``counts``: JSON; ``worker`` and ``beat``: which process does it and when it last said so.
"""

import_part: Final = Table(
    "import_part",
    metadata,
    big("patient"),
    word("id"),
    Column("part", Integer, nullable=False),
    blob("bytes"),
    PrimaryKeyConstraint("patient", "id", "part"),
)
"""The file in pieces, until the import has ended. Sealed."""

import_told: Final = Table(
    "import_told",
    metadata,
    big("patient"),
    word("id"),
    big("row"),
    big("line"),
    word("severity"),
    word("rule"),
    word("place"),
    word("nl"),
    word("en"),
    PrimaryKeyConstraint("patient", "id", "row"),
)
"""The report: a row per thing that there is to say of a line, in its order. Texts name rules, never values."""

INSERT_JOB: Final = insertion(import_job)
INSERT_PART: Final = insertion(import_part)
INSERT_TOLD: Final = insertion(import_told)
