"""The care plan as a document: what it shows is gathered as the caller may see it, put in sections in plain words, and
given as a FHIR document or on paper. https://hl7.org/fhir/R4/documents.html

``gather`` reads, ``sections`` makes words of it, ``bundle`` writes those as a Composition with everything it refers to;
``app.careplan.printing`` puts them on paper.
"""
