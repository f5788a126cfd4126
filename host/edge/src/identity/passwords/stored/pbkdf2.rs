//! Stored hashes of PBKDF2, as Werkzeug, Django and passlib write them.

use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::Unverifiable;
use super::text::{are_equal, base64, fields, hex, passlib_base64};

const NAME: &str = "pbkdf2";

/// Most iterations, for all blocks of the output together: one to two seconds.
const MAX_ITERATIONS: u64 = 2_000_000;

/// Lengths of the output that are accepted, in bytes.
const OUTPUT: std::ops::RangeInclusive<usize> = 16..=64;

/// Hash function that is iterated.
#[derive(Debug, Clone, Copy)]
enum Function {
    Sha1,
    Sha256,
    Sha512,
}

impl Function {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Returns the bytes of one block of output.
    fn block(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A hash of PBKDF2.
#[derive(Debug)]
pub(in super::super) struct Pbkdf2Hash {
    function: Function,
    iterations: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Pbkdf2Hash {
    /// Parses a hash of one of three forms: `pbkdf2:sha256:600000$salt$hex` of Werkzeug,
    /// `pbkdf2_sha256$600000$salt$base64` of Django and `$pbkdf2-sha256$29000$base64$base64` of
    /// passlib.
    ///
    /// # Errors
    /// Returns an error if the hash has none of the forms, or too many iterations.
    pub(super) fn parse(text: &str) -> Result<Self, Unverifiable> {
        let hash = werkzeug(text)
            .or_else(|| django(text))
            .or_else(|| passlib(text));
        let hash = hash
            .filter(|hash| hash.iterations > 0 && OUTPUT.contains(&hash.output.len()))
            .ok_or(Unverifiable::Malformed(NAME))?;
        let blocks = hash.output.len().div_ceil(hash.function.block()) as u64;
        match blocks * u64::from(hash.iterations) <= MAX_ITERATIONS {
            true => Ok(hash),
            false => Err(Unverifiable::TooCostly(NAME)),
        }
    }

    /// Returns whether the hash is one of `password`.
    pub(super) fn matches(&self, password: &str) -> bool {
        let derive = match self.function {
            Function::Sha1 => ::pbkdf2::pbkdf2_hmac::<Sha1>,
            Function::Sha256 => ::pbkdf2::pbkdf2_hmac::<Sha256>,
            Function::Sha512 => ::pbkdf2::pbkdf2_hmac::<Sha512>,
        };
        let mut computed = vec![0; self.output.len()];
        derive(
            password.as_bytes(),
            &self.salt,
            self.iterations,
            &mut computed,
        );
        are_equal(&computed, &self.output)
    }
}

fn werkzeug(text: &str) -> Option<Pbkdf2Hash> {
    let [method, salt, output] = fields(text, '$')?;
    let [NAME, function, iterations] = fields(method, ':')? else {
        return None;
    };
    Some(Pbkdf2Hash {
        function: Function::from_name(function)?,
        iterations: iterations.parse().ok()?,
        salt: salt.into(),
        output: hex(output)?,
    })
}

fn django(text: &str) -> Option<Pbkdf2Hash> {
    let [name, iterations, salt, output] = fields(text, '$')?;
    Some(Pbkdf2Hash {
        function: Function::from_name(name.strip_prefix("pbkdf2_")?)?,
        iterations: iterations.parse().ok()?,
        salt: salt.into(),
        output: base64(output)?,
    })
}

fn passlib(text: &str) -> Option<Pbkdf2Hash> {
    let ["", name, iterations, salt, output] = fields(text, '$')? else {
        return None;
    };
    let function = match name {
        NAME => Function::Sha1,
        name => Function::from_name(name.strip_prefix("pbkdf2-")?)?,
    };
    Some(Pbkdf2Hash {
        function,
        iterations: iterations.parse().ok()?,
        salt: passlib_base64(salt)?,
        output: passlib_base64(output)?,
    })
}
