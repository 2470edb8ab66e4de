"""The types of functions' results and arguments. [pure]"""

from __future__ import annotations

from ha.sql.ranges import MULTIRANGES, RANGES

_RESULTS = {
    "int4": "grouping get_byte get_bit regexp_instr ascii array_length array_lower array_ndims array_position array_upper bit_length "
    "cardinality char_length "
    "character_length inet_client_port inet_server_port json_array_length jsonb_array_length length ntile octet_length "
    "lo_open lo_close lowrite lo_lseek lo_tell lo_truncate lo_truncate64 lo_unlink lo_export "
    "pg_backend_pid position regexp_count strpos unicode width_bucket instr pg_encoding_to_char_id",
    "int8": "bit_count lo_lseek64 lo_tell64 regr_count count currval dense_rank factorial lastval last_insert_rowid nextval "
    "pg_database_size "
    "pg_relation_size pg_table_size pg_total_relation_size rank row_number setval total_changes changes txid_current unixepoch",
    "float8": "regr_avgx regr_avgy regr_sxx regr_syy regr_sxy regr_r2 regr_intercept acos asin atan atan2 cbrt corr cos cot "
    "covar_pop covar_samp cume_dist date_part degrees percent_rank "
    "pi radians random regr_slope sin tan total julianday",
    "numeric": "extract stddev stddev_pop stddev_samp to_number var_pop var_samp variance",
    "text": "array_dims convert_from normalize json_typeof jsonb_typeof jsonb_pretty array_to_string btrim chr "
    "col_description concat concat_ws current_setting encode format format_type group_concat "
    "initcap json_extract_path_text left lpad ltrim md5 obj_description overlay pg_get_constraintdef pg_get_expr "
    "pg_get_indexdef pg_get_viewdef pg_size_pretty printf quote_ident quote_literal regexp_replace repeat replace reverse "
    "right rpad rtrim set_config shobj_description split_part string_agg substr substring to_char to_hex translate trim typeof "
    "version hex quote pg_get_functiondef pg_get_serial_sequence timeofday strftime sqlite_version regexp_substr "
    "pg_get_triggerdef pg_get_ruledef pg_get_partkeydef pg_get_function_arguments pg_get_function_identity_arguments "
    "pg_get_function_result pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_tablespace_location pg_describe_object "
    "pg_get_partition_constraintdef pg_get_function_arg_default",
    "name": "getdatabaseencoding current_catalog current_database current_role current_schema current_user session_user user "
    "pg_get_userbyid pg_encoding_to_char",
    "bool": "isempty overlaps lower_inc upper_inc lower_inf upper_inf "
    "bool_and bool_or every exists isfinite has_column_privilege has_database_privilege has_function_privilege "
    "has_schema_privilege has_sequence_privilege has_table_privilege json_valid pg_is_in_recovery "
    "pg_opclass_is_visible pg_operator_is_visible pg_collation_is_visible row_security_active pg_relation_is_publishable "
    "pg_table_is_visible pg_type_is_visible pg_function_is_visible regexp_like starts_with pg_try_advisory_lock "
    "pg_advisory_unlock pg_has_role has_any_column_privilege has_type_privilege pg_cancel_backend pg_terminate_backend",
    "timestamptz": "clock_timestamp current_timestamp make_timestamptz now pg_conf_load_time pg_postmaster_start_time "
    "statement_timestamp to_timestamp transaction_timestamp",
    "timestamp": "localtimestamp make_timestamp",
    "date": "current_date make_date to_date",
    "time": "localtime make_time",
    "timetz": "current_time",
    "interval": "age justify_days justify_hours justify_interval make_interval",
    "uuid": "gen_random_uuid uuid_generate_v1 uuid_generate_v1mc uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 uuid_nil "
    "uuid_ns_dns uuid_ns_url uuid_ns_oid uuid_ns_x500",
    "json": "json_extract_path array_to_json json_agg json_array json_build_array json_build_object json_object "
    "json_object_agg row_to_json "
    "to_json json_group_array json_group_object json_strip_nulls json_set json_insert json_patch json_remove json_replace",
    "jsonb": "jsonb_extract_path jsonb_agg jsonb_build_array jsonb_build_object jsonb_insert jsonb_object jsonb_object_agg jsonb_set "
    "jsonb_strip_nulls to_jsonb",
    "_text": "parse_ident regexp_match regexp_matches regexp_split_to_array string_to_array",
    "_name": "current_schemas",
    "bytea": "gen_random_bytes "
    "loread lo_get digest hmac set_byte set_bit convert_to decode sha224 sha256 sha384 sha512 zeroblob randomblob",
    "void": "pg_sleep pg_advisory_lock pg_advisory_xact_lock pg_advisory_unlock_all pg_notify lo_put",
    "oid": "lo_create lo_creat lo_from_bytea lo_import pg_my_temp_schema pg_relation_filenode",
    "regclass": "to_regclass pg_get_replica_identity_index",
    "regtype": "to_regtype pg_typeof",
    "regproc": "to_regproc",
    "regnamespace": "to_regnamespace",
    "regrole": "to_regrole",
}
RESULT_OF = {name: result for result, names in _RESULTS.items() for name in names.split()} | {
    name: name for name in (*RANGES, *MULTIRANGES)
}
#: Functions whose type is that of their first typed argument.
LIKE_ARGUMENT = frozenset(
    "max min coalesce nullif enum_first enum_last greatest least ifnull iif first_value last_value nth_value lag lead abs mod sign "
    "date_trunc bit_and bit_or bit_xor mode percentile_disc array_append array_cat array_remove array_replace "
    "trim_array generate_series".split()
)
NUMERIC = frozenset("round ceil ceiling floor trunc sqrt power pow ln log log10 exp div".split())
BARE = frozenset(
    "current_date current_time current_timestamp localtime localtimestamp current_user session_user current_role current_catalog "
    "current_schema user".split()
)
#: Arguments of functions with one type, for parameters.
ARGUMENT = {
    "pg_sleep": "float8", "lower": "text", "upper": "text", "length": "text", "substr": "text", "trim": "text", "replace": "text",
    "left": "text", "right": "text", "md5": "text", "to_regclass": "text", "set_config": "text", "current_setting": "text",
    "generate_series": "int8", "concat": "text", "pg_advisory_lock": "int8", "pg_advisory_unlock": "int8",
    "pg_try_advisory_lock": "int8", "nextval": "text", "currval": "text", "setval": "text", "json_extract": "text",
    "pg_notify": "text", "split_part": "text", "position": "text", "strpos": "text", "chr": "int4", "abs": "numeric",
    "pg_terminate_backend": "int4",
    "pg_cancel_backend": "int4", "lo_create": "oid", "lo_creat": "int4", "lo_unlink": "oid", "lo_close": "int4", "lo_tell": "int4",
    "lo_tell64": "int4", "lo_import": "text", "gen_random_bytes": "int4",
}  # fmt: skip
#: Of functions whose arguments have different ones.
ARGUMENTS = {
    "uuid_generate_v3": ("uuid", "text"), "uuid_generate_v5": ("uuid", "text"),
    "lo_open": ("oid", "int4"), "loread": ("int4", "int4"), "lowrite": ("int4", "bytea"), "lo_lseek": ("int4", "int4", "int4"),
    "lo_lseek64": ("int4", "int8", "int4"), "lo_truncate": ("int4", "int4"), "lo_truncate64": ("int4", "int8"),
    "lo_from_bytea": ("oid", "bytea"), "lo_get": ("oid", "int8", "int4"), "lo_put": ("oid", "int8", "bytea"), "lo_export": ("oid", "text"),
}  # fmt: skip
