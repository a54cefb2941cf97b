"""What a tenant installed of questionnaires whose wording or key is not ours."""

from __future__ import annotations

from typing import Final

from sqlalchemy import PrimaryKeyConstraint, Table

from app.database import metadata
from app.database.describing import big, blob, insertion, word

instrument: Final = Table(
    "instrument",
    metadata,
    big("catalogue"),
    word("url"),
    word("version"),
    big("installed"),
    blob("licence"),
    blob("scoring"),
    blob("facts"),
    PrimaryKeyConstraint("catalogue", "url", "version"),
)
"""One Questionnaire by canonical, in one tenant's catalogue: its licence record, its scoring program (null: that of the
instrument that it is an edition of) and what else was said of it, as JSON. None of it is ever served. The row
``instruments`` of ``setting`` counts its changes.
"""

INSERT_INSTRUMENT: Final = insertion(instrument)
