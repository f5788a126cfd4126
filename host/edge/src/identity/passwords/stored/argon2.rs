//! Stored hashes of the argon2 family, in the PHC string format.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};

use super::text::are_equal;
use super::{MAX_MEMORY_KIB, MAX_WRITTEN_KIB, Unverifiable};

const NAME: &str = "argon2";

/// Greatest number of lanes; they are computed one after another.
const MAX_LANES: u32 = 16;

/// A hash of argon2d, argon2i or argon2id.
#[derive(Debug)]
pub(in super::super) struct Argon2Hash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
    /// True if the text had the prefix that Django writes.
    is_prefixed: bool,
}

impl Argon2Hash {
    /// Parses a PHC string.
    ///
    /// # Errors
    /// Returns an error if the hash is malformed, or needs more work than is done for one password.
    pub(in super::super) fn parse(text: &str) -> Result<Self, Unverifiable> {
        let hash = Self::read(text).ok_or(Unverifiable::Malformed(NAME))?;
        let params = &hash.params;
        let memory = u64::from(params.m_cost());
        let written = memory.saturating_mul(params.t_cost().into());
        let is_bounded =
            memory <= MAX_MEMORY_KIB && written <= MAX_WRITTEN_KIB && params.p_cost() <= MAX_LANES;
        match is_bounded {
            true => Ok(hash),
            false => Err(Unverifiable::TooCostly(NAME)),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        // Hashes of versions before 1.3 name no version.
        let version = match hash.version {
            Some(number) => Version::try_from(number).ok()?,
            None => Version::V0x10,
        };
        Some(Self {
            algorithm: Algorithm::try_from(hash.algorithm.as_str()).ok()?,
            version,
            params: Params::try_from(&hash).ok()?,
            salt: hash.salt?.to_vec(),
            output: hash.hash?.as_bytes().to_vec(),
            is_prefixed: false,
        })
    }

    /// Marks the hash as stored in another form than new ones.
    pub(super) fn with_prefix(self) -> Self {
        Self {
            is_prefixed: true,
            ..self
        }
    }

    /// Returns whether the hash is one of `password`.
    pub(in super::super) fn matches(&self, password: &str) -> bool {
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        let mut computed = vec![0; self.output.len()];
        let done = argon2.hash_password_into(password.as_bytes(), &self.salt, &mut computed);
        done.is_ok() && are_equal(&computed, &self.output)
    }

    /// Returns whether a new hash would be no stronger.
    pub(super) fn is_current(&self) -> bool {
        !self.is_prefixed
            && self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && self.params.m_cost() >= Params::DEFAULT_M_COST
            && self.params.t_cost() >= Params::DEFAULT_T_COST
    }

    /// Returns the parameters that determine the work of a verification.
    #[cfg(test)]
    pub(in super::super) fn work(&self) -> (Algorithm, u32, u32, u32, usize) {
        let params = &self.params;
        let costs = (params.m_cost(), params.t_cost(), params.p_cost());
        (self.algorithm, costs.0, costs.1, costs.2, self.output.len())
    }
}
