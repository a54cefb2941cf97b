"""The individual care plan (IZP): one plan per person, worked on in a cycle of plan, do, check and act, every revision
of it kept.

What each resource means is in ``plan``; who may do what and when in ``cycle.yaml``; ``rules`` are the write rules by
which every door obeys alike, and ``revision`` what a change leaves behind.
https://hl7.org/fhir/R4/careplan.html
"""
