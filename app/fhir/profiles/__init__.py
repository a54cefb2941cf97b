"""Profiles: does a resource follow what a StructureDefinition asks besides FHIR itself?

https://hl7.org/fhir/R4/profiling.html
"""
