//! Bounds the depth of a statement's syntax tree before it is parsed.
//!
//! The parser bounds its own recursion, but reads a chain of operators
//! (`1 + 1 + 1 ...`) in a loop, and the tree of a chain is as deep as the chain is
//! long. Walking or dropping that tree recurses, and would overflow the stack,
//! which ends the process.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Largest depth of a statement's syntax tree. SQLite takes expressions of a
/// depth of 1,000, and 500 SELECTs in a UNION
/// (<https://sqlite.org/limits.html>).
const MAX_DEPTH: usize = 1500;

/// Returns whether the syntax tree of these tokens could be too deep.
pub(super) fn is_too_deep(tokens: &[TokenWithSpan]) -> bool {
    let mut open: Vec<Level> = Vec::new();
    let mut level = Level::default();
    for TokenWithSpan { token, .. } in tokens {
        match token {
            Token::LParen => open.push(std::mem::take(&mut level)),
            Token::RParen => {
                let inner = level.depth().saturating_add(1);
                level = open.pop().unwrap_or_default();
                level.inner = level.inner.max(inner);
            }
            Token::Comma => level.next(),
            token if deepens(token) => level.links += 1,
            _ => {}
        }
        if level.depth() > MAX_DEPTH || open.len() > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// Upper bound on the depth of the tokens between two parentheses.
#[derive(Default)]
struct Level {
    /// Operators and keywords since the last comma.
    links: usize,
    /// Depth of the deepest nested parentheses since the last comma.
    inner: usize,
    /// Depth of the deepest part before the last comma.
    before: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.before.max(self.links.saturating_add(self.inner))
    }

    fn next(&mut self) {
        *self = Self {
            before: self.depth(),
            ..Self::default()
        };
    }
}

/// Returns whether a token may put what precedes or follows it one level
/// deeper.
fn deepens(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::Whitespace(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::HexStringLiteral(_)
        | Token::Placeholder(_)
        | Token::Period
        | Token::EOF => false,
        _ => true,
    }
}
