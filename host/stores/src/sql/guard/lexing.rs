//! Splits a statement into tokens, and refuses every text that the parser and a
//! database could split differently, because a table could be hidden from the
//! grant there.
//!
//! Values are parameters, so ordinary statements need nothing that is refused.

use sqlparser::dialect::Dialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, TokenizerError, Whitespace, Word};

/// Reason that a text has no tokens.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LexError {
    /// Databases may differ in how they split the text.
    #[error("{0}")]
    Ambiguous(String),
    /// The text is no SQL.
    #[error("{0}")]
    Invalid(#[from] TokenizerError),
}

/// Returns the tokens of a text without comments.
///
/// # Errors
/// [`LexError::Ambiguous`] for comments and for anything that [`unambiguous`]
/// refuses, [`LexError::Invalid`] for a text that is no SQL.
pub(super) fn statement_tokens(
    dialect: &dyn Dialect,
    text: &str,
) -> Result<Vec<TokenWithSpan>, LexError> {
    // Databases disagree on where a comment begins (`--1`, `#`), which blanks
    // may follow `--`, and where it ends (`/* /* */`); MySQL runs the text
    // within `/*! */`.
    if ["--", "#", "/*"].iter().any(|mark| text.contains(mark)) {
        return Err(ambiguous("comments are not allowed"));
    }
    unambiguous(dialect, text)
}

/// Returns the tokens of a text that every database splits as the parser does.
///
/// # Errors
/// [`LexError::Ambiguous`] where databases differ, [`LexError::Invalid`] for a
/// text that is no SQL.
pub(super) fn unambiguous(
    dialect: &dyn Dialect,
    text: &str,
) -> Result<Vec<TokenWithSpan>, LexError> {
    // A backslash escapes in MySQL's strings and not in SQLite's.
    if text.contains('\\') {
        return Err(ambiguous("a backslash is not allowed"));
    }
    if text.chars().any(is_control) {
        return Err(ambiguous("control characters are not allowed"));
    }
    if has_number_in_word(text.as_bytes()) {
        return Err(ambiguous("a number runs into a word"));
    }
    let tokens = Tokenizer::new(dialect, text).tokenize_with_location()?;
    if has_from_as_name(&tokens) {
        return Err(ambiguous("FROM is no name"));
    }
    match tokens.iter().find_map(|token| problem(&token.token)) {
        Some(problem) => Err(LexError::Ambiguous(problem)),
        None => Ok(tokens),
    }
}

/// Words after which the parser takes any word for a name. SQLite takes some of
/// them for names themselves: `SUM(a) OVER FROM t` reads the table `t`.
const BEFORE_NAMES: [&str; 9] = [
    "AS",
    "BY",
    "COLLATE",
    "CONSTRAINT",
    "OF",
    "OVER",
    "PARTITION",
    "USING",
    "WINDOW",
];

/// Returns whether the word FROM stands where the parser reads a name.
fn has_from_as_name(tokens: &[TokenWithSpan]) -> bool {
    let mut after_name = false;
    for TokenWithSpan { token, .. } in tokens {
        match token {
            Token::Whitespace(_) => {}
            Token::Word(word) if word.quote_style.is_none() => {
                if after_name && word.value.eq_ignore_ascii_case("FROM") {
                    return true;
                }
                let is_before = |before: &&str| word.value.eq_ignore_ascii_case(before);
                after_name = BEFORE_NAMES.iter().any(is_before);
            }
            token => after_name = *token == Token::Period,
        }
    }
    false
}

fn ambiguous(problem: &str) -> LexError {
    LexError::Ambiguous(problem.to_owned())
}

/// Returns whether `c` is a control character that is refused. SQLite ends a
/// text at NUL, and databases differ in which of the others are blanks.
fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

/// Returns the problem with a token, if any. A token passes if all databases
/// know it and it is spelled in ASCII outside of strings.
fn problem(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) => word_problem(word),
        Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::HexStringLiteral(_)
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::LParen
        | Token::RParen
        | Token::DoubleEq
        | Token::Eq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq
        | Token::Spaceship
        | Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::Ampersand
        | Token::Pipe
        | Token::Caret
        | Token::Tilde
        | Token::ShiftLeft
        | Token::ShiftRight
        | Token::Arrow
        | Token::LongArrow
        | Token::EOF => None,
        Token::Placeholder(name) => {
            (name != "?").then(|| format!("a parameter is written `?`, not `{name}`"))
        }
        Token::DoubleQuotedString(_) => Some(
            "a string in double quotes is not allowed: values are parameters, or in single quotes"
                .into(),
        ),
        Token::Whitespace(_) => Some("comments are not allowed".into()),
        other => Some(format!("`{other}` is not allowed")),
    }
}

/// Returns the problem with a word, if any. Databases fold names beyond ASCII
/// differently, take blanks beyond ASCII for letters or for blanks, and read
/// `$` and `@` as a variable or a letter.
fn word_problem(word: &Word) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_plain = !word.value.is_empty() && word.value.chars().all(plain);
    (!is_plain)
        .then(|| format!("the name `{word}` holds more than ASCII letters, digits and underscores"))
}

/// Returns whether a number that ends with a point is immediately followed by a
/// word: `1.FROM` is two tokens to MySQL, and a name to other databases.
fn has_number_in_word(text: &[u8]) -> bool {
    let part_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let words = text.split(|&byte| !(part_of_name(byte) || byte == b'.'));
    words.filter(|word| !word.is_empty()).any(|word| {
        let mut parts = word.split(|&byte| byte == b'.');
        let first = parts.next().unwrap_or_default();
        let second = parts.next().and_then(<[u8]>::first);
        let number = !first.is_empty() && first.iter().all(u8::is_ascii_digit);
        number && second.is_some_and(|byte| !byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::{MySqlDialect, SQLiteDialect};

    use super::*;

    fn both(text: &str) -> [Result<Vec<TokenWithSpan>, LexError>; 2] {
        [
            statement_tokens(&SQLiteDialect {}, text),
            statement_tokens(&MySqlDialect {}, text),
        ]
    }

    #[test]
    fn ordinary_statements_have_tokens() {
        for text in [
            "SELECT t1.name, 2.5, .5, 1., 1e3 FROM t1 WHERE a - -1 > ?",
            "SELECT c2.x1 FROM a.c2",
            "UPDATE t SET a = a/2, b = 'x', c = 'ü\u{feff}'",
            "SELECT\r\n\t`order`, x'00ff' FROM t WHERE a <=> 1 AND b || 'c' = ?;",
        ] {
            for tokens in both(text) {
                assert!(tokens.is_ok(), "{text}: {tokens:?}");
            }
        }
    }

    #[test]
    fn what_readers_differ_in_is_refused() {
        for text in [
            "SELECT 1 --\u{a0} FROM t",
            "SELECT 1 # FROM t",
            "SELECT 1 /*! FROM t */",
            "SELECT 1.FROM t",
            "SELECT SUM(a) OVER FROM t",
            "SELECT SUM(a) over\nfrom t",
            "SELECT a WINDOW FROM AS (ORDER BY a)",
            "SELECT a . FROM t",
            "SELECT version,1.FROM t",
            "SELECT 1._x",
            "SELECT 1\u{feff}FROM t",
            "SELECT\u{feff}1 FROM t",
            "SELECT 1\u{a0}FROM t",
            "SELECT\u{3000}1",
            "SELECT * FROM stoc\u{212a}",
            "SELECT * FROM `stoc\u{212a}`",
            "SELECT * FROM `a``b`",
            "SELECT * FROM `a.b`",
            "SELECT * FROM ``",
            "SELECT 1\0 FROM t",
            "SELECT 'a\0b' FROM t",
            "SELECT 1\u{b}FROM t",
            "SELECT 1\u{c}FROM t",
            "SELECT 'a\\' FROM t",
            "SELECT @a",
            "SELECT @@version",
            "SELECT $a",
            "SELECT a$b FROM t",
        ] {
            for tokens in both(text) {
                let refused = matches!(tokens, Err(LexError::Ambiguous(_) | LexError::Invalid(_)));
                assert!(refused, "{text:?}: {tokens:?}");
            }
        }
        let quoted = statement_tokens(&MySqlDialect {}, "SELECT \"a\" FROM t");
        assert!(
            matches!(quoted, Err(LexError::Ambiguous(_))),
            "MySQL's mode says whether it is a name: {quoted:?}"
        );
    }
}
