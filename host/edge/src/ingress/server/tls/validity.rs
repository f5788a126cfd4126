//! Validity of the shop's certificate, and warnings before it expires.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use x509_parser::parse_x509_certificate;

use crate::telemetry::NodeWarnings;

/// Subject of the warning about the certificate.
const SUBJECT: &str = "tls-certificate";

/// Seconds before expiry at which the warning begins: two weeks, in which somebody can notice that
/// the certificate was not renewed.
const EARLY: i64 = 14 * 24 * 3600;

/// Validity period of a chain of certificates, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    from: i64,
    until: i64,
}

impl Period {
    /// Returns the period in which every certificate of `chain` is valid, or `None` if one of them
    /// cannot be parsed.
    pub(super) fn of(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let mut period = Self {
            from: i64::MIN,
            until: i64::MAX,
        };
        for certificate in chain {
            let (_, certificate) = parse_x509_certificate(certificate).ok()?;
            let validity = certificate.validity();
            period.from = period.from.max(validity.not_before.timestamp());
            period.until = period.until.min(validity.not_after.timestamp());
        }
        Some(period)
    }

    /// Returns the warning about the certificate at the second `now`, if there is one.
    fn trouble(self, now: i64) -> Option<String> {
        let days = (self.until - now) / (24 * 3600);
        if now >= self.until {
            Some(format!(
                "the TLS certificate has expired {} day(s) ago: clients refuse to connect",
                -days
            ))
        } else if now < self.from {
            Some("the TLS certificate is not valid yet: clients refuse to connect".to_owned())
        } else if now + EARLY >= self.until {
            Some(format!("the TLS certificate expires in {days} day(s)"))
        } else {
            None
        }
    }
}

/// Expiry of the certificate that the shop shows, and the warnings about it.
#[derive(Debug)]
pub struct CertificateValidity {
    from: AtomicI64,
    until: AtomicI64,
    warnings: Arc<NodeWarnings>,
}

impl CertificateValidity {
    pub(super) fn new(warnings: Arc<NodeWarnings>) -> Self {
        Self {
            from: AtomicI64::new(i64::MIN),
            until: AtomicI64::new(i64::MAX),
            warnings,
        }
    }

    /// Returns the time at which the first certificate of the chain expires, in seconds since 1970,
    /// or `None` if it cannot be parsed.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        let until = self.until.load(Relaxed);
        (until < i64::MAX).then_some(until)
    }

    /// Sets the period of a new certificate, which is shown from now on.
    pub(super) fn set(&self, period: Option<Period>) {
        let period = period.unwrap_or(Period {
            from: i64::MIN,
            until: i64::MAX,
        });
        self.from.store(period.from, Relaxed);
        self.until.store(period.until, Relaxed);
        // The check below warns about the new certificate, whatever the old warning was.
        self.warnings.clear(SUBJECT);
        self.look();
    }

    /// Warns if the certificate is about to expire, or is not valid.
    pub(super) fn look(&self) {
        let period = Period {
            from: self.from.load(Relaxed),
            until: self.until.load(Relaxed),
        };
        match period.trouble(now()) {
            Some(text) => self.warnings.raise(SUBJECT, text),
            None => self.warnings.clear(SUBJECT),
        }
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_of_before_and_after_its_end() {
        const DAY: i64 = 24 * 3600;
        let period = Period {
            from: 0,
            until: 100 * DAY,
        };
        assert_eq!(period.trouble(50 * DAY), None);
        for (day, part) in [
            (-1, "not valid yet"),
            (87, "expires in 13 day(s)"),
            (103, "expired 3 day(s) ago"),
        ] {
            let trouble = period.trouble(day * DAY).expect("a warning");
            assert!(trouble.contains(part), "{trouble}");
        }
    }
}
