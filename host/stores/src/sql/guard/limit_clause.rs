//! Rewrites statements whose LIMIT is a parameter, so that SQLite prepares them
//! only once.
//!
//! SQLite plans by the value of such a parameter (`sqlite3ExprIsInteger`), and
//! therefore plans again whenever one is bound: at every execution, which for a
//! page of a list takes as long as finding its rows. The values in an
//! expression are not considered, and `+?` is an expression that changes
//! nothing.

/// Returns `text` with `+?` for each parameter of a LIMIT or OFFSET. A text
/// with quotes is returned unchanged, since a word in it may be no keyword.
#[must_use]
pub fn planned_once(text: &str) -> String {
    let mut planned = String::with_capacity(text.len() + 2);
    let quoted = text.contains(['\'', '"', '`', '[']);
    let mut bounds = false;
    for word in text.split_inclusive(char::is_whitespace) {
        if bounds && !quoted && word.starts_with('?') {
            planned.push('+');
        }
        planned.push_str(word);
        let keyword = word.trim_end();
        if !keyword.is_empty() {
            bounds =
                keyword.eq_ignore_ascii_case("LIMIT") || keyword.eq_ignore_ascii_case("OFFSET");
        }
    }
    planned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_limit_become_expressions() {
        for (text, expected) in [
            (
                "SELECT a FROM t WHERE b = ? LIMIT ? OFFSET ?",
                "SELECT a FROM t WHERE b = ? LIMIT +? OFFSET +?",
            ),
            (
                "SELECT a FROM (SELECT a FROM t limit\n ?) x",
                "SELECT a FROM (SELECT a FROM t limit\n +?) x",
            ),
        ] {
            assert_eq!(planned_once(text), expected);
        }
    }

    #[test]
    fn all_else_stays() {
        for text in [
            "SELECT a FROM t LIMIT 20",
            "SELECT a, 'LIMIT ?' FROM t LIMIT ?",
            "SELECT a FROM t WHERE limits = ?",
            "",
        ] {
            assert_eq!(planned_once(text), text);
        }
    }
}
