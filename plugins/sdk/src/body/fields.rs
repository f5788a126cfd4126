//! The fields of a body: names and their text.

use std::collections::{BTreeMap, btree_map::Entry};

use serde::de::DeserializeOwned;

use super::parse;
use crate::{Codes, Failure, Result};

const TWICE: Failure = Failure::malformed("The body names a field twice.");

/// The fields of a body, each with its text.
///
/// All ways to write a body end up alike: the numbers and booleans of JSON are
/// here as the text the client wrote, and its `null` as no field at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    texts: BTreeMap<String, String>,
    codes: &'static Codes,
}

impl Fields {
    /// Returns the text of the field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// Returns all fields, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Returns true if there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Checks that all these fields are there and not blank.
    ///
    /// # Errors
    /// 400 ([`Codes::missing`]), its `field` being the missing names with commas
    /// between.
    pub fn required(&self, names: &[&str]) -> Result<()> {
        let is_blank = |name: &&&str| self.get(name).is_none_or(|text| text.trim().is_empty());
        let missing: Vec<_> = names.iter().filter(is_blank).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(self.codes.missing(&missing))
    }

    /// Reads the fields into a struct, by serde.
    ///
    /// Text becomes whatever the struct's field is: integers and booleans as
    /// [`text`](crate::text) reads them, such as `2`, `2.0`, `2e0`, `true` and
    /// `off`. Fields that the struct lacks are left out; those that may be
    /// missing are `Option`s.
    ///
    /// ```
    /// # fn handler(request: &edge_sdk::Request) -> edge_sdk::Result<()> {
    /// #[derive(serde::Deserialize)]
    /// struct Review {
    ///     review: String,
    ///     rating: u8,
    ///     title: Option<String>,
    /// }
    ///
    /// let review: Review = request.fields()?.parse()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// 400 for a field that is missing ([`Codes::missing`]), 400 `HTTP_400` for one
    /// whose text does not fit, both naming it.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        parse::parse(self.iter(), self.codes)
    }

    /// Reads the field of this name as an integer; none if it is missing or blank.
    ///
    /// # Errors
    /// 400 `HTTP_400` for text that is no integer, as in [`parse`](Self::parse).
    pub fn integer(&self, name: &str) -> Result<Option<i64>> {
        let text = self.get(name).filter(|text| !text.trim().is_empty());
        text.map(|text| parse::integer_field(name, text))
            .transpose()
    }

    /// Returns the fields with the codes of the failures that are made while they
    /// are read.
    pub(super) fn with_codes(self, codes: &'static Codes) -> Self {
        Self { codes, ..self }
    }

    /// Adds a field.
    ///
    /// A name that stands there twice is refused: two readers of such a body
    /// may each take another value for the true one.
    pub(super) fn add(&mut self, name: String, text: String) -> Result<()> {
        match self.texts.entry(name) {
            Entry::Vacant(place) => {
                place.insert(text);
                Ok(())
            }
            Entry::Occupied(place) => Err(named_twice(place.key())),
        }
    }
}

/// Returns the failure of a body that names this field twice.
pub(super) fn named_twice(name: &str) -> Failure {
    TWICE.field(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::DISTINCT;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, text) in pairs {
            fields.add((*name).to_owned(), (*text).to_owned()).unwrap();
        }
        fields
    }

    #[test]
    fn required_names_all_that_is_missing_or_blank() {
        let fields = fields(&[("name", "x"), ("email", ""), ("city", " \t\u{3000}\r\n")])
            .with_codes(&DISTINCT);
        assert_eq!(fields.required(&["name"]), Ok(()));
        assert_eq!(fields.required(&[]), Ok(()));
        let failure = fields
            .required(&["name", "email", "city", "region"])
            .unwrap_err();
        assert_eq!((failure.status(), failure.code()), (400, "MISSING"));
        assert_eq!(failure.message(), "Say it all.");
        assert_eq!(failure.faulty_field(), Some("email,city,region"));
    }

    #[test]
    fn a_name_may_stand_only_once() {
        let failure = fields(&[("a", "1")])
            .add("a".into(), "1".into())
            .unwrap_err();
        assert_eq!((failure.status(), failure.code()), (400, "HTTP_400"));
        assert_eq!(failure.faulty_field(), Some("a"));
    }

    #[test]
    fn text_stays_as_it_came() {
        let nasty = "\0 İß\u{202e}👕 <script> '; DROP TABLE x;-- %00 ../ \r\n";
        let fields = fields(&[("a", nasty)]);
        assert_eq!(fields.get("a"), Some(nasty));
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("a", nasty)]);
        assert!(!fields.is_empty());
    }
}
