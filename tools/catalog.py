"""Writes the files of ha/sqlite/postgres15 from a running PostgreSQL 15.

Usage: ``python tools/catalog.py CONNINFO``, CONNINFO as libpq takes it. Reads only, and only what every fresh cluster holds.
:mod:`ha.sqlite.catalog_tables` says what stands in the files.
"""

import json
import sys
from pathlib import Path

import psycopg

FOLDER = Path(__file__).parent.parent / "ha" / "sqlite" / "postgres15"

RELATIONS = """
    SELECT n.nspname, c.relname, c.oid, c.relkind, array_agg(a.attname || ':' || (CASE
               WHEN t.typtype = 'd' AND t.typname = 'yes_or_no' THEN 'varchar(3)'
               WHEN t.typtype = 'd' THEN (SELECT b.typname FROM pg_type b WHERE b.oid = t.typbasetype)
               ELSE t.typname END) ORDER BY a.attnum)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
      JOIN pg_type t ON t.oid = a.atttypid
     WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v') AND a.attnum > 0
     GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 2
"""

#: Those that can be called here, or that another row points to.
SHOWN_FUNCTIONS = "pronamespace = 11 AND (prokind <> 'f' OR proname = ANY(%s) OR oid IN (SELECT castfunc FROM pg_cast))"

#: Functions as they are shown; what cannot be called here is not listed.
TABLES = {
    "pg_am": "SELECT * FROM pg_am ORDER BY oid",
    "pg_cast": "SELECT * FROM pg_cast ORDER BY oid",
    "pg_collation": "SELECT * FROM pg_collation WHERE collname IN ('default', 'C', 'POSIX', 'ucs_basic') ORDER BY oid",
    "pg_conversion": "SELECT * FROM pg_conversion WHERE false",
    "pg_description": "SELECT * FROM pg_description WHERE classoid::regclass::text IN ('pg_namespace', 'pg_extension', 'pg_language',"
    " 'pg_am', 'pg_type', 'pg_ts_config', 'pg_ts_dict', 'pg_ts_parser', 'pg_ts_template') OR classoid = 'pg_proc'::regclass"
    f" AND objoid IN (SELECT oid FROM pg_proc WHERE {SHOWN_FUNCTIONS}) ORDER BY 1, 2, 3",
    "pg_extension": "SELECT * FROM pg_extension WHERE extname = 'plpgsql'",
    "pg_get_keywords": "SELECT * FROM pg_get_keywords()",
    "pg_language": "SELECT * FROM pg_language ORDER BY oid",
    "pg_namespace": "SELECT oid, nspname, nspowner, CASE WHEN nspowner <> 10 THEN nspacl::text[] END AS nspacl"
    " FROM pg_namespace WHERE nspname !~ '^pg_t.*emp' ORDER BY oid",
    "pg_opclass": "SELECT * FROM pg_opclass ORDER BY oid",
    "pg_operator": "SELECT * FROM pg_operator WHERE oprleft IN (16,17,20,21,23,25,26,701,1042,1043,1082,1114,1184,1700,2950)"
    " AND oprright = oprleft AND oprname IN ('=','<>','<','>','<=','>=','+','-','*','/','||','~','~~') ORDER BY oid",
    "pg_opfamily": "SELECT * FROM pg_opfamily ORDER BY oid",
    "pg_proc": "SELECT oid, proname, pronamespace, proowner, prolang, procost, prorows, provariadic, prosupport, prokind, prosecdef,"
    " proleakproof, proisstrict, proretset, provolatile, proparallel, pronargs, pronargdefaults, prorettype, proargtypes::text,"
    f" prosrc FROM pg_proc WHERE {SHOWN_FUNCTIONS} ORDER BY oid",
    "pg_range": "SELECT * FROM pg_range ORDER BY rngtypid",
    "pg_authid": "SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,"
    " rolbypassrls, rolconnlimit FROM pg_roles WHERE rolname ~ '^pg_' ORDER BY oid",
    "pg_tablespace": "SELECT oid, spcname, spcowner FROM pg_tablespace ORDER BY oid",
    "pg_ts_config": "SELECT * FROM pg_ts_config ORDER BY oid",
    "pg_ts_dict": "SELECT * FROM pg_ts_dict ORDER BY oid",
    "pg_ts_parser": "SELECT * FROM pg_ts_parser ORDER BY oid",
    "pg_ts_template": "SELECT * FROM pg_ts_template ORDER BY oid",
    "pg_type": "SELECT t.* FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid"
    " WHERE t.typnamespace = 11 AND t.typrelid = 0 AND t.typname !~ '^_pg_' AND NOT EXISTS"
    " (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typrelid <> 0) ORDER BY t.oid",
}


def value(one, of):
    if of in ("int2vector", "oidvector"):
        return one
    if isinstance(one, str) and of not in ("char", "text", "name", "regproc") and one.lstrip("-").isdecimal():
        return int(one)
    return int(one) if isinstance(one, bool) else one


def functions():
    """The names of all functions that a connection here has."""
    from ha.sqlite.connection import open_writer

    connection = open_writer(":memory:", synchronous="NORMAL")
    with connection.guard.trusted():
        names = {row[0] for row in connection.execute("SELECT name FROM pragma_function_list")}
        names |= {row[0] for row in connection.execute("SELECT name FROM pragma_module_list")}
    return sorted(names)


def main(conninfo):
    called = functions()  # while the files are there: the connections read them
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    with psycopg.connect(conninfo) as connection:
        spoken = dict(connection.execute("SELECT oid::int, typname FROM pg_type"))
        lines = [
            " ".join(map(str, (schema, name, oid, kind, *columns)))
            for schema, name, oid, kind, columns in connection.execute(RELATIONS)
        ]
        (FOLDER / "relations.txt").write_text("\n".join(lines) + "\n")
        for table, query in TABLES.items():
            cursor = connection.execute(query, (called,) if "%s" in query else None)
            lines = [" ".join(column.name for column in cursor.description)]
            types = [spoken[column.type_code] for column in cursor.description]
            for row in cursor:
                values = [value(*one) for one in zip(row, types, strict=True)]
                lines.append(json.dumps(values, separators=(",", ":"), default=str))
            (FOLDER / f"{table}.jsonl").write_text("\n".join(lines) + "\n")


main(sys.argv[1])
