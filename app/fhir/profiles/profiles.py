"""The profiles of one FHIR version, and resources held against them. https://hl7.org/fhir/R4/profiling.html"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from app.errors import Issue
from app.fhir.definitions import Definitions
from app.fhir.packages import Library
from app.fhir.profiles.checks import Compiler, Element
from app.fhir.profiles.claims import Claim, claims_of
from app.fhir.profiles.elements import Item
from app.fhir.profiles.extensions import Extensions
from app.fhir.profiles.resolving import Resolve
from app.fhir.profiles.run import Enough, Noted, Place, Run
from app.fhir.profiles.tree import CORE, NotHeld, Tree, Unreadable, tree_of
from app.fhir.profiles.types import whole
from app.fhir.resource import Resource
from app.fhir.terminology.membership import Terminology

_KIND: Final = "StructureDefinition"
_MOST: Final = Issue(
    "informational",
    "There are more problems; these are the first. Solve these and send it again.",
    severity="information",
    kind="more-problems",
)


class Profiles:
    """What is held of profiles, each made into checks when it is first asked for. It does not change."""

    def __init__(self, definitions: Definitions, library: Library, terminology: Terminology) -> None:
        self.definitions = definitions
        self._library = library
        self._compiler = Compiler(definitions, terminology, self)
        self._extensions = Extensions(definitions, self)
        self._types: dict[str, str | None] = {}
        self._trees: dict[str, Tree | None] = {}
        self._compiled: dict[str, tuple[Tree, Element]] = {}

    def knows(self, canonical: str) -> bool:
        """Whether it is a profile that is held and can be read, with all that it is derived from."""
        return self.tree(canonical) is not None

    def is_made(self, canonical: str) -> bool:
        """Whether its checks are made already, or never will be. Making them may take half a second."""
        return canonical in self._compiled or not self.knows(canonical)

    def is_abstract(self, canonical: str) -> bool:
        """Whether a profile that is held is only there to derive others from."""
        found = self.tree(canonical)
        return found is not None and found.abstract

    def every(self) -> Iterator[tuple[str, str]]:
        """(Type, canonical) of each profile of a resource type that is held and not abstract, in order."""
        found = []
        for artifact in self._library.of_kind(self.definitions.version, _KIND):
            resource = artifact.resource()
            if (
                resource.get("derivation") == "constraint"
                and resource["type"] in self.definitions.resource_types
                and not resource.get("abstract")
            ):
                found.append((resource["type"], artifact.url))
        yield from sorted(found)

    def check(self, resource: Resource, canonical: str, resolve: Resolve | None = None) -> list[Issue]:
        """What is not as a profile asks, for a resource that is valid FHIR. A profile that is not held gives one issue
        of severity information, with rule ``profile-unknown``.
        """
        place: Place = (None, resource["resourceType"], None)
        return self._checked([(Claim(resource, resource, place, (canonical,), resolve), place)])

    def claimed(self, resource: Resource, resolve: Resolve | None = None) -> list[Issue]:
        """The same for every profile that the resource says it follows, and what it contains or has as entries."""
        return self._checked([(claim, None) for claim in claims_of(resource, resolve)])

    def _checked(self, claims: Sequence[tuple[Claim, Place | None]]) -> list[Issue]:
        """The issues of all claims; each at the place that is given with it, else where ``meta.profile`` names it."""
        noted = Noted()
        runs: dict[int, Run] = {}  # one for all that a resource contains, which it then looks through once
        try:
            for claim, named in claims:
                run = runs.setdefault(id(claim.around), Run(claim.around, claim.resolve, noted=noted))
                self._check(claim, named, run)
        except Enough:
            assert noted.more
        return [*dict.fromkeys(noted.issues), *([_MOST] if noted.more else ())]

    def _check(self, claim: Claim, named: Place | None, run: Run) -> None:
        checked = False
        for number, canonical in enumerate(claim.profiles):
            if self._admits(claim.resource, canonical, named or ((claim.place, "meta", None), "profile", number), run):
                run.take(self.conforms(whole(claim.resource), canonical, claim.place, run))
                checked = True
        if checked:
            self._extensions.check(claim.resource, claim.place, run.within(claim.resource))

    def _admits(self, resource: Resource, canonical: str, claim: Place, run: Run) -> bool:
        """Whether the profile can be looked at for this resource; what stands in the way is noted."""
        found = self._of(canonical)
        if found is None:
            text = f"The profile {canonical} is not held here, or not wholly: whether it is followed was not looked at."
            run.add(claim, text, code="not-found", rule="profile-unknown", profile=canonical, severity="information")
            return False
        tree, _ = found
        if tree.type != resource["resourceType"] and tree.type not in self.lineage(resource["resourceType"]):
            text = f"The profile is one of {tree.type}, which this resource is not."
            run.add(claim, text, code="invalid", rule="profile-type", profile=tree.canonical)
            return False
        return True

    def type_of(self, canonical: str) -> str | None:
        """The FHIR type that a profile is of, or a type's own canonical stands for; None when it is not held."""
        kind = canonical.partition("|")[0].removeprefix(CORE)
        if kind in self.definitions.types:
            return kind
        if canonical not in self._types:
            artifact = self._library.find(self.definitions.version, _KIND, canonical)
            if artifact is None:
                return None  # and not remembered: there is no end to what a resource may claim
            self._types[canonical] = artifact.resource().get("type") or None
        return self._types[canonical]

    def conforms(self, item: Item, canonical: str, place: Place, run: Run) -> Run | None:
        """What is found when a value is held against a profile; None when that is not held."""
        found = self._of(canonical)
        if found is None:
            return None
        if item.type in self.definitions.resource_types:
            run = run.within(item.value)
        aside = run.aside()
        if found[0].type not in self.lineage(item.type):
            text = f"The profile is one of {found[0].type}, which this is not."
            aside.add(place, text, code="invalid", rule="profile-type", profile=canonical)
            return aside
        key = (canonical, id(item.value))
        if key in run.tried:  # it is being looked at already, further out
            return aside
        if key in run.known:
            return run.known[key][1]
        if item.value is run.resource:
            run.known[key] = (run.resource, aside)
        run.tried.add(key)
        try:
            found[1].check_item(item, place, aside)
        except Enough:
            return aside  # whoever takes what it found so far has enough of it as well
        finally:
            run.tried.discard(key)
        return aside

    def definition(self, canonical: str) -> tuple[Tree, Element] | None:
        """The tree and the checks of a profile; None when it is not held."""
        return self._of(canonical)

    def tree(self, canonical: str) -> Tree | None:
        """The tree of a profile; None when it is not held or cannot be read."""
        if canonical not in self._trees:
            if self._library.find(self.definitions.version, _KIND, canonical) is None:
                return None  # and not remembered: there is no end to what a resource may claim
            try:
                self._trees[canonical] = tree_of(canonical, self._library, self.definitions)
            except (NotHeld, Unreadable):
                self._trees[canonical] = None
        return self._trees[canonical]

    def _of(self, canonical: str) -> tuple[Tree, Element] | None:
        if canonical not in self._compiled:
            tree = self.tree(canonical)
            if tree is None:
                return None
            self._compiled[canonical] = (tree, self._compiler.compile(tree))
        return self._compiled[canonical]

    @cache  # noqa: B019 - as long as the profiles live, which is as long as the library
    def lineage(self, kind: str) -> frozenset[str]:
        """The type and all that it specializes."""
        bases: Any = self.definitions.bases
        found = [kind]
        while found[-1] in bases:
            found.append(bases[found[-1]])
        return frozenset(found)
