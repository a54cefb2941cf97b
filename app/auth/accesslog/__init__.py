"""The access log as people and systems may read it: who did what in one record."""
