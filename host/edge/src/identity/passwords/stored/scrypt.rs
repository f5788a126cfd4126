//! Stored hashes of scrypt, as Werkzeug, Django and passlib write them.

use scrypt::Params;

use super::text::{are_equal, base64, fields, hex};
use super::{MAX_MEMORY_KIB, MAX_WRITTEN_KIB, Unverifiable};

const NAME: &str = "scrypt";

/// Lengths of the output that are accepted, in bytes: a shorter one is guessed too easily.
const OUTPUT: std::ops::RangeInclusive<usize> = 16..=64;

/// A hash of scrypt.
#[derive(Debug)]
pub(in super::super) struct ScryptHash {
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl ScryptHash {
    /// Parses a hash of one of three forms: `scrypt:32768:8:1$salt$hex` of Werkzeug,
    /// `scrypt$16384$salt$8$5$base64` of Django and `$scrypt$ln=16,r=8,p=1$base64$base64` of
    /// passlib.
    ///
    /// # Errors
    /// Returns an error if the hash has none of the forms, or needs too much memory or time.
    pub(super) fn parse(text: &str) -> Result<Self, Unverifiable> {
        let hash = werkzeug(text)
            .or_else(|| django(text))
            .or_else(|| phc(text));
        let hash = hash.ok_or(Unverifiable::Malformed(NAME))?;
        match is_bounded(&hash.params) {
            true => Ok(hash),
            false => Err(Unverifiable::TooCostly(NAME)),
        }
    }

    fn new(log_n: u32, r: &str, p: &str, salt: Vec<u8>, output: Vec<u8>) -> Option<Self> {
        let log_n = u8::try_from(log_n).ok()?;
        let (r, p): (u32, u32) = (r.parse().ok()?, p.parse().ok()?);
        // The crate multiplies them without a check for overflow.
        r.checked_mul(p)?;
        let params = Params::new(log_n, r, p).ok()?;
        OUTPUT.contains(&output.len()).then_some(Self {
            params,
            salt,
            output,
        })
    }

    /// Returns whether the hash is one of `password`.
    pub(super) fn matches(&self, password: &str) -> bool {
        let mut computed = vec![0; self.output.len()];
        let password = password.as_bytes();
        let done = scrypt::scrypt(password, &self.salt, &self.params, &mut computed);
        done.is_ok() && are_equal(&computed, &self.output)
    }
}

/// Returns whether scrypt stays within the limits with these parameters (RFC 7914 section 5): it
/// keeps `n + p` pieces of `128 * r` bytes, and writes `n * p` of them twice.
fn is_bounded(params: &Params) -> bool {
    let (n, r, p) = (params.n(), u64::from(params.r()), u64::from(params.p()));
    let kib = |pieces: Option<u64>| {
        let bytes = pieces?.checked_mul(r)?.checked_mul(128)?;
        Some(bytes.div_ceil(1024))
    };
    let within = |pieces, most: u64| kib(pieces).is_some_and(|kib| kib <= most);
    within(n.checked_add(p), MAX_MEMORY_KIB) && within(n.checked_mul(p), MAX_WRITTEN_KIB)
}

fn werkzeug(text: &str) -> Option<ScryptHash> {
    let [method, salt, output] = fields(text, '$')?;
    let [NAME, n, r, p] = fields(method, ':')? else {
        return None;
    };
    ScryptHash::new(log2(n)?, r, p, salt.into(), hex(output)?)
}

fn django(text: &str) -> Option<ScryptHash> {
    let [NAME, n, salt, r, p, output] = fields(text, '$')? else {
        return None;
    };
    ScryptHash::new(log2(n)?, r, p, salt.into(), base64(output)?)
}

fn phc(text: &str) -> Option<ScryptHash> {
    let ["", NAME, params, salt, output] = fields(text, '$')? else {
        return None;
    };
    let [log_n, r, p] = fields(params, ',')?;
    let log_n = log_n.strip_prefix("ln=")?.parse().ok()?;
    let (r, p) = (r.strip_prefix("r=")?, p.strip_prefix("p=")?);
    ScryptHash::new(log_n, r, p, base64(salt)?, base64(output)?)
}

/// Returns the exponent of a power of two.
fn log2(n: &str) -> Option<u32> {
    let n: u64 = n.parse().ok()?;
    (n > 1 && n.is_power_of_two()).then(|| n.trailing_zeros())
}
