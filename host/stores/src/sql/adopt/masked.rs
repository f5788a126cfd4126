//! Masks the quoted parts of statements that the host composed, since the names
//! and texts of an existing table may contain characters that no migration may.

use std::iter::Peekable;
use std::str::Chars;

/// Returns the statement with other texts in its quotes, and with an underscore
/// for each character of a quoted name that no migration may use, so that its
/// effect on tables can still be checked. A quote that is not closed stays
/// open, and the text after a double quote stays unchanged.
pub(super) fn masked(statement: &str) -> String {
    let mut masked = String::with_capacity(statement.len());
    let mut rest = statement.chars().peekable();
    while let Some(c) = rest.next() {
        masked.push(c);
        match c {
            '\'' if skip_text(&mut rest) => masked.push_str("x'"),
            '`' => mask_name(&mut rest, &mut masked),
            '"' => masked.extend(rest.by_ref()),
            _ => {}
        }
    }
    masked
}

/// Skips to the end of a text as the server reads it, and returns whether it is
/// closed.
fn skip_text(rest: &mut Peekable<Chars<'_>>) -> bool {
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                rest.next();
            }
            '\'' if rest.next_if_eq(&'\'').is_none() => return true,
            _ => {}
        }
    }
    false
}

fn mask_name(rest: &mut Peekable<Chars<'_>>, masked: &mut String) {
    while let Some(c) = rest.next() {
        match c {
            '`' if rest.next_if_eq(&'`').is_none() => {
                masked.push('`');
                return;
            }
            c if c.is_ascii_alphanumeric() => masked.push(c),
            _ => masked.push('_'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_of_a_table_is_masked() {
        for (statement, expected) in [
            (
                r"ALTER TABLE `t` MODIFY COLUMN `größe` TEXT DEFAULT 'App\\User' COMMENT 'it''s \''",
                "ALTER TABLE `t` MODIFY COLUMN `gr__e` TEXT DEFAULT 'x' COMMENT 'x'",
            ),
            ("ENUM('a','b\\\\')", "ENUM('x','x')"),
            ("`a``b` ''", "`a_b` 'x'"),
            ("A 'b", "A '"),
            (r"A '\', B", "A '"),
            (r#"A "b\" 'c'"#, r#"A "b\" 'c'"#),
        ] {
            assert_eq!(masked(statement), expected, "{statement}");
        }
    }
}
