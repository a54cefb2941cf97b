"""Search: registry → parse → compile → page; and the index rows that a write makes.
https://hl7.org/fhir/R4/search.html
"""
