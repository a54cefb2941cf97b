"""The record seen whole: what several sources gave of the same things, side by side (MODEL 3, "Matching").

Nothing is merged, changed or called current; what is likely the same is linked, with the reason.
https://hl7.org/fhir/R4/list.html
"""
