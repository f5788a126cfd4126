//! What a comparison of migrations with the tables that are there finds, for
//! people and for scripts.

use std::fmt;

use serde::Serialize;

/// Bytes that a server is assumed to rewrite in a second when it changes a
/// table: a small server's, so that the estimate is seldom too short.
pub const ASSUMED_BYTES_PER_SECOND: u64 = 20 << 20;

/// What one thing in a table is to the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// In the way: nothing runs until it is mended.
    Obstacle,
    /// The table is changed, and loses nothing.
    Converts,
    /// Added to the table.
    Adds,
    /// Used as it is, under a name that the plugin takes for its own.
    Reuses,
    /// Worth knowing.
    Note,
    /// As it should be.
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

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is to the migrations.
    pub kind: FindingKind,
    /// The table.
    pub table: String,
    /// The column, key or constraint; empty for the table as a whole.
    pub subject: String,
    /// What is so.
    pub text: String,
    /// The statements that mend an obstacle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remedy: Vec<String>,
    /// The values of a reused column, and how many of the rows that were
    /// sampled have each.
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

    /// Returns the table, and the column or key in it.
    #[must_use]
    pub fn place(&self) -> String {
        match self.subject.as_str() {
            "" => self.table.clone(),
            subject => format!("{}.{subject}", self.table),
        }
    }
}

/// A table that is there before the migrations run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Its name.
    pub table: String,
    /// The storage engine.
    pub engine: String,
    /// The collation of its texts.
    pub collation: String,
    /// About how many rows it has.
    pub rows: u64,
    /// Bytes of its rows and keys.
    pub bytes: u64,
    /// About how long its conversion takes, in seconds; `None` where the rows
    /// stay as they are.
    pub conversion_seconds: Option<u64>,
}

/// What a plugin's migrations do to the tables that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AdoptionReport {
    /// Whether the plugin's migrations have never run in this database.
    pub is_new: bool,
    /// How many statements are pending.
    pub statements: usize,
    /// The tables of the plugin's grant that are there.
    pub tables: Vec<TableReport>,
    /// The tables that are made.
    pub made: Vec<String>,
    /// What was found, obstacles first.
    pub findings: Vec<Finding>,
}

impl AdoptionReport {
    /// Returns what is in the way.
    pub fn obstacles(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.kind == FindingKind::Obstacle)
    }
}

/// Obstacles that an error names before it counts the rest.
const NAMED: usize = 8;

/// What is in the way of migrations. Nothing was changed.
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
