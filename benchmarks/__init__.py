"""What the service costs beside a frozen floor and a raw ASGI constant: see ``benchmarks/README.md``."""
