//! argon2id with the crate's own parameters, which are OWASP's: 19 MiB, two
//! passes, one lane.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier};

/// A hash that belongs to nobody: verified against when there is none, so
/// that the work is the same. Its password does not matter.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
                       bm9ib2R5IG5vYm9keSBubw$bm9ib2R5J3MgaGFzaCBpcyBub3QgYW55b25lJ3MhISE";

/// What the parameters of a stored hash may ask for: room for stronger ones
/// than ours, but a row that somebody has tampered with takes no gigabytes.
const MOST_MEMORY_KIB: u32 = 64 * 1024;
const MOST_PASSES: u32 = 8;
const MOST_LANES: u32 = 4;

/// `None` if the system has no randomness or memory to give.
pub(super) fn hash(password: &str) -> Option<String> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    hashed.ok().map(|hash| hash.to_string())
}

/// One way for all: whether there is a hash shows only in the answer.
pub(super) fn verify(password: &str, stored: Option<&str>) -> bool {
    let known = stored.and_then(parse);
    let is_known = known.is_some();
    let Some(hash) = known.or_else(|| parse(NOBODYS)) else {
        return false;
    };
    let verified = Argon2::default().verify_password(password.as_bytes(), &hash);
    verified.is_ok() && is_known
}

/// A whole hash of the argon2 family that asks for no more than it may.
fn parse(stored: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::new(stored).ok()?;
    let is_whole = hash.salt.is_some() && hash.hash.is_some();
    let is_argon2 = Algorithm::try_from(hash.algorithm.as_str()).is_ok();
    let params = Params::try_from(&hash).ok()?;
    let is_bounded = params.m_cost() <= MOST_MEMORY_KIB
        && params.t_cost() <= MOST_PASSES
        && params.p_cost() <= MOST_LANES;
    (is_whole && is_argon2 && is_bounded).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What decides how much work a hash is.
    fn work(hash: &str) -> (String, u32, u32, u32, Option<usize>) {
        let hash = parse(hash).expect("a hash");
        let params = Params::try_from(&hash).expect("parameters");
        (
            hash.algorithm.to_string(),
            params.m_cost(),
            params.t_cost(),
            params.p_cost(),
            params.output_len(),
        )
    }

    #[test]
    fn nobodys_hash_takes_the_work_of_a_new_one() {
        let new = hash("any").expect("hashed");
        assert_eq!(work(NOBODYS), work(&new));
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
        assert!(verify(&long, Some(&hash)));
        assert!(!verify(&long[..long.len() - 1], Some(&hash)));
    }

    #[test]
    fn what_is_no_hash_is_nobodys() {
        let salt_and_hash = "bm9ib2R5IG5vYm9keSBubw$bm9ib2R5J3MgaGFzaCBpcyBub3QgYW55b25lJ3MhISE";
        let with = |start: &str| format!("{start}${salt_and_hash}");
        let strange = [
            String::new(),
            "5f4dcc3b5aa765d61d8327deb882cf99".into(),
            "$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZcQ5s4hpx1yfnFQ6Ah0tDTLGGxkF3K".into(),
            "$argon2id$v=19$m=19456,t=2,p=1".into(),
            "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IG5vYm9keSBubw".into(),
            with("$scrypt$ln=15,r=8,p=1"),
            with("$argon2id$v=19$m=4194304,t=2,p=1"),
            with("$argon2id$v=19$m=19456,t=4294967295,p=1"),
            with("$argon2id$v=19$m=65536,t=2,p=64"),
        ];
        for strange in &strange {
            assert!(parse(strange).is_none(), "{strange}");
            assert!(!verify("nobody", Some(strange)), "{strange}");
        }
    }

    #[test]
    fn stronger_parameters_are_verified() {
        let params = Params::new(2 * 19456, 3, 2, None).expect("parameters");
        let stronger = Argon2::new(Algorithm::Argon2id, Default::default(), params);
        let hash = stronger.hash_password(b"strong").expect("hashed");
        assert!(verify("strong", Some(&hash.to_string())));
        assert!(!verify("weak", Some(&hash.to_string())));
    }
}
