"""A change of the schema, told to a third-party replica: so that it may run twice, and sets no triggers off. [pure]

Such a replica runs a ``SQL`` change as it stands, its last message once more when it resumes, and fires what triggers it has,
though their effects are in the message too. So what was made is made ``IF NOT EXISTS``, what is gone is dropped ``IF EXISTS``,
and a trigger it never gets. ALTER stays what it is: SQL has no words for doing it once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: (type, name) to SQL text, as :meth:`ha.sqlite.tables.Tables.schema` gives it.
Schema = Mapping[tuple[str, str], str | None]

#: How SQLite itself begins the texts that it keeps.
_HEAD = re.compile(r"CREATE (?:TABLE|VIEW|UNIQUE INDEX|INDEX|VIRTUAL TABLE) ")


def retold(before: Schema, after: Schema) -> str | None:
    """The statement for replicas, from the schema around it; None where they get the client's own."""
    made = [(entry, sql) for entry, sql in after.items() if sql and entry not in before]
    gone = [(entry, sql) for entry, sql in before.items() if sql and entry not in after]
    if (made and gone) or any(before[entry] != after[entry] for entry in before.keys() & after.keys()):
        return None
    entry, text = _principal(made or gone)
    if entry is None:
        return None
    kind, name = entry
    if gone or kind == "trigger":
        quoted = '"' + name.replace('"', '""') + '"'
        return f"DROP {kind.upper()} IF EXISTS {quoted}"
    head = _HEAD.match(text)
    return f"{head[0]}IF NOT EXISTS {text[head.end() :]}" if head else None


def _principal(entries: list[tuple[tuple[str, str], str]]) -> tuple[tuple[str, str] | None, str]:
    """The one that the statement named: a table takes indexes and triggers along, a virtual table other tables."""
    for chosen in (
        [one for one in entries if one[1].startswith("CREATE VIRTUAL")],
        [one for one in entries if one[0][0] == "table"],
        entries,
    ):
        if len(chosen) == 1:
            return chosen[0]
    return None, ""
