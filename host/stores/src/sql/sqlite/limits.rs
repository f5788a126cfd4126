//! Limits of SQLite that bound the memory and the time of one statement.

/// Longest text, blob or row that SQLite makes, in bytes. Together with
/// [`MAX_COLUMNS`], it bounds the memory of one statement.
pub(super) const MAX_VALUE: i32 = 8 << 20;

/// Largest number of columns of a result, and so of values held at once.
pub(super) const MAX_COLUMNS: i32 = 128;

/// Largest number of arguments of a function, each of which may be read again
/// for it.
pub(super) const MAX_ARGUMENTS: i32 = 100;

/// Longest pattern of LIKE and GLOB, in bytes. Each position of a text is
/// compared with the whole pattern, and no deadline ends that.
pub(super) const MAX_PATTERN: i32 = 512;
