"""Other plans taken up in the individual care plan: a disease plan of a provider, one that the person entered, a
template. What overlaps is laid side by side without a judgement of it, and the person says what stays.

MODEL 2, "Recognition", and 5, "Medical-device line": nothing here looks at how treatments or medicines go together.
"""
