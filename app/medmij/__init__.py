"""MedMij at the border: the data services as data, their bases, and the rules for what leaves there."""
