"""What PostgreSQL shows as views over its catalog: filled from the catalog's tables, one query each.

They are tables here, filled when the schema is read, so that their columns keep PostgreSQL's types and a client's query
meets an ordinary table. A view of information_schema is called ``information_schema.NAME``, the dot being part of the name:
SQLite would otherwise find ``tables`` or ``columns`` without the schema's name, where PostgreSQL finds nothing.
"""

from __future__ import annotations

from typing import Final

_TYPE_NAME: Final = (
    "CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY' WHEN t.typtype = 'e'"
    " THEN 'USER-DEFINED' ELSE format_type(a.atttypid, NULL) END"
)
_USER: Final = "pg_get_userbyid(c.relowner)"
_OURS: Final = "c.oid >= 16384"
#: The name of a relation's schema.
_SCHEMA: Final = "(SELECT nspname FROM pg_namespace WHERE oid = c.relnamespace)"
#: What PostgreSQL calls a column's NOT NULL.
_NOT_NULL: Final = "c.relnamespace || '_' || c.oid || '_' || a.attnum || '_not_null'"
_CONSTRAINTS_SCHEMA: Final = "(SELECT nspname FROM pg_namespace WHERE oid = r.connamespace)"
_UPDATABLE: Final = "CASE c.relkind WHEN 'r' THEN 'YES' ELSE 'NO' END"
_YES: Final = "CASE WHEN {} THEN 'YES' ELSE 'NO' END"

#: Which constraint stands on which column, in order: pg_constraint.conkey taken apart.
_KEYS: Final = (
    "pg_constraint r JOIN pg_class c ON c.oid = r.conrelid JOIN json_each(r.conkey) k"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.value"
)

#: A relation of the system's is shown once and for all, one of the client's each time the schema changes.
_SCOPE: Final = "c.oid BETWEEN :least AND :most"

#: Table to (columns, query). `:database` is the current one's name; `:least` and `:most` bound the OIDs of the relations.
VIEWS: Final[dict[str, tuple[str, str]]] = {
    "pg_tables": (
        "schemaname tablename tableowner tablespace hasindexes hasrules hastriggers rowsecurity",
        f"SELECT n.nspname, c.relname, {_USER}, NULL, c.relhasindex, c.relhasrules, c.relhastriggers, c.relrowsecurity"
        f" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND {_SCOPE}",
    ),
    "pg_views": (
        "schemaname viewname viewowner definition",
        f"SELECT n.nspname, c.relname, {_USER}, x.text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" LEFT JOIN ha_texts x ON x.oid = c.oid WHERE c.relkind = 'v' AND {_SCOPE}",
    ),
    "pg_matviews": (
        "schemaname matviewname matviewowner tablespace hasindexes ispopulated definition",
        f"SELECT n.nspname, c.relname, {_USER}, NULL, false, true, x.text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN ha_texts x ON x.oid = c.oid WHERE c.relkind = 'm'",
    ),
    "pg_indexes": (
        "schemaname tablename indexname tablespace indexdef",
        f"SELECT {_SCHEMA}, c.relname, i.relname, NULL, x.text FROM pg_index k JOIN pg_class c ON c.oid = k.indrelid"
        " JOIN pg_class i ON i.oid = k.indexrelid LEFT JOIN ha_texts x ON x.oid = i.oid",
    ),
    **{
        f"pg_stat_{which}_tables": (
            "relid schemaname relname seq_scan seq_tup_read idx_scan idx_tup_fetch n_tup_ins n_tup_upd n_tup_del n_live_tup n_dead_tup",
            "SELECT c.oid, n.nspname, c.relname, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM pg_class c"
            f" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND {_SCOPE} AND {condition}",
        )
        for which, condition in (("all", "true"), ("user", _OURS), ("sys", "c.oid < 16384"))
    },
    **{
        f"pg_stat_{which}_indexes": (
            "relid indexrelid schemaname relname indexrelname idx_scan idx_tup_read idx_tup_fetch",
            f"SELECT c.oid, i.oid, {_SCHEMA}, c.relname, i.relname, 0, 0, 0 FROM pg_index k"
            " JOIN pg_class c ON c.oid = k.indrelid JOIN pg_class i ON i.oid = k.indexrelid",
        )
        for which in ("all", "user")
    },
    "information_schema.schemata": (
        "catalog_name schema_name schema_owner",
        "SELECT :database, nspname, pg_get_userbyid(nspowner) FROM pg_namespace",
    ),
    "information_schema.tables": (
        "table_catalog table_schema table_name table_type is_insertable_into is_typed",
        "SELECT :database, n.nspname, c.relname, CASE WHEN c.relkind <> 'r' THEN 'VIEW'"
        " WHEN c.relpersistence = 't' THEN 'LOCAL TEMPORARY' ELSE 'BASE TABLE' END,"
        f" {_UPDATABLE}, 'NO' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v')"
        f" AND {_SCOPE}",
    ),
    "information_schema.columns": (
        "table_catalog table_schema table_name column_name ordinal_position column_default is_nullable data_type"
        " character_maximum_length character_octet_length numeric_precision numeric_precision_radix numeric_scale"
        " datetime_precision udt_catalog udt_schema udt_name dtd_identifier is_self_referencing is_identity identity_generation"
        " identity_cycle is_generated generation_expression is_updatable",
        f"""
        SELECT :database, n.nspname, c.relname, a.attname, a.attnum, CASE WHEN a.attgenerated = '' THEN d.adbin END,
               CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END, {_TYPE_NAME},
               CASE WHEN a.atttypid IN (1042, 1043) AND a.atttypmod > 0 THEN a.atttypmod - 4 END,
               CASE WHEN a.atttypid = 25 OR (a.atttypid IN (1042, 1043) AND a.atttypmod < 0) THEN 1073741824
                    WHEN a.atttypid IN (1042, 1043) THEN (a.atttypmod - 4) * 4 END,
               CASE a.atttypid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53
                    WHEN 1700 THEN CASE WHEN a.atttypmod > 0 THEN ((a.atttypmod - 4) >> 16) & 65535 END END,
               CASE WHEN a.atttypid IN (20, 21, 23, 700, 701) THEN 2 WHEN a.atttypid = 1700 THEN 10 END,
               CASE WHEN a.atttypid IN (20, 21, 23) THEN 0
                    WHEN a.atttypid = 1700 AND a.atttypmod > 0 THEN (a.atttypmod - 4) & 2047 END,
               CASE WHEN a.atttypid = 1082 THEN 0
                    WHEN a.atttypid IN (1083, 1114, 1184, 1186, 1266) THEN
                    CASE WHEN a.atttypmod < 0 OR a.atttypmod & 65535 = 65535 THEN 6 ELSE a.atttypmod & 65535 END END,
               :database, CASE t.typnamespace WHEN 2200 THEN 'public' ELSE 'pg_catalog' END, t.typname,
               CAST(a.attnum AS TEXT), 'NO', {_YES.format("a.attidentity <> ''")},
               CASE a.attidentity WHEN 'd' THEN 'BY DEFAULT' WHEN 'a' THEN 'ALWAYS' END, 'NO',
               CASE WHEN a.attgenerated = '' THEN 'NEVER' ELSE 'ALWAYS' END,
               CASE WHEN a.attgenerated <> '' THEN d.adbin END, {_UPDATABLE}
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
          JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.relkind IN ('r', 'v') AND a.attnum > 0 AND {_SCOPE}
        """,
    ),
    "information_schema.views": (
        "table_catalog table_schema table_name view_definition check_option is_updatable is_insertable_into is_trigger_updatable"
        " is_trigger_deletable is_trigger_insertable_into",
        "SELECT :database, n.nspname, c.relname, x.text, 'NONE', 'NO', 'NO', 'NO', 'NO', 'NO' FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN ha_texts x ON x.oid = c.oid"
        f" WHERE c.relkind = 'v' AND {_SCOPE}",
    ),
    "information_schema.sequences": (
        "sequence_catalog sequence_schema sequence_name data_type numeric_precision numeric_precision_radix numeric_scale"
        " start_value minimum_value maximum_value increment cycle_option",
        f"SELECT :database, {_SCHEMA}, c.relname, 'bigint', 64, 2, 0, CAST(s.seqstart AS TEXT), CAST(s.seqmin AS TEXT),"
        " CAST(s.seqmax AS TEXT), CAST(s.seqincrement AS TEXT), CASE WHEN s.seqcycle THEN 'YES' ELSE 'NO' END"
        " FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid WHERE c.relkind = 'S'",
    ),
    "information_schema.table_constraints": (
        "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name constraint_type is_deferrable"
        " initially_deferred enforced nulls_distinct",
        f"""
        SELECT :database, {_CONSTRAINTS_SCHEMA}, r.conname, :database, {_SCHEMA}, c.relname,
               CASE r.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' WHEN 'f' THEN 'FOREIGN KEY' ELSE 'CHECK' END,
               {_YES.format("r.condeferrable")}, {_YES.format("r.condeferred")}, 'YES', CASE r.contype WHEN 'u' THEN 'YES' END
          FROM pg_constraint r JOIN pg_class c ON c.oid = r.conrelid
        UNION ALL
        SELECT :database, {_SCHEMA}, {_NOT_NULL}, :database, {_SCHEMA}, c.relname, 'CHECK',
               'NO', 'NO', 'YES', NULL
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relkind = 'r' AND c.oid >= 16384 AND a.attnotnull
        """,
    ),
    "information_schema.check_constraints": (
        "constraint_catalog constraint_schema constraint_name check_clause",
        f"""
        SELECT :database, n.nspname, r.conname, '(' || r.conbin || ')' FROM pg_constraint r JOIN pg_namespace n ON n.oid = r.connamespace
         WHERE r.contype = 'c'
        UNION ALL
        SELECT :database, {_SCHEMA}, {_NOT_NULL}, a.attname || ' IS NOT NULL'
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relkind = 'r' AND c.oid >= 16384 AND a.attnotnull
        """,
    ),
    "information_schema.key_column_usage": (
        "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name column_name ordinal_position"
        " position_in_unique_constraint",
        f"SELECT :database, {_CONSTRAINTS_SCHEMA}, r.conname, :database, {_SCHEMA}, c.relname, a.attname, k.key + 1,"
        f" CASE r.contype WHEN 'f' THEN k.key + 1 END FROM {_KEYS} WHERE r.contype IN ('p', 'u', 'f')",
    ),
    "information_schema.constraint_column_usage": (
        "table_catalog table_schema table_name column_name constraint_catalog constraint_schema constraint_name",
        f"""
        SELECT :database, {_SCHEMA}, c.relname, a.attname, :database, {_CONSTRAINTS_SCHEMA}, r.conname FROM {_KEYS} WHERE r.contype <> 'f'
        UNION ALL
        SELECT :database, {_SCHEMA}, c.relname, a.attname, :database, {_CONSTRAINTS_SCHEMA}, r.conname
          FROM pg_constraint r JOIN pg_class c ON c.oid = r.confrelid JOIN json_each(r.confkey) k
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.value WHERE r.contype = 'f'
        """,
    ),
    "information_schema.constraint_table_usage": (
        "table_catalog table_schema table_name constraint_catalog constraint_schema constraint_name",
        f"SELECT :database, {_SCHEMA}, c.relname, :database, {_CONSTRAINTS_SCHEMA}, r.conname FROM pg_constraint r JOIN pg_class c"
        " ON c.oid = CASE r.contype WHEN 'f' THEN r.confrelid ELSE r.conrelid END WHERE r.contype <> 'c'",
    ),
    "information_schema.referential_constraints": (
        "constraint_catalog constraint_schema constraint_name unique_constraint_catalog unique_constraint_schema"
        " unique_constraint_name match_option update_rule delete_rule",
        f"""
        SELECT :database, {_CONSTRAINTS_SCHEMA}, r.conname, :database, (SELECT nspname FROM pg_namespace WHERE oid = i.relnamespace),
               i.relname, 'NONE', u.word, d.word
          FROM pg_constraint r LEFT JOIN pg_class i ON i.oid = r.conindid
          JOIN (SELECT column1 AS letter, column2 AS word FROM (VALUES ('a', 'NO ACTION'), ('r', 'RESTRICT'), ('c', 'CASCADE'),
               ('n', 'SET NULL'), ('d', 'SET DEFAULT'))) u ON u.letter = r.confupdtype
          JOIN (SELECT column1 AS letter, column2 AS word FROM (VALUES ('a', 'NO ACTION'), ('r', 'RESTRICT'), ('c', 'CASCADE'),
               ('n', 'SET NULL'), ('d', 'SET DEFAULT'))) d ON d.letter = r.confdeltype
         WHERE r.contype = 'f'
        """,
    ),
    "information_schema.triggers": (
        "trigger_catalog trigger_schema trigger_name event_manipulation event_object_catalog event_object_schema event_object_table"
        " action_order action_statement action_orientation action_timing",
        f"""
        SELECT :database, {_SCHEMA}, t.tgname,
               CASE WHEN t.tgtype & 4 THEN 'INSERT' WHEN t.tgtype & 8 THEN 'DELETE' ELSE 'UPDATE' END, :database, {_SCHEMA}, c.relname, 1,
               pg_get_triggerdef(t.oid), 'ROW',
               CASE WHEN t.tgtype & 64 THEN 'INSTEAD OF' WHEN t.tgtype & 2 THEN 'BEFORE' ELSE 'AFTER' END
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        """,
    ),
    "information_schema.table_privileges": (
        "grantor grantee table_catalog table_schema table_name privilege_type is_grantable with_hierarchy",
        f"""
        SELECT {_USER}, {_USER}, :database, {_SCHEMA}, c.relname, p.column1, 'YES', CASE p.column1 WHEN 'SELECT' THEN 'YES' ELSE 'NO' END
          FROM pg_class c, (VALUES ('INSERT'), ('SELECT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) p
         WHERE c.relkind IN ('r', 'v') AND {_OURS}
        """,
    ),
}

_NOT_SYSTEM: Final = "NOT IN ('pg_catalog', 'information_schema')"

#: The condition of the rows that belong to the client's relations, for those tables that show the system's, too.
OLD: Final = {
    **{name: f"schemaname {_NOT_SYSTEM}" for name in VIEWS if name.startswith(("pg_tables", "pg_views", "pg_stat_"))},
    **{f"information_schema.{name}": f"table_schema {_NOT_SYSTEM}" for name in ("tables", "columns", "views")},
}

#: Rows that are always there.
CONSTANT: Final = {
    "information_schema.character_sets": (
        "character_set_name character_repertoire form_of_use default_collate_schema default_collate_name",
        ("UTF8", "UCS", "UTF8", "pg_catalog", "C"),
    ),
}
