//! Splits the text of a migration into statements without comments.
//!
//! Comments are removed if every database takes them for comments; marks that
//! only some databases know, or that a server runs, are refused.

use std::iter::Peekable;
use std::str::Chars;

/// Returns the statements of a script, each without comments and without the
/// final `;`.
///
/// # Errors
/// Names the mark that databases read differently, or the quote that is not
/// closed.
pub(super) fn statements(script: &str) -> Result<Vec<String>, &'static str> {
    let mut splitter = Splitter {
        rest: script.chars().peekable(),
        statements: Vec::new(),
        current: String::new(),
    };
    splitter.run()?;
    let statements = splitter.statements.into_iter();
    Ok(statements
        .map(|statement| statement.trim().to_owned())
        .filter(|statement| !statement.is_empty())
        .collect())
}

struct Splitter<'a> {
    rest: Peekable<Chars<'a>>,
    statements: Vec<String>,
    current: String,
}

impl Splitter<'_> {
    fn run(&mut self) -> Result<(), &'static str> {
        while let Some(c) = self.rest.next() {
            match c {
                '\'' | '"' | '`' => self.quoted(c)?,
                '#' => return Err("a comment begins with `-- `, not with `#`"),
                '-' if self.rest.peek() == Some(&'-') => self.line_comment()?,
                '/' if self.rest.peek() == Some(&'*') => self.block_comment()?,
                ';' => self.statements.push(std::mem::take(&mut self.current)),
                c => self.current.push(c),
            }
        }
        self.statements.push(std::mem::take(&mut self.current));
        Ok(())
    }

    /// Copies a quoted text. A doubled quote within it reads as two adjacent
    /// texts.
    fn quoted(&mut self, quote: char) -> Result<(), &'static str> {
        self.current.push(quote);
        for c in self.rest.by_ref() {
            self.current.push(c);
            if c == quote {
                return Ok(());
            }
        }
        Err("a quote is not closed")
    }

    /// Skips a comment that begins with `--`, which MySQL takes for one only
    /// before a blank.
    fn line_comment(&mut self) -> Result<(), &'static str> {
        self.rest.next();
        if !matches!(self.rest.peek(), None | Some(' ' | '\t' | '\n')) {
            return Err("a comment begins with `-- `: two hyphens and a blank");
        }
        while let Some(c) = self.rest.next() {
            match c {
                '\n' => break,
                '\r' if self.rest.peek() != Some(&'\n') => {
                    return Err("a line ends with a line feed");
                }
                _ => {}
            }
        }
        self.current.push('\n');
        Ok(())
    }

    fn block_comment(&mut self) -> Result<(), &'static str> {
        self.rest.next();
        if matches!(self.rest.peek(), Some('!' | '+' | 'M')) {
            return Err("a comment that the server runs (`/*!`, `/*M!`, `/*+`) is not allowed");
        }
        let mut before = ' ';
        for c in self.rest.by_ref() {
            match (before, c) {
                ('*', '/') => {
                    self.current.push(' ');
                    return Ok(());
                }
                ('/', '*') => return Err("a comment within a comment is not allowed"),
                _ => before = c,
            }
        }
        Err("a comment is not closed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_come_without_comments() {
        let script = "-- First; the table.\nCREATE TABLE t (a INT -- a's column\n, b TEXT);\r\n\
            /* Then; a row: */ INSERT INTO t VALUES (1, 'x; -- # /* ''');\n;\n-- no more";
        let expected = [
            "CREATE TABLE t (a INT \n, b TEXT)",
            "INSERT INTO t VALUES (1, 'x; -- # /* ''')",
        ];
        assert_eq!(statements(script), Ok(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn marks_that_databases_read_differently_are_refused() {
        for script in [
            "SELECT 1 # x",
            "SELECT 1--1",
            "SELECT 1 --\u{a0}x",
            "SELECT 1 -- x\rDROP TABLE t",
            "/*! DROP TABLE t */",
            "/*M! DROP TABLE t */",
            "SELECT /*+ x */ 1",
            "/* /* */ DROP TABLE t */",
            "/* open",
            "SELECT 'open",
            "SELECT `open",
        ] {
            assert!(statements(script).is_err(), "{script:?}");
        }
    }
}
