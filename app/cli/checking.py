"""Files held against profiles without a database: those of the service's own package, and of packages that are given.

https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.errors import Issue
from app.fhir.definitions import Definitions
from app.fhir.packages import Library
from app.fhir.packages.reading import read
from app.fhir.profiles import Profiles
from app.fhir.profiles.verdicts import asked_issues, claimed_issues
from app.fhir.resource import Resource
from app.fhir.terminology.library import LibraryTerminology
from app.fhir.validation.files import Look
from app.fhir.validation.given import Given
from app.server.packages.built_in import built_in


def against_profiles(
    definitions: Definitions,
    canonical_base: str,
    packages: Sequence[Path],
    named: Sequence[str],
    files: Sequence[Path] = (),
) -> Look:
    """Looks at the profiles that a resource claims, and at those ``named``; what it refers to is looked for in
    ``files``, entries of Bundles included.

    Raises ``Invalid`` for packages that cannot be read.
    """
    artifacts = list(built_in(canonical_base))
    for path in packages:
        artifacts += [each for package in read(path) for each in package.artifacts]
    library = Library(artifacts)
    profiles = Profiles(definitions, library, LibraryTerminology(library, definitions))
    given = Given(files, definitions)

    def look(resource: Resource) -> list[Issue]:
        found = claimed_issues(profiles, resource, given.resolve)
        for canonical in named:
            found += asked_issues(profiles, resource, canonical, given.resolve)
        return list(dict.fromkeys(found))

    return look
