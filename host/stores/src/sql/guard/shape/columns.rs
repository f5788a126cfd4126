//! Sets of a table's columns.

use std::collections::BTreeSet;

/// Columns of one table, by their names in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Columns {
    /// Every column, those included that the table gets later.
    All,
    /// The columns of these names. Names that are no columns do no harm.
    Named(BTreeSet<String>),
}

impl Columns {
    /// Returns whether any column is in both sets.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(own), Self::Named(others)) => !own.is_disjoint(others),
            // A table has at least one column, whatever is known of the other set.
            (Self::All, Self::Named(named)) | (Self::Named(named), Self::All) => !named.is_empty(),
            (Self::All, Self::All) => true,
        }
    }

    /// Returns whether the column `name`, in lower case, is in the set.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(name),
        }
    }
}

impl<S: Into<String>> FromIterator<S> for Columns {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self::Named(names.into_iter().map(Into::into).collect())
    }
}
