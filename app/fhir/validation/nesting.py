"""How deep a resource may nest: XML readers, ours among them, stop at some depth. https://hl7.org/fhir/R4/xml.html

Only types that can hold themselves nest without end: extensions, items, contained resources, entries. Counting these
costs other resources nothing; a resource in which many stand within each other is measured exactly.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from app.fhir.markup import MAX_DEPTH
from app.fhir.validation.problems import Check, Problem, Problems

DEEPEST: Final = MAX_DEPTH - 8
"""Levels of XML elements in a resource; the rest is for the Bundles that it is answered in."""
_SUSPECT: Final = 8
"""Types within themselves, from which a resource is measured. Between two of them there are some ten levels at most."""


class Nesting(threading.local):
    """How many types stand within themselves where the check of this thread is, and whether they were many."""

    level = 0
    is_suspect = False

    def counted(self, check: Check) -> Check:
        """``check`` of an object inside one of its own type."""

        def checked(value: Any) -> Problems | None:
            self.level += 1
            if self.level > _SUSPECT:
                self.is_suspect = True
            try:
                return check(value)
            finally:
                self.level -= 1

        return checked

    def measured(self, resource: Any) -> Problem | None:
        """The problem of a resource that is too deep, once it was checked."""
        if not self.is_suspect:
            return None
        self.is_suspect = False
        return too_deep() if depth(resource) > DEEPEST else None


def too_deep() -> Problem:
    """The problem of a resource that nests deeper than this."""
    text = f"The resource nests more than {DEEPEST} levels deep: make it flatter, or divide it over several resources."
    return Problem("structure", text, kind="too-deep")


def depth(resource: Any) -> int:
    """The levels of XML elements beneath the resource's own that have other elements in them."""
    deepest = 0
    stack = [(resource, 0)]
    while stack:
        value, level = stack.pop()
        deepest = max(deepest, level)
        for member in value.values():
            inner = [each for each in (member if type(member) is list else (member,)) if type(each) is dict]
            # A resource has an element around it, as contained or entry.resource.
            stack.extend((each, level + (2 if "resourceType" in each else 1)) for each in inner)
    return deepest
