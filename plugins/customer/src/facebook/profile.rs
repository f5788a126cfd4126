//! The profile of a person, as the Graph API returns it.

use serde::Deserialize;

use crate::rules::text::{MAX_NAME_CHARS, steers};

/// Longest id of a profile, in digits. Facebook's have at most 17.
const MAX_ID_DIGITS: usize = 32;

/// A Facebook profile.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Profile {
    /// Id of the profile: digits, the same for every login to this shop.
    pub id: String,
    /// The person's name.
    pub name: String,
    /// The address, if the person has one and shares it. Facebook may not have
    /// verified it.
    pub email: Option<String>,
}

impl Profile {
    /// Reads an answer of the Graph API; nothing of another form is a profile.
    pub fn read(body: &[u8]) -> Option<Self> {
        let profile: Self = serde_json::from_slice(body).ok()?;
        let digits = profile.id.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (1..=MAX_ID_DIGITS).contains(&profile.id.len());
        (digits && fits && !profile.customer_name().is_empty()).then_some(profile)
    }

    /// Returns the name as customers have one: cut where it is too long, since
    /// nobody is there to choose another.
    pub fn customer_name(&self) -> String {
        let plain: String = self.name.chars().filter(|one| !steers(*one)).collect();
        let cut: String = plain.trim().chars().take(MAX_NAME_CHARS).collect();
        cut.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read() {
        let body =
            r#"{"id": "10220000000000001", "name": "Zoë", "email": "zoe@example.com", "x": []}"#;
        let profile = Profile {
            id: "10220000000000001".to_owned(),
            name: "Zoë".to_owned(),
            email: Some("zoe@example.com".to_owned()),
        };
        assert_eq!(Profile::read(body.as_bytes()), Some(profile));
        let without = Profile::read(br#"{"id": "1", "name": "Zoe"}"#).unwrap();
        assert_eq!(without.email, None);
    }

    #[test]
    fn nothing_else_is_a_profile() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"id": 1, "name": "Zoe"}"#,
            r#"{"id": "", "name": "Zoe"}"#,
            r#"{"id": "1 OR 1=1", "name": "Zoe"}"#,
            r#"{"id": "123456789012345678901234567890123", "name": "Zoe"}"#,
            r#"{"id": "1"}"#,
            r#"{"id": "1", "name": " \u202e "}"#,
            r#"{"id": "1", "name": "Zoe", "email": 1}"#,
            r#"{"id": "1", "name": "Zo"#,
            "<html>",
        ] {
            assert_eq!(Profile::read(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn names_are_made_to_fit() {
        let named = |name: &str| {
            let profile = Profile {
                id: "1".to_owned(),
                name: name.to_owned(),
                email: None,
            };
            profile.customer_name()
        };
        assert_eq!(named(" Ada\r\nKing "), "AdaKing");
        assert_eq!(
            named(&"ü".repeat(MAX_NAME_CHARS + 1)),
            "ü".repeat(MAX_NAME_CHARS)
        );
        assert_eq!(
            named(&format!("{} b", "a".repeat(MAX_NAME_CHARS - 1))),
            "a".repeat(MAX_NAME_CHARS - 1)
        );
    }
}
