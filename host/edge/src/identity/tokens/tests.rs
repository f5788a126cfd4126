//! Tests of valid tokens, and of every way in which one is invalid.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use stores::clock::Asked;

use super::*;

const SECRET: &str = "the secret of these tests that is long enough";

pub(crate) fn tokens() -> Tokens {
    with_keys(&format!("k1:{SECRET}"))
}

fn with_keys(text: &str) -> Tokens {
    Tokens::new(TokenKeys::parse(text).expect("keys"))
}

pub(crate) fn ada() -> Principal {
    Principal {
        id: 7,
        name: "Ada \"the\" Löwe".into(),
        role: "customer".into(),
    }
}

/// Encodes base64url without padding (RFC 4648 section 5).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let three = [
            chunk[0],
            *chunk.get(1).unwrap_or(&0),
            *chunk.get(2).unwrap_or(&0),
        ];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for n in 0..=chunk.len() {
            text.push(ALPHABET[(bits >> (18 - 6 * n) & 63) as usize].into());
        }
    }
    text
}

/// Returns a token as anybody could write it, signed with `secret`.
fn signed(header: &str, claims: &str, secret: &str) -> String {
    let message = format!(
        "{}.{}",
        base64(header.as_bytes()),
        base64(claims.as_bytes())
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(message.as_bytes());
    format!("{message}.{}", base64(&mac.finalize().into_bytes()))
}

fn now() -> u64 {
    SharedClock::default().now_seconds()
}

fn claims() -> Value {
    let now = now();
    json!({
        "customer_id": 7, "name": "Ada", "role": "customer",
        "iat": now, "exp": now + 60, "aud": "shop",
    })
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT","kid":"k1"}"#;

fn ours(claims: &Value) -> String {
    signed(HEADER, &claims.to_string(), SECRET)
}

/// Returns a token with valid claims, of which one is changed, or removed by `null`.
fn changed(claim: &str, value: Value) -> String {
    let mut claims = claims();
    let map = claims.as_object_mut().expect("an object");
    match value {
        Value::Null => map.remove(claim),
        value => map.insert(claim.into(), value),
    };
    ours(&claims)
}

fn assert_rejected(what: &str, token: &str) {
    assert!(tokens().verify(token).is_err(), "{what}: {token}");
}

#[test]
fn a_token_names_whom_it_was_issued_to() {
    let token = tokens().issue(&ada(), 60).expect("issued");
    let token = tokens().verify(&token).expect("it holds");
    let named = token.principal;
    assert_eq!(
        (named.id, named.name, named.role),
        (7, ada().name, ada().role)
    );
    assert!(token.issued_at <= now());
}

#[test]
fn a_token_written_by_hand_holds_if_it_is_right() {
    let named = tokens().verify(&ours(&claims())).expect("it holds");
    assert_eq!(named.principal.id, 7);
    let later = changed("nbf", json!(now() - 1));
    assert!(tokens().verify(&later).is_ok(), "an nbf that has passed");
}

/// Expiry does not depend on this node's clock.
#[test]
fn a_token_ends_by_the_clock_of_the_database() {
    let day = 24 * 60 * 60;
    let clock = Arc::<SharedClock>::default();
    let ahead = i64::try_from((now() + day) * 1000).expect("a time");
    clock.note(Asked::now(), ahead);
    let there = tokens().with_clock(clock);
    let here = tokens();
    let issued = there.issue(&ada(), 60).expect("issued");
    assert!(there.verify(&issued).is_ok());
    let old = here.issue(&ada(), 60).expect("issued");
    assert!(matches!(there.verify(&old), Err(TokenError::Expired)));
    let early = changed("nbf", json!(now() + day));
    assert!(matches!(here.verify(&early), Err(TokenError::Early)));
}

#[test]
fn keys_are_changed_without_ending_a_session() {
    let other = "another secret of these tests that is long enough";
    let old = with_keys(&format!("old:{SECRET}"));
    let both = with_keys(&format!("new:{other},old:{SECRET}"));
    let new = with_keys(&format!("new:{other}"));
    let before = old.issue(&ada(), 60).expect("issued");
    let after = both.issue(&ada(), 60).expect("issued");
    assert!(both.verify(&before).is_ok());
    assert!(both.verify(&after).is_ok());
    assert!(new.verify(&after).is_ok());
    assert!(matches!(new.verify(&before), Err(TokenError::UnknownKey)));
    assert!(matches!(old.verify(&after), Err(TokenError::UnknownKey)));
}

#[test]
fn only_hs256_is_an_algorithm() {
    for algorithm in [
        "none", "None", "nOnE", "NONE", "", "hs256", "HS384", "HS512", "RS256", "ES256", "EdDSA",
    ] {
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": "k1" }).to_string();
        let token = signed(&header, &claims().to_string(), SECRET);
        assert_rejected(algorithm, &token);
        let (unsigned, _) = token.rsplit_once('.').expect("a signature");
        assert_rejected(algorithm, &format!("{unsigned}."));
    }
    assert_rejected(
        "none given",
        &signed(r#"{"kid":"k1"}"#, &claims().to_string(), SECRET),
    );
}

#[test]
fn only_our_keys_sign() {
    let text = claims().to_string();
    assert_rejected("another secret", &signed(HEADER, &text, "another secret"));
    assert_rejected("no secret", &signed(HEADER, &text, ""));
    for kid in [
        json!(null),
        json!(""),
        json!("k2"),
        json!("K1"),
        json!("../../k1"),
        json!("k1' OR '1'='1"),
        json!(1),
        json!(["k1"]),
    ] {
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": kid }).to_string();
        assert_rejected("kid", &signed(&header, &text, SECRET));
    }
}

#[test]
fn keys_that_a_token_brings_along_are_not_looked_at() {
    let own = "a key that the forger has made for this token";
    let mut header = json!({
        "alg": "HS256", "typ": "JWT", "kid": "k1",
        "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/keys",
        "jwk": { "kty": "oct", "k": base64(own.as_bytes()) },
    });
    assert_rejected(
        "its own key",
        &signed(&header.to_string(), &claims().to_string(), own),
    );
    let token = signed(&header.to_string(), &claims().to_string(), SECRET);
    assert!(tokens().verify(&token).is_ok(), "signed by us for all that");
    header["crit"] = json!(["jku"]);
    assert_rejected(
        "crit",
        &signed(&header.to_string(), &claims().to_string(), SECRET),
    );
}

#[test]
fn a_token_of_another_kind_is_none() {
    let header = r#"{"alg":"HS256","typ":"refresh+jwt","kid":"k1"}"#;
    assert_rejected("typ", &signed(header, &claims().to_string(), SECRET));
}

#[test]
fn signatures_are_whole() {
    let token = ours(&claims());
    let (message, signature) = token.rsplit_once('.').expect("a signature");
    assert_rejected("empty signature", &format!("{message}."));
    assert_rejected("no signature", message);
    assert_rejected(
        "half a signature",
        &format!("{message}.{}", &signature[..20]),
    );
    assert_rejected("longer", &format!("{token}AA"));
    assert_rejected("padded", &format!("{token}="));
    assert_rejected("four parts", &format!("{token}.{signature}"));
    assert_rejected("no dots", &token.replace('.', ""));
    assert_rejected("nothing", "");
    assert_rejected("dots", "..");
    assert_rejected("blank", &format!(" {token}"));
    for cut in [1, message.len() / 2, token.len() - 1] {
        assert_rejected("cut", &token[..cut]);
    }
}

#[test]
fn a_changed_claim_breaks_the_signature() {
    let token = ours(&claims());
    let forged = ours(&json!({ "customer_id": 8 }));
    let parts: Vec<_> = token.split('.').collect();
    let other: Vec<_> = forged.split('.').collect();
    assert_rejected(
        "changed",
        &format!("{}.{}.{}", parts[0], other[1], parts[2]),
    );
}

#[test]
fn a_token_holds_only_in_its_time() {
    let now = now();
    for exp in [
        json!(null),
        json!(0),
        json!(-1),
        json!(now - LEEWAY - 1),
        json!(now.to_string()),
        json!(now as f64 + 60.5),
        json!(1e300),
        json!(u64::MAX),
        json!(LATEST + 1),
        json!(true),
        json!([now + 60]),
    ] {
        assert_rejected(&format!("exp {exp}"), &changed("exp", exp));
    }
    for nbf in [
        json!(now + 60),
        json!("soon"),
        json!(-1),
        json!(u64::MAX),
        json!(true),
    ] {
        assert_rejected(&format!("nbf {nbf}"), &changed("nbf", nbf));
    }
    let huge = claims()
        .to_string()
        .replacen("\"exp\":", "\"exp\":1e309,\"x\":", 1);
    assert_rejected("exp 1e309", &signed(HEADER, &huge, SECRET));
}

#[test]
fn a_token_says_when_it_was_issued() {
    let second = now() + 3;
    let token = tokens().issue_at(second, &ada(), 60).expect("issued");
    let token = tokens().verify(&token).expect("it holds");
    assert_eq!(token.issued_at, second);
}

#[test]
fn no_token_outlives_the_memory_of_revocations() {
    let longest = tokens().issue(&ada(), MAX_LIFETIME).expect("issued");
    assert!(tokens().verify(&longest).is_ok());
    let longer = tokens().issue(&ada(), MAX_LIFETIME + 1);
    assert!(matches!(longer, Err(TokenError::TooLong)));
    let end = now() + u64::from(MAX_LIFETIME) + 10;
    assert_rejected("a longer life", &changed("exp", json!(end)));
}

#[test]
fn a_token_for_somebody_else_is_none() {
    for aud in [
        json!(null),
        json!("admin"),
        json!(""),
        json!(["admin"]),
        json!(1),
        json!("SHOP"),
    ] {
        assert_rejected(&format!("aud {aud}"), &changed("aud", aud));
    }
}

#[test]
fn claims_are_whole_and_of_their_types() {
    for claim in ["customer_id", "name", "role", "iat"] {
        assert_rejected(claim, &changed(claim, json!(null)));
    }
    assert_rejected("a text as id", &changed("customer_id", json!("7")));
    assert_rejected("a fraction as id", &changed("customer_id", json!(7.5)));
    let twice = claims().to_string().replacen('{', "{\"customer_id\":8,", 1);
    assert_rejected("an id twice", &signed(HEADER, &twice, SECRET));
    assert_rejected("no JSON", &signed(HEADER, "customer 7", SECRET));
    assert_rejected("a list", &signed(HEADER, "[]", SECRET));
}
