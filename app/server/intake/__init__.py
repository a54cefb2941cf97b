"""What happens to what comes from outside: the rows of the intake table (MODEL 3) that say what a profile's deviation
does.

What a person or an app enters follows the profiles that it claims, or is refused. What a system of an organisation
sends, or the service itself brings in, is stored as it is, flagged, with a Provenance of what deviates.
https://hl7.org/fhir/R4/profiling.html
"""
