"""The tables of installed packages. They hold no patient data, and are the same for every tenant."""

from __future__ import annotations

from typing import Final

from sqlalchemy import PrimaryKeyConstraint, Table

from app.database import metadata
from app.database.describing import big, blob, insertion, word

package: Final = Table(
    "package",
    metadata,
    word("name"),
    word("version"),
    word("fhir_version"),
    word("digest"),
    word("dependencies"),
    big("installed"),
    PrimaryKeyConstraint("name", "version"),
)
"""``fhir_version``: 4.0.1 or 3.0.1. ``digest``: of everything that is kept of it, so that the same package in another
wrapping is known. ``dependencies``: JSON, from name to version as its manifest asks for them.
"""

artifact: Final = Table(
    "artifact",
    metadata,
    word("package_name"),
    word("package_version"),
    word("kind"),
    word("url"),
    word("version"),
    blob("content"),
    PrimaryKeyConstraint("package_name", "package_version", "kind", "url", "version"),
)
"""The conformance resources of packages: ``content`` is JSON, deflated, as ``app.fhir.packages.Artifact`` has it."""

INSERT_PACKAGE: Final = insertion(package)
INSERT_ARTIFACT: Final = insertion(artifact)
