//! Header fields as they cross between plugin and host.

/// Returns a header field with its name in lower case, as the host expects it.
pub(crate) fn field(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_ascii_lowercase(), value.into())
}
