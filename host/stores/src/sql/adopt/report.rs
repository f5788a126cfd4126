//! Report of comparing migrations with the existing tables, for display and as
//! JSON.

use std::fmt;

use serde::Serialize;

/// Bytes that a server is assumed to rewrite in a second when it changes a
/// table: a small server's speed, so that the estimate is seldom too short.
pub const ASSUMED_BYTES_PER_SECOND: u64 = 20 << 20;

/// Significance of a finding for the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Prevents the migrations from running until it is corrected.
    Obstacle,
    /// The table is changed without loss.
    Converts,
    /// A part is added to the table.
    Adds,
    /// An existing column is used as it is, under a name that the plugin takes
    /// for its own.
    Reuses,
    /// Information that requires no action.
    Note,
    /// The existing column suits as it is.
    Fits,
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Obstacle => "IN THE WAY",
            Self::Converts => "converted",
            Self::Adds => "added",
            Self::Reuses => "reused",
            Self::Note => "note",
            Self::Fits => "fits",
        })
    }
}

/// One finding about a table, column, key or constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Significance for the migrations.
    pub kind: FindingKind,
    /// Name of the table.
    pub table: String,
    /// Name of the column, key or constraint; empty for the table as a whole.
    pub subject: String,
    /// Description of the finding.
    pub text: String,
    /// Statements that correct an obstacle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remedy: Vec<String>,
    /// Values of a reused column, with the number of sampled rows of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(String, u64)>,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, table: &str, subject: &str, text: String) -> Self {
        Self {
            kind,
            table: table.to_owned(),
            subject: subject.to_owned(),
            text,
            remedy: Vec::new(),
            values: Vec::new(),
        }
    }

    pub(super) fn obstacle(table: &str, subject: &str, text: String, remedy: Vec<String>) -> Self {
        Self {
            remedy,
            ..Self::new(FindingKind::Obstacle, table, subject, text)
        }
    }

    /// Returns the table, or the column or key as `table.subject`.
    #[must_use]
    pub fn place(&self) -> String {
        match self.subject.as_str() {
            "" => self.table.clone(),
            subject => format!("{}.{subject}", self.table),
        }
    }
}

/// A table that existed before the migrations run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Name of the table.
    pub table: String,
    /// Storage engine of the table.
    pub engine: String,
    /// Default collation of the table.
    pub collation: String,
    /// Approximate number of rows.
    pub rows: u64,
    /// Size of the rows and keys, in bytes.
    pub bytes: u64,
    /// Approximate time of the conversion, in seconds; `None` if the rows are
    /// not rewritten.
    pub conversion_seconds: Option<u64>,
}

/// Effects of a plugin's migrations on the existing tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AdoptionReport {
    /// True if the plugin's migrations have never run in this database.
    pub is_new: bool,
    /// Number of pending statements.
    pub statements: usize,
    /// Existing tables of the plugin's grant.
    pub tables: Vec<TableReport>,
    /// Names of the tables that the migrations create.
    pub made: Vec<String>,
    /// Findings, obstacles first.
    pub findings: Vec<Finding>,
}

impl AdoptionReport {
    /// Returns the findings that prevent the migrations from running.
    pub fn obstacles(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.kind == FindingKind::Obstacle)
    }
}

/// Number of obstacles that an error message names before it counts the rest.
const NAMED: usize = 8;

/// Obstacles that prevent migrations from running. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Obstacles(pub Vec<Finding>);

impl fmt::Display for Obstacles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tables that are there are in the way, and nothing was changed: ")?;
        for (index, finding) in self.0.iter().take(NAMED).enumerate() {
            let comma = if index == 0 { "" } else { "; " };
            write!(f, "{comma}{}: {}", finding.place(), finding.text)?;
            if !finding.remedy.is_empty() {
                write!(f, " (`{}`)", finding.remedy.join("; "))?;
            }
        }
        match self.0.len().saturating_sub(NAMED) {
            0 => {}
            more => write!(f, "; and {more} more")?,
        }
        f.write_str(". `edge adopt --check` shows all that was found")
    }
}
