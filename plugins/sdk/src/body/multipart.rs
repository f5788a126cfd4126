//! Bodies of type `multipart/form-data`: text fields only, no files.

use bytes::Bytes;
use futures_util::{FutureExt, future::ready, stream};
use mime::Mime;
use multer::{Field, Multipart};

use super::Fields;
use crate::{Failure, Result};

const MALFORMED: Failure = Failure::malformed("The multipart body is malformed.");
const NOT_TEXT: Failure = Failure::malformed("The field must be text in UTF-8, not a file.");

/// Reads the parts of a multipart body.
pub(super) fn read(content_type: &Mime, body: &[u8]) -> Result<Fields> {
    let boundary = content_type.get_param(mime::BOUNDARY).ok_or(MALFORMED)?;
    let whole = ready(Ok::<_, std::convert::Infallible>(Bytes::copy_from_slice(
        body,
    )));
    let parts = Multipart::new(stream::once(whole), boundary.as_str());
    // The whole body is in memory, so reading it never waits.
    read_parts(parts).now_or_never().ok_or(MALFORMED)?
}

async fn read_parts(mut parts: Multipart<'_>) -> Result<Fields> {
    let mut fields = Fields::default();
    while let Some(part) = parts.next_field().await.map_err(|_| MALFORMED)? {
        let (name, text) = read_part(part).await?;
        fields.add(name, text)?;
    }
    Ok(fields)
}

async fn read_part(part: Field<'_>) -> Result<(String, String)> {
    let name = part.name().ok_or(MALFORMED)?.to_owned();
    if part.file_name().is_some() {
        return Err(NOT_TEXT.field(name));
    }
    let bytes = part.bytes().await.map_err(|_| MALFORMED)?;
    match String::from_utf8(bytes.into()) {
        Ok(text) => Ok((name, text)),
        Err(_) => Err(NOT_TEXT.field(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Result<Fields> {
        let content_type = "multipart/form-data; boundary=XyZ".parse().unwrap();
        super::read(&content_type, body)
    }

    fn part(disposition: &str, text: &str) -> String {
        format!("--XyZ\r\ncontent-disposition: form-data; {disposition}\r\n\r\n{text}\r\n")
    }

    #[track_caller]
    fn assert_refused(body: &[u8]) -> Failure {
        let failure = read(body).unwrap_err();
        assert_eq!((failure.status(), failure.code()), (400, "HTTP_400"));
        failure
    }

    #[test]
    fn parts_are_fields() {
        let body = part("name=\"a\"", "1")
            + &part("name=\"b c\"", "👕\r\n--X\r\n")
            + &part("name=d", "")
            + "--XyZ--\r\n";
        let fields = read(body.as_bytes()).unwrap();
        assert_eq!(fields.get("a"), Some("1"));
        assert_eq!(fields.get("b c"), Some("👕\r\n--X\r\n"));
        assert_eq!(fields.get("d"), Some(""));
    }

    #[test]
    fn many_parts_are_read_without_waiting() {
        let parts: String = (0..500)
            .map(|i| part(&format!("name=\"f{i}\""), &"x".repeat(100)))
            .collect();
        let fields = read((parts + "--XyZ--\r\n").as_bytes()).unwrap();
        assert_eq!(fields.iter().count(), 500);
    }

    #[test]
    fn a_large_part_is_read_whole() {
        let text = "y".repeat(1 << 20);
        let body = part("name=\"a\"", &text) + "--XyZ--\r\n";
        assert_eq!(read(body.as_bytes()).unwrap().get("a"), Some(text.as_str()));
    }

    #[test]
    fn files_are_refused() {
        let body = part("name=\"a\"; filename=\"x.png\"", "1") + "--XyZ--\r\n";
        assert_eq!(assert_refused(body.as_bytes()).faulty_field(), Some("a"));
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        let body = [
            part("name=\"a\"", "").trim_end().as_bytes(),
            b"\r\n\r\n\xff\r\n--XyZ--\r\n",
        ]
        .concat();
        assert_eq!(assert_refused(&body).faulty_field(), Some("a"));
    }

    #[test]
    fn broken_bodies_are_refused() {
        let bodies = [
            "",
            "--XyZ",
            "--XyZ\r\n",
            "--other--\r\n",
            "--XyZ\r\n\r\n1\r\n--XyZ--\r\n",
            "--XyZ\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1",
            "--XyZ\r\ncontent-disposition: form-data; name=\"a\"",
        ];
        for body in bodies {
            assert_refused(body.as_bytes());
        }
    }

    #[test]
    fn a_name_may_stand_only_once() {
        let body = part("name=\"a\"", "1") + &part("name=\"a\"", "1") + "--XyZ--\r\n";
        assert_eq!(assert_refused(body.as_bytes()).faulty_field(), Some("a"));
    }

    #[test]
    fn a_boundary_is_needed() {
        let failure = super::read(&mime::MULTIPART_FORM_DATA, b"x").unwrap_err();
        assert_eq!(failure.status(), 400);
    }
}
