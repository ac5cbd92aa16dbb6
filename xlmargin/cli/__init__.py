"""The command line: the same answers from a desk's own files."""

from xlmargin.cli.commands import main, parser

__all__ = ["main", "parser"]
