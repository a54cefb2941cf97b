"""The terminology that is held here: value sets expanded, codes looked up and compared, from what is in the catalogues.
https://hl7.org/fhir/R4/terminology-service.html

What is not held (SNOMED CT, LOINC and the like, unless somebody loads them) is named and never guessed at.

``answers`` has what searches ask.
"""
