"""What a person may ask of the service about their own data: copies, and erasure with what is kept as its proof."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table

from app.database import metadata
from app.database.describing import big, blob, insertion, small, word

export: Final = Table(
    "export",
    metadata,
    big("patient"),
    word("id"),
    word("account"),
    word("state"),
    big("done"),
    big("total"),
    big("size"),
    blob("digest"),
    big("created"),
    big("finished"),
    big("expires"),
    word("worker"),
    big("beat"),
    big("labels"),
    PrimaryKeyConstraint("patient", "id"),
    Index("ix_export_state", "state"),
)
"""One archive of a person's data in the making. ``state``: waiting, running, ready, failed, gone; ``done`` of ``total``
steps; ``worker`` and ``beat``: which process makes it and when it last said so, so that another takes over what a dead
one left; ``labels``: the data categories that may be in it.
"""

export_part: Final = Table(
    "export_part",
    metadata,
    big("patient"),
    word("id"),
    Column("part", Integer, nullable=False),
    blob("bytes"),
    PrimaryKeyConstraint("patient", "id", "part"),
)
"""The archive in pieces, so that every process of the service can give it out. Sealed."""

erasure: Final = Table(
    "erasure",
    metadata,
    big("patient"),
    word("id"),
    word("scope"),
    word("account"),
    big("requested"),
    big("finished"),
    Column("resources", Integer, nullable=False),
    Column("versions", Integer, nullable=False),
    word("proof"),
    PrimaryKeyConstraint("patient", "id"),
)
"""That something was erased: ``scope`` one, source or everything; ``proof``: a signed statement with counts, no
content.
"""

tombstone: Final = Table(
    "tombstone",
    metadata,
    big("patient"),
    small("type"),
    word("id"),
    big("erased"),
    word("erasure"),
    PrimaryKeyConstraint("patient", "type", "id"),
    sqlite_with_rowid=False,
)
"""What was erased may not come back by being delivered again."""

tombstone_identifier: Final = Table(
    "tombstone_identifier",
    metadata,
    big("patient"),
    big("value"),
    word("erasure"),
    PrimaryKeyConstraint("patient", "value"),
    sqlite_with_rowid=False,
)
"""By which identifiers what was erased would be known when it is delivered again under another id: keyed hashes, which
say nothing by themselves.
"""

INSERT_EXPORT: Final = insertion(export)
INSERT_EXPORT_PART: Final = insertion(export_part)
INSERT_ERASURE: Final = insertion(erasure)
INSERT_TOMBSTONE: Final = insertion(tombstone, ignore=True)
INSERT_TOMBSTONE_IDENTIFIER: Final = insertion(tombstone_identifier, ignore=True)
