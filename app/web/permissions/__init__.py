"""My permissions: who may see what and until when, giving, changing and withdrawing, and codes for pairing."""
