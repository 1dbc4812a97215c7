"""Compare two data files: an HTML report or a JSON profile. Used as a library, nothing is ever recorded or sent."""

__version__ = "0.2.0.dev0"
