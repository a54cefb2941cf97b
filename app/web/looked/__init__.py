"""Who looked: what others and oneself did in one record, from the access log."""
