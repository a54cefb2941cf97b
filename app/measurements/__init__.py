"""What a person measures at home: kinds and their limits, how readings come in, protocols, and what can be counted.

The kinds are data (``kinds.yaml``), for a clinician to check. Nothing here judges a value: a target is personal, and no
signal is ever evaluated (MODEL 5). https://hl7.org/fhir/R4/observation.html
"""
