//! Hashing of new passwords: argon2id with the crate's default parameters, which are OWASP's: 19
//! MiB, two passes, one lane.

use std::hint::black_box;

use argon2::{Argon2, PasswordHasher};

use super::stored::Argon2Hash;

/// Hash of no account's password, which is verified where there is no usable hash, so that the time
/// of the check reveals nothing.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
                          bm9ib2R5IG5vYm9keSBubw$bm9ib2R5J3MgaGFzaCBpcyBub3QgYW55b25lJ3MhISE";

/// Returns the hash of `password` as a PHC string; `None` if the system has no randomness or
/// memory.
pub(super) fn hash(password: &str) -> Option<String> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    hashed.ok().map(|hash| hash.to_string())
}

/// Verifies `password` against a dummy hash, which takes as long as one that [`hash`] made.
pub(super) fn verify_dummy(password: &str) {
    if let Ok(dummy) = Argon2Hash::parse(DUMMY_HASH) {
        black_box(dummy.matches(password));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dummy_takes_the_work_of_a_new_hash() {
        let new = hash("any").expect("hashed");
        let work = |hash: &str| Argon2Hash::parse(hash).expect("a hash").work();
        assert_eq!(work(DUMMY_HASH), work(&new));
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
    }

    #[test]
    fn no_two_hashes_are_the_same() {
        assert_ne!(hash("same"), hash("same"));
    }

    #[test]
    fn long_and_strange_passwords_count_to_their_last_byte() {
        let long = "pässwörd \u{0}".repeat(100);
        let hash = hash(&long).expect("hashed");
        let hash = Argon2Hash::parse(&hash).expect("a hash");
        assert!(hash.matches(&long));
        assert!(!hash.matches(&long[..long.len() - 1]));
    }
}
