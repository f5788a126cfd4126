//! Setting of the path under which all routes answer too.

/// Parses a path of whole segments; `off` is none.
pub(super) fn mount_path(text: &str) -> Result<Option<String>, String> {
    match text.strip_prefix('/') {
        _ if text == "off" => Ok(None),
        Some(segments) if segments.split('/').all(is_segment) => Ok(Some(text.to_owned())),
        _ => Err(
            "is neither `off` nor a path such as `/api/v1`: segments of letters, digits, `-`, `.`, \
             `_` and `~`, without a slash at the end"
                .into(),
        ),
    }
}

/// Returns whether clients send a segment as it is written: other characters
/// may arrive percent-encoded, and `.` and `..` not at all.
fn is_segment(segment: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(is_unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_path_has_whole_plain_segments() {
        assert_eq!(mount_path("off"), Ok(None));
        for text in ["/api/v1", "/shop", "/a-b/c.d/e_f~"] {
            assert_eq!(mount_path(text), Ok(Some(text.to_owned())));
        }
        for text in [
            "",
            "/",
            "api",
            "api/v1",
            "/api/",
            "//api",
            "/api//v1",
            "/api?x",
            "/api#x",
            "/a b",
            "/%61pi",
            "/api/..",
            "/./api",
            "/caf\u{e9}",
            "/*",
        ] {
            assert!(mount_path(text).is_err(), "{text}");
        }
    }
}
