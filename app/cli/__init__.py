"""The command line: ``zelfregie …``. https://typer.tiangolo.com"""

from __future__ import annotations

from app.cli.commands import app


def main() -> None:
    """The ``zelfregie`` command."""
    app()


if __name__ == "__main__":
    main()
