"""The command line: parse, call, print. Nothing else in the package prints."""

from dashdoc.cli.entry import cli, main, run

__all__ = ["cli", "main", "run"]
