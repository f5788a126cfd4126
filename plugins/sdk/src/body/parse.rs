//! Fields into structs: a serde deserializer over names and text.

use std::fmt::Display;

use serde::{
    Deserializer,
    de::{
        self, DeserializeOwned, IntoDeserializer, Visitor,
        value::{MapDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::{
    Codes, Failure, Result,
    deserialize::deserialize_with,
    text::{finite, integer, natural, switch},
};

const UNFIT: Failure = Failure::malformed("The field has a wrong value.");

/// Reads a struct (or a map) from names and text.
pub(super) fn parse<'a, T: DeserializeOwned>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    codes: &Codes,
) -> Result<T> {
    let fields = fields.map(|(name, text)| (name, Text { name, text }));
    let parsed = T::deserialize(MapDeserializer::<_, Unfit>::new(fields));
    parsed.map_err(|unfit| match unfit {
        Unfit::Missing(field) => codes.missing(&[field]),
        Unfit::Wrong(failure) => failure,
    })
}

/// Reads the integer of one field.
pub(super) fn integer_field(name: &str, text: &str) -> Result<i64> {
    integer(text).ok_or_else(|| UNFIT.field(name))
}

/// Why the fields do not make the struct.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("the field {0} is missing")]
    Missing(&'static str),
    #[error(transparent)]
    Wrong(Failure),
}

impl de::Error for Unfit {
    fn custom<T: Display>(_: T) -> Self {
        Self::Wrong(UNFIT)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::Wrong(UNFIT.field(field))
    }
}

/// The text of one field, which becomes what the struct wants.
#[derive(Clone, Copy)]
struct Text<'a> {
    name: &'a str,
    text: &'a str,
}

impl IntoDeserializer<'_, Unfit> for Text<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Text<'_> {
    /// Returns the failure that names this field.
    fn unfit(self) -> Unfit {
        Unfit::Wrong(UNFIT.field(self.name))
    }

    /// Reads the text as the name of an enum's variant.
    fn variant<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        let variant: StrDeserializer<'_, Unfit> = self.text.into_deserializer();
        visitor.visit_enum(variant).map_err(|_| self.unfit())
    }
}

/// Reads the text by a function, and gives what it found to the visitor.
macro_rules! by {
    ($read:expr => $visit:ident: $($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            let read = $read;
            let value = read(self.text).ok_or_else(|| self.unfit())?;
            visitor.$visit(value).map_err(|_: Unfit| self.unfit())
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Unfit;

    by! { integer => visit_i64: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 }
    by! { natural => visit_u64: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }
    by! { finite => visit_f64: deserialize_f32 deserialize_f64 }
    by! { switch => visit_bool: deserialize_bool }
    by! { Some => visit_str: deserialize_any }

    deserialize_with! { |self, visitor| visitor.visit_some(self) => deserialize_option }
    deserialize_with! {
        |self, visitor| visitor.visit_newtype_struct(self) => deserialize_newtype_struct
    }
    deserialize_with! { |self, visitor| self.variant(visitor) => deserialize_enum }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::failure::DISTINCT;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Id(i64);

    #[derive(Debug, Deserialize, PartialEq)]
    struct Shirt {
        name: String,
        id: Id,
        size: u8,
        colour: Option<Colour>,
        sold: Option<bool>,
        weight: Option<f64>,
        change: Option<i16>,
    }

    const SHIRT: [(&str, &str); 3] = [("name", " 007 "), ("id", "12"), ("size", "42")];

    fn shirt(more: &[(&'static str, &'static str)]) -> Result<Shirt> {
        parse(
            SHIRT
                .into_iter()
                .filter(|(name, _)| more.iter().all(|(other, _)| other != name))
                .chain(more.iter().copied()),
            &Codes::NEUTRAL,
        )
    }

    #[test]
    fn text_becomes_what_the_struct_wants() {
        let expected = Shirt {
            name: " 007 ".to_owned(),
            id: Id(12),
            size: 42,
            colour: Some(Colour::Red),
            sold: Some(true),
            weight: Some(0.25),
            change: Some(-3),
        };
        let more = [
            ("colour", "red"),
            ("sold", " true"),
            ("weight", "0.25 "),
            ("change", "-3"),
        ];
        assert_eq!(shirt(&more), Ok(expected));
    }

    #[test]
    fn integers_and_booleans_in_other_words() {
        for size in ["42", "42.0", "42.00", "042", " 42 ", "4.2e1", "420e-1"] {
            assert_eq!(shirt(&[("size", size)]).unwrap().size, 42, "{size}");
        }
        assert_eq!(shirt(&[("change", "-3.0")]).unwrap().change, Some(-3));
        for (text, sold) in [("1", true), ("On", true), ("FALSE", false), ("off", false)] {
            assert_eq!(shirt(&[("sold", text)]).unwrap().sold, Some(sold), "{text}");
        }
    }

    #[test]
    fn what_may_be_missing_may_be_missing() {
        let shirt = shirt(&[("unknown", "x")]).unwrap();
        assert_eq!(
            (shirt.colour, shirt.sold, shirt.weight, shirt.change),
            (None, None, None, None)
        );
    }

    #[test]
    fn text_that_does_not_fit_is_refused_by_name() {
        let numbers = [
            "",
            " ",
            "-1",
            "256",
            "+1",
            "1.5",
            "1.",
            ".0",
            "1.0.0",
            "256.0",
            "1e3",
            "1e-1",
            "0x10",
            "١",
            "null",
            "9223372036854775808",
        ];
        for text in numbers {
            let failure = shirt(&[("size", text)]).unwrap_err();
            assert_eq!(
                (failure.status(), failure.code()),
                (400, "HTTP_400"),
                "{text}"
            );
            assert_eq!(failure.faulty_field(), Some("size"));
        }
        for (name, text) in [
            ("colour", "green"),
            ("sold", "2"),
            ("sold", ""),
            ("weight", "NaN"),
            ("weight", "1e309"),
            ("change", "40000"),
            ("id", "x"),
        ] {
            assert_eq!(
                shirt(&[(name, text)]).unwrap_err().faulty_field(),
                Some(name)
            );
        }
    }

    #[test]
    fn a_missing_field_is_required() {
        let failure = parse::<Shirt>(SHIRT.into_iter().take(1), &DISTINCT).unwrap_err();
        assert_eq!((failure.status(), failure.code()), (400, "MISSING"));
        assert_eq!(failure.faulty_field(), Some("id"));
    }

    #[test]
    fn unknown_fields_can_be_refused() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Strict {}

        let fields = [("is_admin", "true")].into_iter();
        let failure = parse::<Strict>(fields, &Codes::NEUTRAL).unwrap_err();
        assert_eq!(failure.faulty_field(), Some("is_admin"));
    }
}
