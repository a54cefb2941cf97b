"""What systems of organisations give: known again by source, told per entry, accounted for as one delivery.

https://hl7.org/fhir/R4/bundle.html; MODEL 3
"""
