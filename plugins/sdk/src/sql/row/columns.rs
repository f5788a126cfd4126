//! The columns of a row, one after the other: by name for structs, by position for tuples.

use std::slice;

use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, value::StrDeserializer};

use super::{Cell, Error};

/// The rest of a row.
pub(super) struct Columns<'a, 'de> {
    names: slice::Iter<'a, &'de str>,
    values: slice::Iter<'a, Cell<'de>>,
}

impl<'a, 'de> Columns<'a, 'de> {
    pub(super) fn new(names: &'a [&'de str], values: &'a [Cell<'de>]) -> Self {
        Self {
            names: names.iter(),
            values: values.iter(),
        }
    }

    /// Columns not yet read.
    pub(super) fn left(&self) -> usize {
        self.values.len()
    }

    /// Reads the next value; an error names its column.
    fn next<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let name = self.names.next();
        let Some(value) = self.values.next() else {
            return Ok(None);
        };
        let read = seed.deserialize(*value);
        read.map(Some).map_err(|error| in_column(name, error))
    }
}

fn in_column(name: Option<&&str>, error: Error) -> Error {
    match (name, error) {
        (Some(name), Error::Decode(why)) => Error::Decode(format!("column {name}: {why}")),
        (_, error) => error,
    }
}

impl<'de> MapAccess<'de> for Columns<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some(name) = self.names.as_slice().first() else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Error> = (*name).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let missing = || Error::Decode("a row has fewer values than columns".to_owned());
        self.next(seed)?.ok_or_else(missing)
    }
}

impl<'de> SeqAccess<'de> for &mut Columns<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.next(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left())
    }
}
