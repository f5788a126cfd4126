//! Types that SQL calls of plugins and of the host exchange with a database:
//! values, rows, limits, outcomes and errors.

/// One value of a row, or one parameter of a statement.
///
/// Exact decimals are text with their scale (`14.90`); dates and times are ISO
/// 8601 text in UTC. Neither is ever a float.
#[derive(Debug, Clone)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// An integer of up to 64 bits.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, an exact decimal, a date or a time.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// A point in time, as a parameter: ISO 8601 text in UTC, converted to the
    /// form that the date and time columns of each database take. Rows return
    /// it as text.
    Timestamp(String),
}

/// The result of a query. Each row has one value for each column.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Names of the columns, in the order of the SELECT list.
    pub columns: Vec<String>,
    /// Values in the order of `columns`; rows in the order in which the
    /// database returned them.
    pub rows: Vec<Vec<Value>>,
}

/// The result of an INSERT, UPDATE or DELETE.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Number of rows that the statement matched, even if their values stayed.
    pub rows_affected: u64,
    /// Last key that the database generated, or 0 if it generated none.
    pub last_insert_id: u64,
}

/// A statement or a transaction that failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The grant does not allow the statement; the text says what is missing.
    #[error("denied: {0}")]
    Denied(String),
    /// The statement or a parameter is wrong; the text says how.
    #[error("invalid: {0}")]
    Invalid(String),
    /// A unique key, a foreign key or a check refused the change.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The result, or the number of calls, passed a limit that the text names.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The deadline passed before the database answered.
    #[error("timeout")]
    Timeout,
    /// The database cannot be reached, is overloaded or temporarily refuses the
    /// statement.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

/// Limits on the result of one query.
#[derive(Debug, Clone, Copy)]
pub struct CallLimits {
    /// Largest number of rows that a query may return.
    pub rows: usize,
    /// Largest size of a query's result, in bytes.
    pub bytes: usize,
}
