//! Rows into structs: a serde deserializer over columns and values.
//! Texts and blobs are moved into the struct, not copied.

mod cell;
mod columns;

use serde::{
    Deserializer,
    de::{DeserializeOwned, Error as _, Visitor},
};

use super::{Error, Value};
use crate::bindings::edge::platform::sql::Rows;
use cell::Cell;
use columns::Columns;

/// Reads all rows.
pub(super) fn all<T: DeserializeOwned>(found: Rows) -> Result<Vec<T>, Error> {
    let Rows { columns, rows } = found;
    let rows = rows.into_iter().map(|values| one(&columns, values));
    rows.collect()
}

/// Reads the first row, if there is one.
pub(super) fn first<T: DeserializeOwned>(found: Rows) -> Result<Option<T>, Error> {
    let Rows { columns, rows } = found;
    let row = rows.into_iter().next();
    row.map(|values| one(&columns, values)).transpose()
}

/// Reads the one column of the one row.
pub(super) fn scalar<T: DeserializeOwned>(found: Rows) -> Result<T, Error> {
    let values = the_only(found.rows, "rows")?;
    T::deserialize(Cell(the_only(values, "columns")?))
}

fn one<T: DeserializeOwned>(columns: &[String], values: Vec<Value>) -> Result<T, Error> {
    T::deserialize(Row { columns, values })
}

/// The item of a list that must have one item.
fn the_only<T>(items: Vec<T>, what: &str) -> Result<T, Error> {
    let count = items.len();
    match (items.into_iter().next(), count) {
        (Some(item), 1) => Ok(item),
        _ => Err(Error::custom(format_args!("{count} {what} instead of one"))),
    }
}

/// One row. A struct or map takes its columns by name, a tuple or sequence by
/// position; anything else is the only column.
struct Row<'a> {
    columns: &'a [String],
    values: Vec<Value>,
}

impl Row<'_> {
    fn only_cell(self) -> Result<Cell, Error> {
        the_only(self.values, "columns").map(Cell)
    }

    fn by_name<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Columns::new(self.columns, self.values))
    }

    fn by_position<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut columns = Columns::new(self.columns, self.values);
        let value = visitor.visit_seq(&mut columns)?;
        match columns.left() {
            0 => Ok(value),
            left => Err(Error::custom(format_args!("{left} columns too many"))),
        }
    }
}

/// Passes on to the only column.
macro_rules! only_cell {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.only_cell()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Row<'_> {
    type Error = Error;

    only_cell! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
        deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.by_name(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.by_name(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.by_name(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.by_position(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.by_position(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.by_position(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.only_cell()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.only_cell()?.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

#[cfg(test)]
mod tests;
