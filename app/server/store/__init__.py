"""Reading, changing and looking back at what is stored. Every statement carries the caller's access."""
