"""What can be counted of a series of measurements: ``$stats``. https://hl7.org/fhir/R4/observation-operation-stats.html

Everything is exact until it is rounded, once. Nothing says whether a value is good or bad.
"""
