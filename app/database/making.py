"""How migrations make tables: those whose rows belong to a patient are spread over hash partitions where asked."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import context, op

WORD: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Byte order on both databases: keys compare alike, and indexes serve prefixes."""
BY_PATIENT: Final = frozenset(
    {
        *("partition", "claim", "resource", "history", "token", "period", "range", "text", "link", "pair", "term"),
        *("consent", "export_part", "erasure", "tombstone", "tombstone_identifier"),
        *("import_part", "import_told"),
        *("delivered", "delivered_under"),
    }
)
"""Tables whose every row belongs to one partition, and which may be spread by it. What is looked up across patients is
not among them: a mandate by who has it, a copy in the making by who is to go on with it, the log by time.
"""


def create_table(name: str, *columns: Any, **options: Any) -> None:
    """Make a table; on PostgreSQL spread over hash partitions when the installation asks for them."""
    pieces: int = context.config.attributes.get("partitions", 0)
    if pieces and name in BY_PATIENT and op.get_bind().dialect.name == "postgresql":
        options["postgresql_partition_by"] = "HASH (patient)"
        op.create_table(name, *columns, **options)
        for piece in range(pieces):
            op.execute(
                f'CREATE TABLE "{name}_{piece}" PARTITION OF "{name}"'
                f" FOR VALUES WITH (MODULUS {pieces}, REMAINDER {piece})"
            )
    else:
        op.create_table(name, *columns, **options)
