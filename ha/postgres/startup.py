"""The settings that a start-up packet asks for. [pure]"""

from __future__ import annotations

from collections.abc import Mapping

from ha.errors import StatementError


def settings_of(parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    """The settings a start-up packet asks for, its ``options`` among them."""
    found = []
    for name, value in parameters.items():
        if name == "options":
            found += _command_line(value)
        elif name not in ("user", "database", "replication") and not name.startswith("_pq_."):
            # asyncpg writes 'utf-8' with quotes.
            found.append((name, value[1:-1] if len(value) > 1 and value[0] == value[-1] == "'" else value))
    return found


def _command_line(options: str) -> list[tuple[str, str]]:
    """``-c name=value`` and ``--name=value``; a backslash keeps a blank."""
    words = [word.replace("\0", " ") for word in options.replace("\\ ", "\0").split()]
    found = []
    while words:
        word = words.pop(0)
        if word == "-c" and words:
            word = words.pop(0)
        elif word.startswith("-c"):
            word = word[2:]
        elif word.startswith("--"):
            word = word[2:].replace("-", "_")
        else:
            raise StatementError("42601", f"invalid command-line argument for server process: {word}")
        name, equals, value = word.partition("=")
        if not equals:
            raise StatementError("42601", f"-c {name} requires a value")
        found.append((name, value))
    return found
