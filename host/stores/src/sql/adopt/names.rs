//! Names of tables and columns in the texts of statements.

/// Returns the name without backquotes.
pub(super) fn plain(name: &str) -> String {
    name.trim_matches('`').to_owned()
}

/// Returns the words of a statement, which include the names of its tables.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}
