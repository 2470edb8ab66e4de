"""What the main schema holds, as PostgreSQL's catalog would say it: relations, columns, indexes, constraints, each with an OID.

Use: ``read(connection)`` inside whatever transaction the connection is in; the result is a plain picture of that moment.

SQLite's pragmas say what there is; what they leave out (names of constraints, CHECK, DEFERRABLE) is read from the text of
CREATE TABLE. Names that SQLite gives itself are shown as PostgreSQL would have given them: ``t_pkey``, ``t_c_key``,
``t_c_fkey``, ``t_c_check``. Tables of the house's own and of SQLite's are left out.

OIDs are made of the name, so that every node and every connection shows the same: a driver may keep them. Where two names
meet, the one that sorts first keeps the number.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from ha.errors import StatementError
from ha.sql.tokens import QUOTED, STRING, WORD, Token, quoted_name, tokenize, unquoted
from ha.sql.typenames import declared, read_type
from ha.sqlite.catalog_tables import ROWS
from ha.sqlite.declarations_text import Declaration, declarations_of
from ha.sqlite.guard import OURS
