//! Allowlist of the functions that a plugin's statements may call: those that
//! compute from their arguments, and the clock. Functions that reach files,
//! locks, other sessions, sequences or the server's own state are not allowed,
//! nor are stored functions.

/// Names of allowed functions of SQLite and MySQL in lower case, grouped by
/// subject. A database refuses those that it does not know.
#[rustfmt::skip]
const ALLOWED: &[&[&str]] = &[
    // Aggregates.
    &[
        "any_value", "avg", "bit_and", "bit_or", "bit_xor", "count", "group_concat",
        "json_arrayagg", "json_group_array", "json_group_object", "json_objectagg", "max", "min",
        "std", "stddev", "stddev_pop", "stddev_samp", "string_agg", "sum", "total", "var_pop",
        "var_samp", "variance",
    ],
    // Windows.
    &[
        "cume_dist", "dense_rank", "first_value", "lag", "last_value", "lead", "nth_value",
        "ntile", "percent_rank", "rank", "row_number",
    ],
    // Strings and bytes.
    &[
        "ascii", "bin", "bit_count", "bit_length", "char", "char_length", "character_length",
        "concat", "concat_ws", "conv", "elt", "field", "find_in_set", "format", "from_base64",
        "glob", "hex", "insert", "instr", "lcase", "left", "length", "like", "locate", "lower",
        "lpad", "ltrim", "match", "mid", "oct", "octet_length", "ord", "position", "printf",
        "quote", "regexp", "repeat", "replace", "reverse", "right", "rpad", "rtrim", "soundex",
        "space", "strcmp", "substr", "substring", "substring_index", "to_base64", "trim", "ucase",
        "unhex", "unicode", "upper", "zeroblob",
    ],
    // Numbers and hashes.
    &[
        "abs", "acos", "asin", "atan", "atan2", "ceil", "ceiling", "cos", "cot", "crc32",
        "degrees", "exp", "floor", "greatest", "inet_aton", "inet_ntoa", "least", "ln", "log",
        "log10", "log2", "md5", "mod", "pi", "pow", "power", "radians", "rand", "random",
        "randomblob", "round", "sha", "sha1", "sha2", "sign", "sin", "sqrt", "tan", "trunc",
        "truncate", "uuid",
    ],
    // Choices and types.
    &[
        "coalesce", "if", "ifnull", "iif", "isnull", "likelihood", "likely", "nullif", "typeof",
        "unlikely",
    ],
    // Dates and times.
    &[
        "adddate", "addtime", "curdate", "current_date", "current_time", "current_timestamp",
        "curtime", "date", "date_add", "date_format", "date_sub", "datediff", "datetime", "day",
        "dayname", "dayofmonth", "dayofweek", "dayofyear", "extract", "from_days",
        "from_unixtime", "hour", "julianday", "last_day", "localtime", "localtimestamp",
        "makedate", "maketime", "microsecond", "minute", "month", "monthname", "now", "quarter",
        "sec_to_time", "second", "str_to_date", "strftime", "subdate", "subtime", "time",
        "time_format", "time_to_sec", "timediff", "timestamp", "timestampadd", "timestampdiff",
        "to_days", "unix_timestamp", "unixepoch", "utc_date", "utc_time", "utc_timestamp", "week",
        "weekday", "weekofyear", "year", "yearweek",
    ],
    // JSON; SQLite calls its operators functions.
    &[
        "->", "->>", "json", "json_array", "json_array_append", "json_array_insert",
        "json_array_length", "json_contains", "json_contains_path", "json_depth", "json_extract",
        "json_insert", "json_keys", "json_length", "json_merge_patch", "json_merge_preserve",
        "json_object", "json_overlaps", "json_quote", "json_remove", "json_replace",
        "json_search", "json_set", "json_type", "json_unquote", "json_valid", "json_value",
    ],
    // Effects of the connection's last change, and the value in an INSERT.
    &[
        "changes", "default", "last_insert_id", "last_insert_rowid", "row_count", "values",
    ],
];

/// SQLite's table-valued functions, which access no table.
pub(in super::super) const TABLE_VALUED: [&str; 2] = ["json_each", "json_tree"];

/// Names that a server takes for a call without parentheses of a function that
/// is not allowed. The parser reads a column there.
const BARE: [&str; 6] = [
    "current_role",
    "current_user",
    "rownum",
    "session_user",
    "sysdate",
    "system_user",
];

/// Returns whether the name alone, in any ASCII case, calls a function that is
/// not allowed.
pub(super) fn is_bare(name: &str) -> bool {
    BARE.iter().any(|bare| name.eq_ignore_ascii_case(bare))
}

/// Functions that MySQL and MariaDB lack, so that a stored function there may
/// have the name.
#[rustfmt::skip]
const SQLITE_ALONE: &[&str] = &[
    "->", "->>", "changes", "datetime", "glob", "iif", "json", "json_group_array",
    "json_group_object", "julianday", "last_insert_rowid", "likelihood", "likely", "printf",
    "random", "randomblob", "strftime", "string_agg", "total", "trunc", "typeof", "unicode",
    "unixepoch", "unlikely", "zeroblob",
];

/// MySQL's built-in functions that are recognized only if the parenthesis
/// follows immediately. After a blank, the name refers to a stored function.
/// See <https://dev.mysql.com/doc/refman/8.4/en/function-resolution.html>.
#[rustfmt::skip]
const NEVER_APART: &[&str] = &[
    "adddate", "bit_and", "bit_or", "bit_xor", "cast", "count", "curdate", "curtime", "date_add",
    "date_sub", "extract", "group_concat", "max", "mid", "min", "now", "position", "std", "stddev",
    "stddev_pop", "stddev_samp", "subdate", "substr", "substring", "sum", "trim", "var_pop",
    "var_samp", "variance",
];

/// Returns whether MySQL takes an allowed name for a built-in function and not
/// for a stored one. `is_apart` says that a blank stands before the
/// parenthesis.
pub(super) fn is_mysqls(name: &str, is_apart: bool) -> bool {
    let name = name.to_ascii_lowercase();
    let is_in = |names: &[&str]| names.contains(&name.as_str());
    let is_stored = is_in(SQLITE_ALONE) || is_apart && is_in(NEVER_APART);
    !is_stored
}

/// Returns whether statements may call the function of this name, in any ASCII
/// case.
#[must_use]
pub fn is_allowed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ALLOWED.iter().any(|names| names.contains(&name.as_str()))
}

/// Returns whether the function of this name, in lower case, may make one value of several rows.
pub(super) fn is_aggregate(name: &str) -> bool {
    // The first two groups: aggregates and window functions.
    ALLOWED.iter().take(2).any(|names| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_computes_is_allowed_and_nothing_else() {
        for name in [
            "count",
            "COUNT",
            "Coalesce",
            "json_extract",
            "now",
            "values",
        ] {
            assert!(is_allowed(name), "{name}");
        }
        for name in [
            "sleep",
            "benchmark",
            "get_lock",
            "nextval",
            "lastval",
            "setval",
            "master_gtid_wait",
            "wait_for_executed_gtid_set",
            "source_pos_wait",
            "load_file",
            "load_extension",
            "readfile",
            "writefile",
            "edit",
            "fts3_tokenizer",
            "sys_exec",
            "user",
            "database",
            "version",
            "connection_id",
            "extractvalue",
            "compress",
            "uncompress",
            "sqlite_version",
            "sqlite_compileoption_used",
            "ps_thread_id",
            "is_free_lock",
            "my_definer_function",
            "",
        ] {
            assert!(!is_allowed(name), "{name}");
        }
    }
}
