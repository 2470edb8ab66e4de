"""COPY, with the options of today and of PostgreSQL 8. [pure]

The manual's page is https://www.postgresql.org/docs/15/sql-copy.html.
"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql import kinds
from ha.sql.kinds import Kind
from ha.sql.reader import Parsed, Reader
from ha.sql.tokens import WORD


def copy(reader: Reader) -> Parsed:
    table: str | None = None
    columns: tuple[str, ...] = ()
    statement: kinds.Statement | None = None
    reader.take("BINARY")
    if reader.take("("):
        end = reader.closing()
        statement = reader.inner(reader.at, end)
        reader.at = end + 1
    else:
        table = reader.qualified()
        columns = reader.names()
    to_client = _copy_target(reader)
    options = _CopyOptions(reader).read()
    if statement is not None and not to_client:
        raise StatementError("42601", "COPY FROM needs a table")
    reader.end()
    return Kind.COPY, "COPY", options.made(table, columns, statement, to_client)


def _copy_target(reader: Reader) -> bool:
    direction = reader.one_of("FROM", "TO")
    if not direction:
        raise reader.error()
    if reader.one_of("STDIN", "STDOUT"):
        return direction == "TO"
    reader.take("PROGRAM")
    reader.string()
    raise StatementError(
        "42501",
        "COPY to or from a file of the server is not allowed",
        hint="Use COPY … FROM STDIN or TO STDOUT; psql's \\copy does.",
    )


class _CopyOptions:
    """COPY's options, in the new spelling ``WITH (FORMAT csv, HEADER)`` and the old one ``CSV HEADER``."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.said: dict[str, object] = {}

    def read(self) -> _CopyOptions:
        reader = self.reader
        reader.take("WITH")
        if reader.take("("):
            while True:
                self._new()
                if not reader.take(","):
                    break
            reader.expect(")")
        else:
            while reader.key:
                self._old()
        return self

    def _new(self) -> None:
        reader = self.reader
        name = reader.name()
        if name == "format":
            self.said["format"] = _format(
                reader.name() if reader.key and reader.tokens[reader.at].kind == WORD else reader.string()
            )
        elif name in ("delimiter", "null", "quote", "escape"):
            self.said[name] = reader.string()
        elif name == "encoding":
            _utf8(reader.string())
        elif name in ("header", "freeze"):
            self.said[name] = self._switch()
        elif name in ("force_quote", "force_null", "force_not_null"):
            self.said[name] = ("*",) if reader.take("*") else reader.names()
        else:
            raise StatementError("42601", f'option "{name}" not recognized')

    def _switch(self) -> bool:
        reader = self.reader
        if reader.key in (",", ")"):
            return True
        value = reader.value().lower()
        if value in ("match", "true", "on", "1"):
            return True
        if value in ("false", "off", "0"):
            return False
        raise StatementError("42601", f'header requires a Boolean value or "match", not "{value}"')

    def _old(self) -> None:
        reader = self.reader
        if word := reader.one_of("CSV", "BINARY"):
            self.said["format"] = word.lower()
        elif reader.one_of("HEADER", "FREEZE"):
            self.said[reader.tokens[reader.at - 1].key.lower()] = True
        elif word := reader.one_of("DELIMITER", "DELIMITERS", "NULL", "QUOTE", "ESCAPE"):
            reader.take("AS")
            self.said["delimiter" if word == "DELIMITERS" else word.lower()] = reader.string()
        elif reader.take("ENCODING"):
            _utf8(reader.string())
        elif reader.take("FORCE", "QUOTE"):
            self.said["force_quote"] = ("*",) if reader.take("*") else self.reader.listed(self.reader.name)
        elif reader.take("FORCE", "NOT", "NULL"):
            self.said["force_not_null"] = self.reader.listed(self.reader.name)
        elif reader.take("FORCE", "NULL"):
            self.said["force_null"] = self.reader.listed(self.reader.name)
        else:
            raise reader.error()

    def made(
        self, table: str | None, columns: tuple[str, ...], statement: kinds.Statement | None, to_client: bool
    ) -> kinds.Copy:
        """The argument, with each format's own defaults.

        :raises StatementError: 22023 or 0A000 for what PostgreSQL refuses, too.
        """
        said = dict(self.said)
        said.pop("freeze", None)
        form = str(said.pop("format", "text"))
        if form == "binary" and said:
            raise StatementError("42601", f"cannot specify {min(said).upper()} in BINARY mode")
        if form != "csv":
            for name in ("quote", "escape", "force_quote", "force_null", "force_not_null"):
                if name in said:
                    raise StatementError("0A000", f"COPY {name.replace('_', ' ')} available only in CSV mode")
        delimiter = str(said.get("delimiter", "," if form == "csv" else "\t"))
        null = str(said.get("null", "" if form == "csv" else "\\N"))
        quote = str(said.get("quote", '"'))
        escape = str(said.get("escape", quote))
        for what, value in (("delimiter", delimiter), ("quote", quote), ("escape", escape)):
            if len(value) != 1 or not value.isascii():
                raise StatementError("0A000", f"COPY {what} must be a single one-byte character")
        if delimiter in "\r\n" or "\r" in null or "\n" in null:
            raise StatementError("22023", "COPY delimiter and null cannot use newline or carriage return")
        if form == "text" and delimiter in "\\.abcdefghijklmnopqrstuvwxyz0123456789":
            raise StatementError("22023", f'COPY delimiter cannot be "{delimiter}"')
        if delimiter in null or (form == "csv" and (quote in null or quote == delimiter)):
            raise StatementError(
                "22023", "COPY delimiter and quote must differ, and not appear in the NULL specification"
            )
        return kinds.Copy(
            table,
            columns,
            statement,
            to_client,
            form,
            delimiter,
            null,
            bool(said.get("header", False)),
            quote,
            escape,
            said.get("force_quote", ()),  # type: ignore[arg-type]
            said.get("force_null", ()),  # type: ignore[arg-type]
            said.get("force_not_null", ()),  # type: ignore[arg-type]
        )


def _format(name: str) -> str:
    if name.lower() not in ("text", "csv", "binary"):
        raise StatementError("22023", f'COPY format "{name}" not recognized')
    return name.lower()


def _utf8(encoding: str) -> None:
    if encoding.lower().replace("-", "").replace("_", "") not in ("utf8", "unicode", "sqlascii"):
        raise StatementError("0A000", f'encoding "{encoding}" is not supported', hint="Use UTF8.")
