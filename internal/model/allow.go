package model

import "strings"

// set makes a set of words.
func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// allowedTableFunctions make rows of their arguments alone. All others, of this DuckDB and those to come, are refused.
var allowedTableFunctions = set("range generate_series unnest repeat repeat_row json_each json_tree regexp_split_to_table")

// systemFunctions are the other table functions of this DuckDB. A macro cannot take their names.
var systemFunctions = set(`histogram histogram_values add_parquet_key all_profiling_output arrow_scan arrow_scan_dumb check_peg_parser checkpoint collations copy_database
	database_list database_size disable_checkpoint_on_shutdown disable_logging disable_object_cache disable_optimizer
	disable_peg_parser disable_print_progress_bar disable_profile disable_profiling disable_progress_bar disable_verification
	disable_verify_external disable_verify_fetch_row disable_verify_parallelism disable_verify_serializer
	duckdb_approx_database_count duckdb_columns duckdb_connection_count duckdb_constraints duckdb_coordinate_systems
	duckdb_databases duckdb_dependencies duckdb_extensions duckdb_external_file_cache duckdb_functions duckdb_indexes
	duckdb_keywords duckdb_log_contexts duckdb_logs duckdb_logs_parsed duckdb_memory duckdb_optimizers duckdb_prepared_statements
	duckdb_profiling_settings duckdb_schemas duckdb_secret_types duckdb_secrets duckdb_sequences duckdb_settings
	duckdb_table_sample duckdb_tables duckdb_temporary_files duckdb_types duckdb_variables duckdb_views
	enable_checkpoint_on_shutdown enable_logging enable_object_cache enable_optimizer enable_peg_parser enable_print_progress_bar
	enable_profile enable_profiling enable_progress_bar enable_verification extension_versions force_checkpoint functions glob
	icu_calendar_names import_database json_execute_serialized_sql metadata_info parquet_bloom_probe parquet_file_metadata
	parquet_full_metadata parquet_kv_metadata parquet_metadata parquet_scan parquet_schema pg_timezone_names platform
	pragma_collations pragma_database_size pragma_metadata_info pragma_platform pragma_show pragma_storage_info pragma_table_info
	pragma_user_agent pragma_version query query_table read_blob read_csv read_csv_auto read_duckdb read_json read_json_auto
	read_json_objects read_json_objects_auto read_ndjson read_ndjson_auto read_ndjson_objects read_parquet read_text seq_scan
	show show_databases show_tables show_tables_expanded sniff_csv sql_auto_complete storage_info summary table_info
	test_all_types test_vector_types truncate_duckdb_logs user_agent verify_external verify_fetch_row verify_parallelism
	verify_serializer version which_secret`)

// reaching are scalar functions that see settings, the session or files, change state, or wait.
var reaching = set(`getenv current_setting getvariable nextval currval write_log setseed sleep_ms pg_sleep json_serialize_plan
	json_execute_serialized_sql current_query current_connection_id current_query_id current_transaction_id txid_current
	current_database current_databases current_schema current_schemas current_catalog in_search_path pg_get_viewdef
	pg_get_constraintdef pg_get_expr read_text read_blob inet_client_addr inet_client_port inet_server_addr inet_server_port
	parse_duckdb_log_message query query_table pg_my_temp_schema stats`)

// queryWords begin a query.
var queryWords = map[string]bool{"SELECT": true, "WITH": true, "FROM": true, "VALUES": true, "TABLE": true, "PIVOT": true, "UNPIVOT": true,
	"PIVOT_WIDER": true, "PIVOT_LONGER": true}

// clocks give the time at which they are asked.
var clocks = set(`now today ago age(x) current_date current_time current_timestamp current_localtime current_localtimestamp
	localtime localtimestamp get_current_time get_current_timestamp transaction_timestamp pg_conf_load_time pg_postmaster_start_time`)

// clockWords are clocks that need no brackets.
var clockWords = set("current_date current_time current_timestamp localtime localtimestamp")

// randoms give another value each time.
var randoms = set("random uuid gen_random_uuid uuidv4 uuidv7 reservoir_quantile")

// aggregates are DuckDB's aggregate functions that are no window functions only.
var aggregates = set(`any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last
	arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg bool_and bool_or corr
	count count_if count_star countif covar_pop covar_samp entropy favg first fsum geomean geometric_mean group_concat histogram
	histogram_exact json_group_array json_group_object json_group_structure kahan_sum kurtosis kurtosis_pop last list listagg mad max
	max_by mean median min min_by mode product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept
	regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile sem skewness stddev stddev_pop stddev_samp string_agg sum
	sum_no_overflow sumkahan var_pop var_samp variance wavg weighted_avg`)

// systemViews can be named without a schema.
var systemViews = set(`sqlite_master sqlite_schema sqlite_temp_master sqlite_temp_schema pragma_database_list duckdb_columns
	duckdb_constraints duckdb_databases duckdb_indexes duckdb_logs duckdb_schemas duckdb_tables duckdb_types duckdb_views
	pg_am pg_attrdef pg_attribute pg_class pg_collation pg_constraint pg_database pg_depend pg_description pg_enum pg_index
	pg_indexes pg_namespace pg_prepared_statements pg_proc pg_sequence pg_sequences pg_settings pg_tables pg_tablespace pg_type
	pg_views`)

// systemSchemas are catalogs and schemas of DuckDB itself.
var systemSchemas = set("information_schema pg_catalog system temp memory")

// fileEndings make DuckDB read a file where a table of that name is missing.
var fileEndings = []string{".csv", ".tsv", ".txt", ".parquet", ".parq", ".json", ".jsonl", ".ndjson", ".geojson", ".xlsx", ".avro",
	".gz", ".zst", ".db", ".duckdb", ".arrow", ".ipc"}

// forbiddenTable says why a table name cannot be an input; "" where it can.
func forbiddenTable(parts []string) (message, hint string) {
	name := strings.Join(parts, ".")
	last := strings.ToLower(parts[len(parts)-1])
	for _, p := range parts[:len(parts)-1] {
		fold := strings.ToLower(p)
		if systemSchemas[fold] || strings.HasPrefix(fold, "weir_session_") {
			return name + " is not allowed: user SQL reaches lake tables only", "weir tables lists what there is"
		}
	}
	if len(parts) == 1 && systemViews[last] {
		return name + " is not allowed: user SQL reaches lake tables only", "weir tables lists what there is"
	}
	if looksLikeFile(parts) {
		return "file " + name + " cannot be read here: user SQL reaches lake tables only", "make it a table: tables/raw/….yaml with from: and path:"
	}
	for _, p := range parts {
		if p == "" || strings.Contains(p, ".") {
			return name + " is one name with a dot in it", "write folder.table, without quotes around both"
		}
	}
	return "", ""
}

func looksLikeFile(parts []string) bool {
	for _, p := range parts {
		if strings.ContainsAny(p, `/\*?[`) || strings.Contains(p, "://") {
			return true
		}
		for _, end := range fileEndings {
			if strings.HasSuffix(strings.ToLower(p), end) {
				return true
			}
		}
	}
	return false
}

func tableFunctionHint(name string) string {
	switch {
	case strings.HasPrefix(name, "read_"), strings.HasSuffix(name, "_scan"), name == "glob", name == "sniff_csv":
		return "make the files a table: tables/raw/….yaml with from: and path:"
	case name == "query", name == "query_table":
		return "name the table in the SQL, so that Weir sees what it reads"
	case strings.HasPrefix(name, "duckdb_"), strings.HasPrefix(name, "pragma_"):
		return "weir tables and weir show tell about tables"
	}
	return "a table macro goes into macros/; functions that make rows: range, generate_series, unnest"
}
