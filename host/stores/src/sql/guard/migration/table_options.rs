//! Table options that migrations may set.

/// Returns whether a table option of MySQL may have this value. Engines that
/// keep rows elsewhere or in files are not allowed, nor are options that name a
/// location.
pub(super) fn is_known_option(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    match name.strip_prefix("DEFAULT ").unwrap_or(&name) {
        "ENGINE" => value.eq_ignore_ascii_case("InnoDB"),
        "CHARSET" | "CHARACTER SET" | "COLLATE" | "ROW_FORMAT" | "AUTO_INCREMENT" => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !value.is_empty() && value.chars().all(plain)
        }
        _ => false,
    }
}
