//! Text of migrations, for an operator to read before they run.

use std::fmt::Write;

use crate::admin::api::MigrationText;

/// Returns the whole text of each migration. Control characters and invisible
/// characters are shown as escapes.
pub(in crate::cli) fn shown(migrations: &[MigrationText]) -> String {
    let mut text = String::new();
    for migration in migrations {
        let _ = writeln!(text, "\nmigrations/{}", escaped(&migration.file));
        for line in migration.sql.lines() {
            let _ = writeln!(text, "  {}", escaped(line));
        }
    }
    text
}

pub(in crate::cli) fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\t' => text.push(c),
            c if c.is_control() || is_invisible(c) => text.extend(c.escape_unicode()),
            c => text.push(c),
        }
    }
    text
}

/// Returns whether a character has no width or changes the direction of text.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_hidden() {
        let sql = "CREATE TABLE t (a INT);\n-- \u{1b}[2K\u{202e}x\u{feff}\r;\n\tDROP TABLE u;";
        let text = shown(&[MigrationText {
            file: "mysql/0001_t.sql".to_owned(),
            sql: sql.to_owned(),
        }]);
        let expected = "\nmigrations/mysql/0001_t.sql\n  CREATE TABLE t (a INT);\n  \
            -- \\u{1b}[2K\\u{202e}x\\u{feff}\\u{d};\n  \tDROP TABLE u;\n";
        assert_eq!(text, expected);
    }
}
