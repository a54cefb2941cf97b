"""Entries of the record in plain words, Dutch and English, with their source and date (MODEL 3, "Emptiness").

https://hl7.org/fhir/R4/narrative.html
"""
