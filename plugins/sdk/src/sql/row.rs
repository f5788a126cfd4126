//! Rows into structs: a serde deserializer over columns and values, read from
//! where they stand in what the host sent.

mod cell;
mod columns;
mod packed;

use serde::{
    Deserializer,
    de::{DeserializeOwned, Error as _, Visitor},
};

use super::Error;
use crate::deserialize::deserialize_with;
use cell::Cell;
use columns::Columns;
use packed::Rows;

/// Reads all rows.
pub(super) fn all<T: DeserializeOwned>(packed: &[u8]) -> Result<Vec<T>, Error> {
    let mut rows = Rows::new(packed)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(T::deserialize(row)?);
    }
    Ok(all)
}

/// Reads all rows, each that does not fit as `None`: `on_misfit` is told why.
pub(super) fn readable<T: DeserializeOwned>(
    packed: &[u8],
    mut on_misfit: impl FnMut(Row<'_, '_>, &Error),
) -> Result<Vec<Option<T>>, Error> {
    let mut rows = Rows::new(packed)?;
    let mut readable = Vec::new();
    while let Some(row) = rows.next()? {
        let read = T::deserialize(row);
        readable.push(read.map_err(|why| on_misfit(row, &why)).ok());
    }
    Ok(readable)
}

/// Reads the first row, if there is one.
pub(super) fn first<T: DeserializeOwned>(packed: &[u8]) -> Result<Option<T>, Error> {
    let mut rows = Rows::new(packed)?;
    rows.next()?.map(T::deserialize).transpose()
}

/// Reads the one column of the one row.
pub(super) fn scalar<T: DeserializeOwned>(packed: &[u8]) -> Result<T, Error> {
    let count = Rows::new(packed)?.count()?;
    let mut rows = Rows::new(packed)?;
    match rows.next()? {
        Some(row) if count == 1 => T::deserialize(row.only_cell()?),
        _ => Err(no_only("rows", count)),
    }
}

fn no_only(what: &str, count: usize) -> Error {
    Error::custom(format_args!("{count} {what} instead of one"))
}

/// One row. A struct or map takes its columns by name, a tuple or sequence by
/// position; anything else is the only column.
#[derive(Clone, Copy)]
pub(super) struct Row<'a, 'de> {
    columns: &'a [&'de str],
    values: &'a [Cell<'de>],
}

impl<'de> Row<'_, 'de> {
    /// Returns the whole number in the column of this name.
    pub(super) fn integer(&self, column: &str) -> Option<i64> {
        let place = self.columns.iter().position(|name| *name == column)?;
        match self.values.get(place)? {
            Cell::Integer(number) => Some(*number),
            _ => None,
        }
    }

    fn only_cell(self) -> Result<Cell<'de>, Error> {
        match self.values {
            [value] => Ok(*value),
            values => Err(no_only("columns", values.len())),
        }
    }

    fn by_name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Columns::new(self.columns, self.values))
    }

    fn by_position<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut columns = Columns::new(self.columns, self.values);
        let value = visitor.visit_seq(&mut columns)?;
        match columns.left() {
            0 => Ok(value),
            left => Err(Error::custom(format_args!("{left} columns too many"))),
        }
    }
}

/// Writes methods that are those of the only column.
macro_rules! only_cell {
    ($($method:ident)*) => {$(
        deserialize_with! { |self, visitor| self.only_cell()?.$method(visitor) => $method }
    )*};
}

impl<'de> Deserializer<'de> for Row<'_, 'de> {
    type Error = Error;

    only_cell! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
        deserialize_identifier
    }

    deserialize_with! {
        |self, visitor| self.by_name(visitor) =>
            deserialize_any deserialize_map deserialize_struct
    }

    deserialize_with! {
        |self, visitor| self.by_position(visitor) =>
            deserialize_seq deserialize_tuple deserialize_tuple_struct
    }

    deserialize_with! {
        |self, visitor| visitor.visit_newtype_struct(self) => deserialize_newtype_struct
    }
    deserialize_with! { |self, visitor| self.only_cell()?.variant(visitor) => deserialize_enum }
    deserialize_with! {
        |self, visitor| self.only_cell()?.deserialize_unit(visitor) => deserialize_unit_struct
    }
    deserialize_with! { |self, visitor| visitor.visit_unit() => deserialize_ignored_any }
}

#[cfg(test)]
mod tests;
