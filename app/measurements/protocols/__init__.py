"""Protocols for measuring at home, as data; runs of them, what is still to measure, and what comes of them.

https://hl7.org/fhir/R4/task.html
"""
