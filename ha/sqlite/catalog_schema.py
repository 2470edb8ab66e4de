"""What the main schema holds, as PostgreSQL would say it: relations, columns, indexes, constraints, each with an OID.

Use: ``read(connection)`` inside whatever transaction the connection is in; the result is a plain picture of that moment.

SQLite's pragmas say what there is; what they leave out (names of constraints, CHECK, DEFERRABLE) is read from the text of
CREATE TABLE. What SQLite names itself is shown as PostgreSQL would have named it: ``t_pkey``, ``t_c_key``, ``t_c_fkey``,
``t_c_check``. The house's own tables and SQLite's are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from ha.errors import StatementError
from ha.sql import constraints, domains, infer
from ha.sql import made as made_types
from ha.sql.constraints import CHECK, FOREIGN, PRIMARY, UNIQUE
from ha.sql.declarations import COUNTING, MATERIALIZED_MARK, NO_COLUMN, PRIMARY_MARK, UNIQUE_MARK
from ha.sql.namespaces import PUBLIC, TEMPORARY, beside, parted
from ha.sql.sequencedefinitions import COLUMNS, counting_of
from ha.sql.spoken import function_of, spoken
from ha.sql.statements import split
from ha.sql.storedfunctions import Function
from ha.sqlite import comments, functionviews, largeobjects, schemas, temporary, typeviews
from ha.sqlite.catalog_objects import (
    INT8,
    PG_CLASS,
    PG_CONSTRAINT,
    Attribute,
    Constraint,
    Index,
    MadeType,
    Relation,
    Schema,
    Sequence,
    StoredFunction,
    Trigger,
    numbered,
    quoted_if_needed,
)
from ha.sqlite.catalog_texts import default_text, spoken_names
from ha.sqlite.catalog_types import PUBLIC as PUBLIC_OID
from ha.sqlite.catalog_types import TEXT, made_rows, type_of, types_by_name
from ha.sqlite.guard import is_ours

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection, Source

#: The queries, for each of SQLite's databases `d` that has a schema: what is named in it begins with `p`.
_OBJECTS: Final = "SELECT type, {p}name, {p}tbl_name, sql FROM {d}.sqlite_schema ORDER BY rowid"
_COLUMNS: Final = """
    SELECT {p}s.name, c.cid, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden
      FROM {d}.sqlite_schema AS s, pragma_table_xinfo(s.name, '{d}') AS c WHERE s.type = 'table' ORDER BY s.rowid, c.cid
"""
_INDEXES: Final = """
    SELECT {p}s.name, {p}l.name, l."unique", l.origin, x.seqno, x.cid, x.name, x.desc
      FROM {d}.sqlite_schema AS s, pragma_index_list(s.name, '{d}') AS l, pragma_index_xinfo(l.name, '{d}') AS x
     WHERE s.type = 'table' AND x.key AND l.name NOT GLOB 'ha_on_commit_*' ORDER BY s.rowid, l.seq DESC, x.seqno
"""
_KEYS: Final = """
    SELECT {p}s.name, f.id, f.seq, {p}f."table", f."from", f."to", f.on_update, f.on_delete
      FROM {d}.sqlite_schema AS s, pragma_foreign_key_list(s.name, '{d}') AS f
     WHERE s.type = 'table' ORDER BY s.rowid, f.id DESC, f.seq
"""
_ACTIONS: Final = {"NO ACTION": "a", "RESTRICT": "r", "CASCADE": "c", "SET NULL": "n", "SET DEFAULT": "d"}


def read(connection: Connection) -> Schema:
    """The schema as `connection` sees it now."""
    with connection.guard.trusted():
        return Reading(connection).schema


class Reading:
    """One reading of the schema, from its objects to what depends on them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.schema = Schema()
        self._databases = [("main", "")]
        if temporary.has_any(connection):
            self._databases.append(("temp", f"'{TEMPORARY}.' || "))
        objects = [row for row in self._asked(_OBJECTS) if not _is_hidden(row[2])]
        shadows = self._shadows()
        self._tables = {
            name: sql or ""
            for kind, name, _, sql in objects
            if kind == "table" and name not in shadows and not largeobjects.is_one(name, sql or "")
        }
        self._comments = comments.comments(connection)
        self._views = {
            name: sql or ""
            for kind, name, _, sql in objects
            if kind == "view"
            and not any(kept.is_one(name, sql or "") for kept in (comments, functionviews, typeviews, schemas))
        }
        known = schemas.names(connection)
        self.schema.namespaces = numbered("namespace", known | {TEMPORARY} if len(self._databases) > 1 else known)
        self._types = typeviews.types(connection)
        for one in self._types.values():
            self._type(one)
        stored = {one.signature: one for group in functionviews.kept(connection).values() for one in group}
        for signature, oid in numbered("function", stored).items():
            self._function(oid, stored[signature])
        self._index_texts = {name: sql for kind, name, _, sql in objects if kind == "index"}
        self._columns: dict[str, list[tuple[Any, ...]]] = {}
        self._unique: dict[int, list[Index]] = {}
        for table, *column in self._asked(_COLUMNS):
            self._columns.setdefault(table, []).append(tuple(column))
        self._declared = {name: constraints.constraints(sql) for name, sql in self._tables.items()}
        self._counting = {name for name, sql in self._tables.items() if "AUTOINCREMENT" in sql.upper()}
        keys = list(self._plan_keys())
        self._number(keys)
        for one in self._types.values():
            if isinstance(one, made_types.Composite):
                self._fields(one)
        for name in self._tables:
            self._table(name)
        for name in self._views:
            self._view(name)
        for plan in keys:
            self._index(*plan)
        self._constraints()
        self._triggers(objects)
        for comment in self._comments:
            self._comment(comment)

    def _asked(self, query: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, of the file's schema and of the session's own."""
        for database, prefix in self._databases:
            yield from self._connection.execute(query.format(d=database, p=prefix)).fetchall()

    def _shadows(self) -> set[str]:
        return {
            name
            for (name,) in self._connection.execute(
                "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"
            )
        }

    # Which names there are

    def _plan_keys(self) -> Iterator[tuple[str, str, tuple[Any, ...], bool, bool, str | None]]:
        """Each index: name, table, its (cid, name, desc), unique, primary, SQLite's name."""
        found: dict[tuple[str, str], tuple[bool, str, list[Any]]] = {}
        for table, index, unique, origin, _, cid, column, desc in self._asked(_INDEXES):
            if table in self._tables:
                found.setdefault((table, index), (bool(unique), origin, []))[2].append((cid, column, bool(desc)))
        taken: set[str] = set()
        with_key = set()
        for (table, index), (unique, origin, terms) in found.items():
            columns = [column or "expr" for _, column, _ in terms]
            if origin == "pk":
                with_key.add(table)
                name = self._named(table, PRIMARY, columns) or f"{table}_pkey"
            elif origin == "u":
                name = self._named(table, UNIQUE, columns) or _free("_".join([table, *columns, "key"]), taken)
            else:
                name = index
            taken.add(name)
            primary = origin == "pk" or (
                unique and table not in with_key and PRIMARY_MARK in (self._index_texts.get(index) or "")
            )
            if primary:
                with_key.add(table)
            yield name, table, tuple(terms), unique, primary, index
        for table in self._tables:
            key = sorted((row[5], row) for row in self._columns.get(table, ()) if row[5])
            if key and table not in with_key and not self._is_sequence(table):
                columns = [row[1] for _, row in key]
                name = self._named(table, PRIMARY, columns) or f"{table}_pkey"
                yield name, table, tuple((row[0], row[1], False) for _, row in key), True, True, None

    def _named(self, table: str, kind: str, columns: list[str]) -> str | None:
        """The index of a constraint that has a name lies beside its table."""
        name = self._given(table, kind, columns)
        return beside(table, name) if name is not None and self._namespace(table) != PUBLIC else name

    def _namespace(self, name: str) -> str:
        schema, _ = parted(name)
        return schema if schema is not None and schema in self.schema.namespaces else PUBLIC

    def _given(self, table: str, kind: str, columns: list[str]) -> str | None:
        wanted = [column.lower() for column in columns]
        for one in self._declared[table]:
            if one.kind == kind and one.name is not None and [column.lower() for column in one.columns] == wanted:
                return one.name
        return None

    def _is_sequence(self, table: str) -> bool:
        """Was it made by CREATE SEQUENCE?"""
        columns = self._columns.get(table, ())
        names = tuple(row[1] for row in columns)
        return table in self._counting and names in (("last_value",), ("last_value", *COLUMNS))

    def _counter(self, table: str) -> str | None:
        """The column that counts by itself."""
        if table not in self._counting:
            return None
        return next((row[1] for row in self._columns.get(table, ()) if row[5]), None)

    def _number(self, keys: list[tuple[Any, ...]]) -> None:
        """OIDs for everything that is in pg_class: they share one space."""
        composites = [name for name, one in self._types.items() if isinstance(one, made_types.Composite)]
        names = dict.fromkeys([*self._tables, *self._views, *(plan[0] for plan in keys), *composites])
        for table in self._tables:
            counter = self._counter(table)
            if counter is not None and not self._is_sequence(table):
                names[_free(f"{table}_{counter}_seq", names)] = None
        self._oids = numbered("class", names)

    def _make(self, name: str, kind: str) -> Relation:
        relation = Relation(self._oids[name], name, kind, namespace=self._namespace(name))
        self.schema.relations[relation.oid] = relation
        self.schema.named[name] = relation
        self.schema.named.setdefault(name.lower(), relation)
        return relation

    # Types

    def _type(self, one: typeviews.Made) -> None:
        plain, array = made_rows(one, self.schema.namespaces.get(self._namespace(one.name), PUBLIC_OID))
        labels = one.labels if isinstance(one, made_types.Enumeration) else ()
        checks = one.checks if isinstance(one, made_types.Domain) else ()
        told = tuple((name, spoken(domains.of_value(condition, "VALUE"))) for name, condition in checks)
        self.schema.types[plain["oid"]] = MadeType(plain["oid"], one.name, plain, labels, told)
        self.schema.types[array["oid"]] = MadeType(array["oid"], "_" + one.name, array)

    def _fields(self, one: made_types.Composite) -> None:
        """The relation that lists a composite type's fields."""
        relation = self._make(one.name, "c")
        relation.row_type = made_types.number_of(one.name)
        self.schema.types[relation.row_type].row["typrelid"] = relation.oid
        for number, (field, words) in enumerate(one.fields, 1):
            relation.attributes.append(Attribute(number, field, *self._type_of(words), False))

    def _type_of(self, words: str) -> tuple[int, int]:
        """The OID and modifier of what a column is declared as."""
        if self.schema.types and words:
            one = typeviews.domain_of(self._connection, words)
            if one is not None:
                return made_types.number_of(one.name), -1
            name = words if made_types.is_made(words) else typeviews.words_of(self._connection, words)
            if name is not None:
                return made_types.number(name), -1
        return type_of(words)

    def _function(self, oid: int, one: Function) -> None:
        types = tuple(self._type_of(argument.words)[0] for argument in one.arguments)
        self.schema.functions[oid] = StoredFunction(oid, one, types, self._type_of(one.result)[0])

    # Relations

    def _table(self, name: str) -> None:
        if self._is_sequence(name):
            relation = self._make(name, "S")
            relation.attributes = list(_sequence_attributes())
            counting = counting_of({row[1]: row[4] for row in self._columns[name]})
            self.schema.sequences.append(Sequence(relation, name, manner=counting))
            return
        relation = self._make(name, "r")
        counter = self._counter(name)
        expressions = constraints.generated(self._tables[name]) if " AS" in self._tables[name].upper() else {}
        number = 0
        for _, column, words, not_null, default, key, hidden in self._columns.get(name, ()):
            if hidden == 1 or column == NO_COLUMN:  # a virtual table's own, or none
                continue
            number += 1
            type_oid, modifier = self._type_of(str(words or ""))
            attribute = Attribute(number, column, type_oid, modifier, bool(not_null or key))
            if hidden in (2, 3):
                attribute.generated = True
                attribute.default = spoken(expressions.get(column.lower(), ""))
            elif default is not None:
                attribute.default = self._default(default, type_oid)
            relation.attributes.append(attribute)
            if key and str(words).upper() == "INTEGER":
                told = COUNTING.search(self._tables[name])
                if told is not None and told[1] is not None:
                    attribute.type_oid, attribute.modifier = type_of(told[1])
            if column == counter:
                self._counted(relation, attribute)

    def _default(self, words: str, type_oid: int) -> str | None:
        found = default_text(words, TEXT if type_oid in self.schema.types else type_oid)
        kept = self.schema.types.get(type_oid)
        if found is None or kept is None or not found.endswith("::text"):
            return found
        return f"{found.removesuffix('text')}{kept.spoken}"

    def _counted(self, relation: Relation, attribute: Attribute) -> None:
        name = f"{relation.name}_{attribute.name}_seq"
        if name in self.schema.named or name not in self._oids:
            return
        sequence = Sequence(self._make(name, "S"), relation.name, relation, attribute)
        sequence.relation.attributes = list(_sequence_attributes())
        told = COUNTING.search(self._tables[relation.name])
        if told is not None and told[2] is not None:
            attribute.identity = "d"
        else:
            attribute.default = f"nextval('{sequence.relation.plain}'::regclass)"
        relation.sequence = sequence
        self.schema.sequences.append(sequence)

    def _view(self, name: str) -> None:
        words = self._views[name]
        relation = self._make(name, "m" if MATERIALIZED_MARK in words else "v")
        query = constraints.query_of(words)
        relation.query = spoken_names(query, self.schema.namespaces)
        own = relation.namespace == TEMPORARY
        sources = self._connection.columns_of(relation.own if own else name, "temp" if own else "main")
        for number, (column, inferred) in enumerate(zip(sources, self._inferred(query, sources), strict=True), 1):
            table = self.schema.relation(column.table or "")
            origin = table.attribute(column.origin or "") if table is not None else None
            if origin is not None:
                kind = (origin.type_oid, origin.modifier)
            elif column.decltype is None and inferred is not None:
                known = types_by_name().get(inferred, {"oid": TEXT})["oid"]
                kind = (made_types.number(inferred) if made_types.is_made(inferred) else known, -1)
            else:
                kind = self._type_of(column.decltype or "")
            relation.attributes.append(Attribute(number, column.name, *kind, False))

    def _inferred(self, query: str, sources: tuple[Source, ...]) -> list[str | None]:
        """The types of a view's expressions, by their words."""
        from ha.sqlite.declared import Declared  # which asks this module for OIDs

        try:
            (statement,) = split(query)
            found = infer.columns(statement, sources, Declared(self._connection))
        except (StatementError, ValueError):
            return [None] * len(sources)
        return [column.expression for column in found]

    def _index(
        self, name: str, table: str, terms: tuple[Any, ...], unique: bool, primary: bool, index: str | None
    ) -> None:
        owner = self.schema.named.get(table)
        if owner is None or name in self.schema.named:
            return
        relation = self._make(name, "i")
        relation.namespace = owner.namespace
        text = self._index_texts.get(index or "")
        words, where = constraints.index_terms(text) if text else ((), None)
        keys = []
        shown = []
        taken: set[str] = set()
        for at, (_, column, _) in enumerate(terms):
            attribute = owner.attribute(column) if column is not None else None
            keys.append(attribute.number if attribute is not None else 0)
            if attribute is not None:
                shown.append(quoted_if_needed(attribute.name))
            else:
                shown.append(words[at].text if at < len(words) else column or "")
            type_oid, modifier = (attribute.type_oid, attribute.modifier) if attribute else (TEXT, -1)
            # PostgreSQL names the column of an index on a call after the function.
            called = column or _free(function_of(shown[-1]) or "expr", taken)
            taken.add(called)
            relation.attributes.append(Attribute(at + 1, called, type_oid, modifier, False))
        self.schema.indexes[relation.oid] = Index(
            relation,
            owner,
            tuple(keys),
            tuple(shown),
            tuple(bool(term[2]) for term in terms),
            unique,
            primary,
            where,
        )

    def _comment(self, one: comments.Kept) -> None:
        relation = self.schema.relation(one.relation)
        if relation is None:
            return
        if one.kind == "constraint":
            for oid, constraint in self.schema.constraints.items():
                if constraint.table is relation and constraint.name == one.part:
                    self.schema.comments[oid, PG_CONSTRAINT, 0] = one.text
            return
        attribute = relation.attribute(one.part) if one.part is not None else None
        self.schema.comments[relation.oid, PG_CLASS, attribute.number if attribute is not None else 0] = one.text

    # Constraints

    def _constraints(self) -> None:
        made: list[Constraint] = []
        checks: list[Constraint] = []  # PostgreSQL makes them with the table, keys after it
        taken: dict[str, set[str]] = {}
        for index in self.schema.indexes.values():
            if index.unique:
                self._unique.setdefault(index.table.oid, []).append(index)
            if index.primary or (index.unique and 0 not in index.keys and self._is_constraint(index)):
                kind = PRIMARY if index.primary else UNIQUE
                made.append(Constraint(0, index.relation.own, kind, index.table, index.keys, index))
                taken.setdefault(index.table.name, set()).add(index.relation.own)
        for table in self._tables:
            owner = self.schema.named.get(table)
            if owner is not None and owner.kind == "r":
                names = taken.setdefault(table, set())
                names |= {one.name for one in self._declared[table] if one.name is not None}
                checks += self._checks(owner, names)
        made.sort(key=lambda one: one.kind != PRIMARY)
        made = [*checks, *made, *self._foreign_keys(taken)]
        oids = numbered("constraint", (f"{one.table.name}.{one.name}" for one in made))
        for one in made:
            one.oid = oids[f"{one.table.name}.{one.name}"]
            self.schema.constraints[one.oid] = one

    def _is_constraint(self, index: Index) -> bool:
        """Is a unique index a constraint's?"""
        text = self._index_texts.get(index.relation.name)
        return text is None or UNIQUE_MARK in text

    def _checks(self, table: Relation, taken: set[str]) -> Iterator[Constraint]:
        for one in self._declared[table.name]:
            if one.kind != CHECK or (one.name or "").startswith(domains.PREFIX):
                continue
            keys = _numbers(table, one.columns)
            name = one.name
            if name is None:
                middle = f"_{one.columns[0]}" if len(one.columns) == 1 else ""
                name = _free(f"{table.own}{middle}_check", taken)
            taken.add(name)
            yield Constraint(0, name, CHECK, table, keys, expression=one.expression)

    def _foreign_keys(self, taken: dict[str, set[str]]) -> Iterator[Constraint]:
        found: dict[tuple[str, int], list[tuple[Any, ...]]] = {}
        for table, number, *rest in self._asked(_KEYS):
            if table in self._tables:
                found.setdefault((table, number), []).append(tuple(rest))
        places: dict[str, int] = {}
        for (name, _), rows in found.items():
            table = self.schema.named[name]
            declared_keys = [one for one in self._declared[name] if one.kind == FOREIGN]
            place = places.get(name, 0)
            places[name] = place + 1
            told = declared_keys[place] if place < len(declared_keys) else None
            parent = self.schema.relation(rows[0][1])
            if parent is None or parent.kind != "r":
                continue
            columns = [row[2] for row in rows]
            onto = [row[3] for row in rows]
            keys = _numbers(parent, onto) if None not in onto else self._primary_key(parent)
            given = told.name if told is not None else None
            named = given or _free("_".join([table.own, *columns, "fkey"]), taken.setdefault(name, set()))
            taken[name].add(named)
            yield Constraint(
                0,
                named,
                FOREIGN,
                table,
                _numbers(table, columns),
                self._index_on(parent, keys),
                parent,
                keys,
                _ACTIONS.get(rows[0][4], "a"),
                _ACTIONS.get(rows[0][5], "a"),
                told.deferrable if told is not None else False,
                told.deferred if told is not None else False,
            )

    def _primary_key(self, table: Relation) -> tuple[int, ...]:
        return next((one.keys for one in self._unique.get(table.oid, ()) if one.primary), ())

    def _index_on(self, table: Relation, keys: tuple[int, ...]) -> Index | None:
        return next((one for one in self._unique.get(table.oid, ()) if sorted(one.keys) == sorted(keys)), None)

    def _triggers(self, objects: list[tuple[Any, ...]]) -> None:
        found = [(name, table, sql) for kind, name, table, sql in objects if kind == "trigger"]
        oids = numbered("trigger", (name for name, _, _ in found))
        for name, table, sql in found:
            owner = self.schema.relation(table)
            if owner is not None:
                owner.triggers = True
                words = spoken_names(sql, self.schema.namespaces)
                self.schema.triggers[oids[name]] = Trigger(oids[name], name, owner, words)


def _is_hidden(table: str) -> bool:
    table = table.removeprefix(f"{TEMPORARY}.")
    return is_ours(table) or table.lower().startswith("sqlite_")


def _free(wanted: str, taken: Iterable[str]) -> str:
    """`wanted`, with a number behind it where another has the name."""
    name, number = wanted, 0
    held = taken if isinstance(taken, (set, dict)) else set(taken)
    while name in held:
        number += 1
        name = f"{wanted}{number}"
    return name


def _numbers(table: Relation, columns: Iterable[str]) -> tuple[int, ...]:
    found = (table.attribute(column) for column in columns)
    return tuple(one.number for one in found if one is not None)


def _sequence_attributes() -> Iterator[Attribute]:
    for number, (name, type_oid) in enumerate((("last_value", INT8), ("log_cnt", INT8), ("is_called", 16)), 1):
        yield Attribute(number, name, type_oid, -1, True)
