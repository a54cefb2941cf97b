"""Measurements on pages: what there is, one kind over time, entering, confirming, and what was a mistake."""
