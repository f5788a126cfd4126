//! Tokens written by somebody who knows how, and perhaps even the key.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::shop::{Shopper, TOKEN_KEYS};

/// `{"alg":"none","typ":"JWT"}`, as a token begins with it.
const NO_ALGORITHM: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

/// Writes tokens in somebody's name.
pub struct Forger {
    customer_id: Value,
    /// The shop's key, and what tokens call it.
    key: (&'static str, &'static str),
    /// A token of the shop's own, without the word before it.
    theirs: String,
}

impl Forger {
    /// In the name of this customer.
    pub async fn of(customer: &Shopper<'_>) -> Self {
        let profile = customer.success(&customer.get("/customer").await);
        let token = customer.token.as_deref().expect("a token");
        let theirs = token.strip_prefix("Bearer ").expect("the word before it");
        Self {
            customer_id: profile["customer_id"].clone(),
            key: TOKEN_KEYS.split_once(':').expect("a key"),
            theirs: theirs.to_owned(),
        }
    }

    /// A token that holds, to show that the others fail for their own reason.
    pub fn sound(&self) -> String {
        self.signed(self.key, &json!({}))
    }

    /// Tokens that do not hold, each with what is wrong with it.
    pub fn unsound(&self) -> Vec<(&'static str, String)> {
        let now = now();
        let changed = |claims: Value| self.signed(self.key, &claims);
        let parts: Vec<_> = self.theirs.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else {
            panic!("not a token: {}", self.theirs);
        };
        let other_key = "another key of these tests that is long enough";
        let forged = changed(json!({ "customer_id": 1 }));
        let forged_claims = forged.split('.').nth(1).unwrap_or_default();
        let bearer = |token: String| format!("Bearer {token}");
        vec![
            ("none", "Bearer".to_owned()),
            ("no word before it", self.theirs.clone()),
            (
                "truncated",
                bearer(self.theirs[..self.theirs.len() - 5].to_owned()),
            ),
            ("two parts", bearer(format!("{header}.{claims}"))),
            ("alg none", bearer(format!("{NO_ALGORITHM}.{claims}."))),
            (
                "alg none, signed",
                bearer(format!("{NO_ALGORITHM}.{claims}.{signature}")),
            ),
            (
                "another's claims",
                bearer(format!("{header}.{forged_claims}.{signature}")),
            ),
            (
                "another key",
                self.signed((self.key.0, other_key), &json!({})),
            ),
            (
                "an unknown key",
                self.signed(("other", other_key), &json!({})),
            ),
            ("expired", changed(json!({ "exp": now - 60 }))),
            ("without an end", changed(json!({ "exp": null }))),
            ("not yet", changed(json!({ "nbf": now + 60 }))),
            ("another audience", changed(json!({ "aud": "admin" }))),
        ]
    }

    /// A token with some claims changed, or taken out by null.
    fn signed(&self, (key_id, key): (&str, &str), changes: &Value) -> String {
        let mut claims = json!({
            "customer_id": self.customer_id, "name": "Ada", "role": "customer",
            "iat": now(), "exp": now() + 60, "aud": "shop",
        });
        let fields = claims.as_object_mut().expect("an object");
        for (name, value) in changes.as_object().expect("an object") {
            fields.insert(name.clone(), value.clone());
        }
        fields.retain(|_, value| !value.is_null());
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key_id.to_owned());
        let key = EncodingKey::from_secret(key.as_bytes());
        format!(
            "Bearer {}",
            encode(&header, &claims, &key).expect("a token")
        )
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}
