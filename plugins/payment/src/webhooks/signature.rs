//! `Stripe-Signature: t=<seconds>,v1=<hex>,...`: HMAC-SHA256 of `<t>.<body>`
//! with the endpoint's secret, over the body exactly as it came.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Limit on the distance between the time of a signature and now, in seconds.
const MAX_SKEW_SECONDS: u64 = 300;

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no header, or it has another form.
    #[error("no signature")]
    Missing,
    /// The time of the signature is too far from now.
    #[error("the signature is out of time")]
    OutOfTime,
    /// The signature was made for another body or with another secret.
    #[error("the signature does not match")]
    Mismatch,
}

/// Returns the secrets of a setting: several, with commas between, while one
/// replaces another.
pub fn secrets(setting: &str) -> impl Iterator<Item = &str> {
    setting
        .split(',')
        .map(str::trim)
        .filter(|secret| !secret.is_empty())
}

/// Checks a body's signature at this time, in seconds since 1970. One signature
/// that was made with one of the secrets is enough.
///
/// # Errors
/// When there is none.
pub fn verify(header: &str, body: &[u8], setting: &str, now: u64) -> Result<(), Error> {
    let mut time = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", _)) if time.is_some() => return Err(Error::Missing),
            Some(("t", seconds)) => time = Some(seconds),
            Some(("v1", signature)) => signatures.push(signature),
            _ => {}
        }
    }
    let time = time.ok_or(Error::Missing)?;
    if signatures.is_empty() {
        return Err(Error::Missing);
    }
    let seconds: u64 = time.parse().map_err(|_| Error::Missing)?;
    if now.abs_diff(seconds) > MAX_SKEW_SECONDS {
        return Err(Error::OutOfTime);
    }
    let holds = secrets(setting).any(|secret| {
        let expected = sign(secret, time, body);
        signatures
            .iter()
            .any(|signature| bool::from(signature.as_bytes().ct_eq(expected.as_bytes())))
    });
    if holds { Ok(()) } else { Err(Error::Mismatch) }
}

/// Returns the signature of a body, in lower-case hexadecimal digits.
fn sign(secret: &str, time: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length, so this always is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_test";
    const BODY: &[u8] = br#"{"id": "evt_1", "type": "charge.succeeded"}"#;
    const NOW: u64 = 1_700_000_000;

    fn signed(secret: &str) -> String {
        sign(secret, &NOW.to_string(), BODY)
    }

    fn check(header: &str) -> Result<(), Error> {
        verify(header, BODY, SECRET, NOW)
    }

    #[test]
    fn the_signature_is_the_hmac_of_time_and_body() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        let expected = "38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789";
        assert_eq!(sign(SECRET, "1700000000", br#"{"a":1}"#), expected);
    }

    #[test]
    fn a_signature_of_this_body_and_secret_holds() {
        let signature = signed(SECRET);
        assert_eq!(check(&format!("t={NOW},v1={signature}")), Ok(()));
        assert_eq!(check(&format!("t={NOW}, v1={signature} ,v0=00")), Ok(()));
        assert_eq!(check(&format!("v1={signature},t={NOW}")), Ok(()));
    }

    #[test]
    fn one_of_several_signatures_is_enough() {
        let (old, new) = (signed("whsec_old"), signed(SECRET));
        assert_eq!(check(&format!("t={NOW},v1={old},v1={new}")), Ok(()));
        assert_eq!(
            check(&format!("t={NOW},v1={old},v1={old}")),
            Err(Error::Mismatch)
        );
    }

    #[test]
    fn one_of_several_secrets_is_enough() {
        let header = format!("t={NOW},v1={}", signed("whsec_old"));
        let setting = "whsec_new, whsec_old";
        assert_eq!(verify(&header, BODY, setting, NOW), Ok(()));
        for setting in ["", ",", "whsec_new", "whsec_new,whsec_old2"] {
            assert_eq!(verify(&header, BODY, setting, NOW), Err(Error::Mismatch));
        }
    }

    #[test]
    fn a_header_without_time_or_signature_is_none() {
        let signature = signed(SECRET);
        let headers = [
            String::new(),
            "t".to_owned(),
            format!("t={NOW}"),
            format!("v1={signature}"),
            format!("t={NOW},v0={signature}"),
            format!("t=,v1={signature}"),
            format!("t=now,v1={signature}"),
            format!("t=-{NOW},v1={signature}"),
            format!("t={NOW},t={NOW},v1={signature}"),
            format!("T={NOW},V1={signature}"),
        ];
        for header in headers {
            assert_eq!(check(&header), Err(Error::Missing), "{header}");
        }
    }

    #[test]
    fn digits_are_exactly_64_in_lower_case() {
        let signature = signed(SECRET);
        let wrong = [
            signature.to_uppercase(),
            signature[1..].to_owned(),
            format!("{signature}0"),
            format!("{signature}="),
            String::new(),
            "0".repeat(64),
            "\u{0661}".repeat(64),
        ];
        for signature in wrong {
            let header = format!("t={NOW},v1={signature}");
            assert_eq!(check(&header), Err(Error::Mismatch), "{signature}");
        }
    }

    #[test]
    fn the_time_may_be_five_minutes_off() {
        let header = format!("t={NOW},v1={}", signed(SECRET));
        for now in [NOW - 299, NOW - 300, NOW + 299, NOW + 300] {
            assert_eq!(verify(&header, BODY, SECRET, now), Ok(()));
        }
        for now in [NOW - 301, NOW + 301, 0, u64::MAX] {
            assert_eq!(verify(&header, BODY, SECRET, now), Err(Error::OutOfTime));
        }
    }

    #[test]
    fn the_time_is_signed_too() {
        let header = format!("t={},v1={}", NOW + 1, signed(SECRET));
        assert_eq!(check(&header), Err(Error::Mismatch));
    }

    #[test]
    fn every_byte_of_the_body_counts() {
        let header = format!("t={NOW},v1={}", signed(SECRET));
        let reserialised: serde_json::Value = serde_json::from_slice(BODY).unwrap();
        let mut changed = BODY.to_vec();
        changed[7] ^= 1;
        for body in [
            reserialised.to_string().as_bytes(),
            &changed,
            b"",
            &BODY[1..],
        ] {
            assert_eq!(verify(&header, body, SECRET, NOW), Err(Error::Mismatch));
        }
    }
}
