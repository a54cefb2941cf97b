"""Code systems and value sets as they are asked, without any I/O. https://hl7.org/fhir/R4/terminology-module.html"""
