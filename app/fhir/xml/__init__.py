"""Resources between JSON and XML, both ways, nothing lost. https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/json.html"""

from __future__ import annotations

from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.fhir.xml.reading import read
from app.fhir.xml.tables import layouts
from app.fhir.xml.writing import write

__all__ = ["from_xml", "to_xml"]


def from_xml(data: bytes, definitions: Definitions) -> Resource:
    """The resource in an XML document, as JSON would decode (https://hl7.org/fhir/R4/xml.html).

    ``data`` is UTF-8. Formats, cardinalities and codes are for the validation. Raises ``Invalid`` with every problem
    that keeps the document from being JSON, each with a FHIRPath and a line; only with the first when it is not
    well-formed, and with code ``security`` when it declares a document type.
    """
    return read(data, layouts(definitions))


def to_xml(resource: Resource, definitions: Definitions, *, pretty: bool = False) -> bytes:
    """The resource as an XML document in UTF-8 (https://hl7.org/fhir/R4/xml.html).

    Elements are in the order of the definition; ``pretty`` puts each on its own line and leaves the narrative as it is.
    Raises ``Invalid`` with every problem of a resource that XML cannot hold: unknown members, values of the wrong type,
    narrative that is not well-formed.
    """
    return write(resource, layouts(definitions), pretty=pretty)
