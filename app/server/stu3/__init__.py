"""``/fhir/stu3``: the same server, spoken to in STU3. https://hl7.org/fhir/STU3/http.html"""

from app.server.stu3.border import Stu3Border

__all__ = ["Stu3Border"]
