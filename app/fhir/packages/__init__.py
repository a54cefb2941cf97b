"""Packages of conformance resources: what is in them, and which resource a canonical means.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification, https://hl7.org/fhir/R4/references.html#canonical
"""

from __future__ import annotations

from app.fhir.packages.library import Artifact, Library

__all__ = ["Artifact", "Library"]
