"""Plans that ask by a rhythm are looked at, also where no index has its days"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_PLANS = (
    "INSERT INTO claim (patient, name, n) SELECT c.patient, 'izp-rhythm', c.n FROM claim c"
    " JOIN resource r ON r.patient = c.patient AND r.n = c.n AND r.deleted = 0 WHERE c.name = 'izp' AND "
)
_HAVE_TIMES = {
    "postgresql": "position(convert_to('scheduledTiming', 'UTF8') IN r.body) > 0",
    "sqlite": "instr(r.body, CAST('scheduledTiming' AS BLOB)) > 0",
}


def upgrade() -> None:
    # Those that turn out to have nothing to look at lose the claim when they are next written.
    op.execute(_PLANS + _HAVE_TIMES[op.get_bind().dialect.name])


def downgrade() -> None:
    op.execute("DELETE FROM claim WHERE name = 'izp-rhythm'")
