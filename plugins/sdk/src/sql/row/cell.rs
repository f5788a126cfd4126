//! One value into one field.

use serde::{
    Deserializer,
    de::{
        Error as _, IntoDeserializer, Unexpected, Visitor,
        value::{SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::Error;
use crate::deserialize::deserialize_with;

/// One value of a row, where it stands in what the host sent.
#[derive(Clone, Copy)]
pub(super) enum Cell<'de> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'de str),
    Blob(&'de [u8]),
}

impl<'de> Cell<'de> {
    /// Reads a text as the name of an enum's variant.
    pub(super) fn variant<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let found = match self {
            Cell::Text(text) => {
                let variant: StrDeserializer<'_, Error> = text.into_deserializer();
                return visitor.visit_enum(variant);
            }
            Cell::Null => Unexpected::Unit,
            Cell::Integer(number) => Unexpected::Signed(number),
            Cell::Real(number) => Unexpected::Float(number),
            Cell::Blob(_) => Unexpected::Other("bytes"),
        };
        Err(Error::invalid_type(found, &visitor))
    }
}

impl<'de> Deserializer<'de> for Cell<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Cell::Null => visitor.visit_unit(),
            Cell::Integer(number) => visitor.visit_i64(number),
            Cell::Real(number) => visitor.visit_f64(number),
            Cell::Text(text) => visitor.visit_borrowed_str(text),
            Cell::Blob(bytes) => visitor.visit_borrowed_bytes(bytes),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Cell::Integer(0) => visitor.visit_bool(false),
            Cell::Integer(1) => visitor.visit_bool(true),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Cell::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// A `Vec<u8>` is a sequence to serde.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Cell::Blob(bytes) => {
                visitor.visit_seq(SeqDeserializer::<_, Error>::new(bytes.iter().copied()))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    deserialize_with! {
        |self, visitor| visitor.visit_newtype_struct(self) => deserialize_newtype_struct
    }
    deserialize_with! { |self, visitor| self.variant(visitor) => deserialize_enum }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map struct identifier ignored_any
    }
}
