//! What a database's schema says about following the changes of its tables.

use std::collections::HashMap;

use strum::IntoStaticStr;

use crate::sql::guard::Change;

/// Reason why a result cannot be kept until its data changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, thiserror::Error)]
#[strum(serialize_all = "kebab-case")]
pub enum Untracked {
    /// The statement reads a clock, calls a random function, or locks rows.
    #[error("the statement reads a clock or a random number, or locks rows")]
    Volatile,
    /// The statement runs inside a transaction.
    #[error("the statement runs inside a transaction")]
    InTransaction,
    /// A table is unknown, or a view.
    #[error("a table is a view, a virtual table, or unknown")]
    NoTable,
    /// A trigger may change rows of a table.
    #[error("a trigger may change rows of a table")]
    Trigger,
    /// A foreign key with an action may change rows of a table.
    #[error("a foreign key changes rows of a table with those of another")]
    Cascade,
    /// A constraint replaces rows.
    #[error("a constraint of a table replaces rows")]
    Replace,
    /// Too many different reads of a table are tracked.
    #[error("too many different statements read a table")]
    TooManyReads,
    /// The query may have been answered by a replica.
    #[error("a replica may answer, which learns of changes later")]
    Replica,
    /// Changes by other nodes cannot be followed.
    #[error("changes by other nodes cannot be followed")]
    NoChangeLog,
}

impl Untracked {
    /// Returns a short name of the reason.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What the schema says about tables, which are called as shapes call them.
#[derive(Debug, Default)]
pub(in crate::sql) struct SchemaFacts {
    /// Integer primary key of each table that has one, in lower case.
    pub(in crate::sql) keys: HashMap<String, String>,
    tables: HashMap<String, TableFacts>,
}

/// Returns whether `text` has the word `table`, in any case of letters.
pub(in crate::sql) fn mentions(text: &str, table: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut words = text.split(|letter| !is_part(letter));
    words.any(|word| word.eq_ignore_ascii_case(table))
}

/// What the schema says about one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sql) struct TableFacts {
    /// Integer primary key.
    pub(in crate::sql) key: Option<String>,
    /// Reason why changes of the table cannot be followed.
    pub(in crate::sql) untracked: Option<Untracked>,
    /// True if a change of a column may change others: generated columns, `ON UPDATE`.
    pub(in crate::sql) derives: bool,
}

impl SchemaFacts {
    /// Adds the facts of `table`, instead of those known.
    pub(in crate::sql) fn add(&mut self, table: String, facts: TableFacts) {
        match &facts.key {
            Some(key) => self.keys.insert(table.clone(), key.to_ascii_lowercase()),
            None => self.keys.remove(&table),
        };
        self.tables.insert(table, facts);
    }

    /// Returns these facts with `newer` ones.
    pub(super) fn with(&self, newer: &Self) -> Self {
        let mut all = Self::default();
        for (table, facts) in self.tables.iter().chain(&newer.tables) {
            all.add(table.clone(), facts.clone());
        }
        all
    }

    /// Returns the names of the tables that have facts.
    pub(in crate::sql) fn tables(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    /// Checks that changes of `table` can be followed.
    pub(in crate::sql) fn check(&self, table: &str) -> Result<(), Untracked> {
        let facts = self.tables.get(table).ok_or(Untracked::NoTable)?;
        facts.untracked.map_or(Ok(()), Err)
    }

    /// Returns the change as the schema makes it: with the columns that change along. Of an unknown
    /// table, those may be any.
    pub(in crate::sql) fn complete(&self, change: Change) -> Change {
        let facts = self.tables.get(&change.table);
        match facts.is_none_or(|facts| facts.derives) {
            true => change.of_any_column(),
            false => change,
        }
    }
}
