//! Words of a statement that may name columns, attributed to tables.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use sqlparser::ast::{Query, TableFactor, Visit, Visitor};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::columns::Columns;
use crate::sql::Dialect;
use crate::sql::guard::grant::folded;

/// Names of SQLite's row id, which may be a column with another name.
pub(super) const ROW_ID: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// Other words that stand for columns with other names: all of them, and those that `NATURAL JOIN`
/// compares.
const STANDS_FOR_OTHERS: [&str; 2] = ["*", "natural"];

/// Number of columns up to which they are told apart. A statement with more may be made to fill the
/// host's memory.
const MAX_COLUMNS: usize = 256;

/// A token that may name a column.
#[derive(Debug)]
struct Word {
    /// Text in lower case; `*` for all columns.
    text: String,
    /// Word before the dot in front of this one, in lower case.
    qualifier: Option<String>,
    start: Location,
}

/// Words of a statement, and what its tables are called.
pub(super) struct Words {
    words: Vec<Word>,
    /// Tables by each name that stands for one, in lower case.
    tables: BTreeMap<String, BTreeSet<String>>,
    /// Names of other relations, such as subqueries, in lower case.
    others: BTreeSet<String>,
    /// Number of places in which each table is read.
    uses: BTreeMap<String, usize>,
    /// True if only some partitions of a table are read, which its columns decide without a name.
    reads_partitions: bool,
}

impl Words {
    /// Returns the words of the statement `tree`, which consists of `tokens` and uses the tables
    /// `named`.
    pub(super) fn new(
        tree: &impl Visit,
        tokens: &[TokenWithSpan],
        named: &BTreeSet<String>,
        dialect: Dialect,
    ) -> Self {
        let mut names = Names {
            named,
            dialect,
            tables: BTreeMap::new(),
            others: BTreeSet::new(),
            uses: BTreeMap::new(),
            reads_partitions: false,
        };
        let ControlFlow::Continue(()) = tree.visit(&mut names);
        Self {
            words: words(tokens),
            tables: names.tables,
            others: names.others,
            uses: names.uses,
            reads_partitions: names.reads_partitions,
        }
    }

    /// Returns the columns of `table` that the words may name, of those that stand outside of
    /// `except`.
    pub(super) fn columns(&self, table: &str, except: Option<&Range<Location>>) -> Columns {
        let mut columns = BTreeSet::new();
        if self.reads_partitions {
            return Columns::All;
        }
        for word in &self.words {
            let is_outside = except.is_none_or(|range| !range.contains(&word.start));
            if !is_outside || !self.may_be_of(table, word) {
                continue;
            }
            let name = word.text.as_str();
            if STANDS_FOR_OTHERS.contains(&name) || ROW_ID.contains(&name) {
                return Columns::All;
            }
            columns.insert(word.text.clone());
            if columns.len() > MAX_COLUMNS {
                return Columns::All;
            }
        }
        Columns::Named(columns)
    }

    /// Returns the only table that `qualifier` stands for; `None` if it may stand for others.
    pub(super) fn table(&self, qualifier: &str) -> Option<&str> {
        let qualifier = qualifier.to_ascii_lowercase();
        if self.others.contains(&qualifier) {
            return None;
        }
        let mut tables = self.tables.get(&qualifier)?.iter();
        tables
            .next()
            .filter(|_| tables.next().is_none())
            .map(String::as_str)
    }

    /// Returns whether the statement reads `table` in one place only.
    pub(super) fn is_used_once(&self, table: &str) -> bool {
        self.uses.get(table) == Some(&1)
    }

    /// Returns whether any word outside of `except` is among `names`, in lower case.
    pub(super) fn any_of(&self, names: &BTreeSet<String>, except: &Range<Location>) -> bool {
        let mut words = self.words.iter();
        words.any(|word| !except.contains(&word.start) && names.contains(&word.text))
    }

    fn may_be_of(&self, table: &str, word: &Word) -> bool {
        let Some(qualifier) = &word.qualifier else {
            return true;
        };
        if self.others.contains(qualifier) {
            return true;
        }
        let tables = self.tables.get(qualifier);
        tables.is_none_or(|tables| tables.contains(table))
    }
}

fn words(tokens: &[TokenWithSpan]) -> Vec<Word> {
    let tokens: Vec<_> = tokens
        .iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .collect();
    let mut words = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let before = |steps: usize| {
            let index = index.checked_sub(steps)?;
            tokens.get(index).map(|token| &token.token)
        };
        let text = match &token.token {
            Token::Mul => match is_wildcard(before(1), tokens.get(index + 1)) {
                true => "*".to_owned(),
                false => continue,
            },
            token => match word(token) {
                Some(text) => text,
                None => continue,
            },
        };
        let is_qualified = before(1) == Some(&Token::Period);
        words.push(Word {
            text,
            qualifier: before(2).filter(|_| is_qualified).and_then(word),
            start: token.span.start,
        });
    }
    words
}

/// Returns the text of a token that may be a name, in lower case. Databases take some strings for
/// names.
fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) => Some(word.value.to_ascii_lowercase()),
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => {
            Some(text.to_ascii_lowercase())
        }
        _ => None,
    }
}

/// Returns whether a `*` between two tokens stands for columns, as opposed to a product, which has
/// an operand behind it, and to the rows in `COUNT(*)`.
fn is_wildcard(before: Option<&Token>, after: Option<&&TokenWithSpan>) -> bool {
    let ends_item = match after.map(|after| &after.token) {
        None | Some(Token::EOF | Token::Comma | Token::RParen | Token::SemiColon) => true,
        Some(Token::Word(word)) => {
            word.quote_style.is_none() && word.value.eq_ignore_ascii_case("FROM")
        }
        Some(_) => false,
    };
    ends_item && before != Some(&Token::LParen)
}

/// Visitor that collects the names of relations.
struct Names<'n> {
    named: &'n BTreeSet<String>,
    dialect: Dialect,
    tables: BTreeMap<String, BTreeSet<String>>,
    others: BTreeSet<String>,
    uses: BTreeMap<String, usize>,
    reads_partitions: bool,
}

impl Visitor for Names<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let defined = query.with.iter().flat_map(|with| &with.cte_tables);
        let names = defined.map(|cte| cte.alias.name.value.to_ascii_lowercase());
        self.others.extend(names);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                partitions,
                ..
            } => {
                self.reads_partitions |= !partitions.is_empty();
                let own = name.0.last().and_then(|part| part.as_ident());
                let own = own.map(|ident| ident.value.as_str()).unwrap_or_default();
                let alias = alias.as_ref().map(|alias| alias.name.value.as_str());
                let called = alias.unwrap_or(own).to_ascii_lowercase();
                let table = folded(own, self.dialect).into_owned();
                if self.named.contains(&table) {
                    *self.uses.entry(table.clone()).or_default() += 1;
                    self.tables.entry(called).or_default().insert(table);
                } else {
                    self.others.insert(called);
                }
            }
            TableFactor::Derived { alias, .. } | TableFactor::NestedJoin { alias, .. } => {
                let alias = alias.as_ref();
                self.others
                    .extend(alias.map(|alias| alias.name.value.to_ascii_lowercase()));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
