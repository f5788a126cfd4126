//! The cohort of each client, which decides whether a canary answers it, and which stays the same
//! over its requests.
//!
//! A client that keeps cookies is recognized by a signed one. Any other is recognized by its
//! address and `User-Agent`, for as long as neither changes.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use http::header::{COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

use crate::guest::Cohort;

type HmacSha256 = Hmac<Sha256>;

const NAME: &str = "edge-draw";

/// `Max-Age` of the cookie in seconds: as long as a canary should last.
const MAX_AGE: u32 = 24 * 60 * 60;

/// Bytes of the signature in the cookie. A client that guesses one can only choose whether it gets
/// a canary.
const TAG: usize = 16;

/// Assignment of cohorts to clients.
pub(super) struct CanaryCookie {
    key: [u8; 32],
    /// Keys of nodes with another secret, whose cookies are accepted too.
    fallbacks: Vec<[u8; 32]>,
}

impl CanaryCookie {
    /// Returns an assignment by `key`. All nodes with one key assign the same cohort.
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            fallbacks: Vec::new(),
        }
    }

    /// Returns the assignment, which accepts cookies that one of these keys has signed, too.
    pub(super) fn accepting(self, fallbacks: Vec<[u8; 32]>) -> Self {
        Self { fallbacks, ..self }
    }

    /// Returns the client's cohort, and the cookie that keeps it unless the client has sent a valid
    /// one.
    pub(super) fn cohort(
        &self,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> (Cohort, Option<HeaderValue>) {
        if let Some(cohort) = self.kept(headers) {
            return (cohort, None);
        }
        let agent = headers
            .get(USER_AGENT)
            .map_or(&b""[..], HeaderValue::as_bytes);
        let mac = self.mac(&[client.to_string().as_bytes(), b" ", agent]);
        let number = mac
            .iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        let cohort = Cohort::from_number(number);
        (cohort, self.set_cookie(cohort))
    }

    /// Returns the cohort of the first cookie that is valid. Other cookies may have any bytes, and
    /// a browser may still send one that was signed with an earlier key.
    fn kept(&self, headers: &HeaderMap) -> Option<Cohort> {
        let fields = headers.get_all(COOKIE).iter();
        let mut cookies = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
        cookies.find_map(|cookie| {
            let cookie = std::str::from_utf8(cookie.trim_ascii()).ok()?;
            let value = cookie.strip_prefix(NAME)?.strip_prefix('=')?;
            self.verified(unquoted(value))
        })
    }

    fn verified(&self, value: &str) -> Option<Cohort> {
        let (bucket, tag) = value.split_once('.')?;
        let mut given = [0; TAG];
        hex::decode_to_slice(tag, &mut given).ok()?;
        let message: [&[u8]; 3] = [NAME.as_bytes(), b" ", bucket.as_bytes()];
        let mut keys = std::iter::once(&self.key).chain(&self.fallbacks);
        let is_ours = keys.any(|key| hmac(key, &message).verify_truncated_left(&given).is_ok());
        is_ours.then(|| Cohort::parse(bucket)).flatten()
    }

    fn set_cookie(&self, cohort: Cohort) -> Option<HeaderValue> {
        let bucket = cohort.bucket().to_string();
        let mac = self.mac(&[NAME.as_bytes(), b" ", bucket.as_bytes()]);
        let tag = hex::encode(mac.get(..TAG)?);
        let cookie =
            format!("{NAME}={bucket}.{tag}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax");
        HeaderValue::try_from(cookie).ok()
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        hmac(&self.key, parts).finalize().into_bytes().into()
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> HmacSha256 {
    let mut mac = HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

/// Returns the value of a cookie without the quotes that it may have (RFC 6265 section 4.1.1).
fn unquoted(value: &str) -> &str {
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn with(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::try_from(value).expect("a value"))])
    }

    #[test]
    fn a_cookie_is_kept_to_whatever_else_changes() {
        let cookies = CanaryCookie::new([7; 32]);
        let (cohort, cookie) = cookies.cohort(&HeaderMap::new(), CLIENT);
        let cookie = cookie.expect("a cookie");
        let cookie = cookie
            .to_str()
            .expect("text")
            .split(';')
            .next()
            .expect("a pair");
        let other = IpAddr::from([198, 51, 100, 1]);
        let headers = with(COOKIE, &format!("a=b; {cookie}"));
        assert_eq!(cookies.cohort(&headers, other), (cohort, None));
    }

    #[test]
    fn a_cookie_is_found_among_others_of_any_kind() {
        let cookies = CanaryCookie::new([7; 32]);
        let stale = CanaryCookie::new([8; 32])
            .set_cookie(Cohort::from_number(3))
            .expect("one");
        let good = cookies
            .set_cookie(Cohort::from_number(u64::MAX))
            .expect("one");
        let pair = |cookie: &HeaderValue| {
            let text = cookie.to_str().expect("text").split(';');
            text.clone().next().expect("a pair").to_owned()
        };
        let (stale, good) = (pair(&stale), pair(&good));
        let quoted = good.replacen('=', "=\"", 1) + "\"";
        for field in [
            format!("{stale}; {good}"),
            format!("name=J\u{fc}rgen; {good}"),
            format!("a; =b;;{quoted}"),
        ] {
            let mut bytes = field.into_bytes();
            bytes.extend(b"; last=\xff\xfe");
            let value = HeaderValue::from_bytes(&bytes).expect("a value");
            let headers = HeaderMap::from_iter([(COOKIE, value)]);
            let (cohort, set) = cookies.cohort(&headers, CLIENT);
            assert_eq!(
                (cohort, set),
                (Cohort::from_number(u64::MAX), None),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn a_cookie_of_the_secret_before_is_kept_to() {
        let old = CanaryCookie::new([7; 32]);
        let new = CanaryCookie::new([8; 32]).accepting(vec![[7; 32]]);
        for number in 0..20 {
            let headers = with(USER_AGENT, &number.to_string());
            let (cohort, cookie) = old.cohort(&headers, CLIENT);
            let cookie = cookie.expect("a cookie");
            let pair = cookie.to_str().expect("text").split(';').next();
            let headers = with(COOKIE, pair.expect("a pair"));
            assert_eq!(new.cohort(&headers, CLIENT), (cohort, None));
            assert!(
                CanaryCookie::new([8; 32])
                    .cohort(&headers, CLIENT)
                    .1
                    .is_some()
            );
        }
    }

    #[test]
    fn a_cookie_that_we_did_not_make_is_none() {
        let cookies = CanaryCookie::new([7; 32]);
        let drawn = cookies.cohort(&HeaderMap::new(), CLIENT).0;
        for cookie in [
            "edge-draw=0",
            "edge-draw=0.",
            "edge-draw=0.00",
            "edge-draw=.",
            "x",
        ] {
            assert_eq!(
                cookies.cohort(&with(COOKIE, cookie), CLIENT).0,
                drawn,
                "{cookie}"
            );
        }
        let forged = format!("edge-draw=0.{}", "0".repeat(2 * TAG));
        assert_eq!(cookies.cohort(&with(COOKIE, &forged), CLIENT).0, drawn);
    }

    #[test]
    fn clients_are_spread_evenly() {
        let cookies = CanaryCookie::new([7; 32]);
        let met = (0..1000_u32)
            .filter(|number| {
                let headers = with(USER_AGENT, &number.to_string());
                cookies.cohort(&headers, CLIENT).0.is_within(20)
            })
            .count();
        assert!((150..250).contains(&met), "{met} of 1000 for 20 %");
    }
}
