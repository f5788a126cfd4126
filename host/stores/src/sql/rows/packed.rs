//! Builds the rows of a query as MessagePack, in one buffer.

use rmp::encode::{self, ByteBuf, ValueWriteError};

use super::{Cell, Form};

/// Initial capacity in bytes: enough for a typical page of a list, so that the
/// buffer seldom grows.
const CAPACITY: usize = 4096;

/// Rows encoded as `packed-rows` of `edge:platform/sql`.
#[derive(Debug, Clone)]
pub struct PackedRows(ByteBuf);

impl PackedRows {
    /// Returns the encoded bytes; empty if there are no rows.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_vec()
    }

    /// Returns the number of bytes.
    pub(in crate::sql) fn len(&self) -> usize {
        self.0.as_slice().len()
    }

    fn array(&mut self, length: usize) {
        // No database has rows of four billion columns.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let Ok(_) = encode::write_array_len(&mut self.0, length);
    }
}

// Writing to memory cannot fail, which the error type of the writer says.
impl Form for PackedRows {
    fn new() -> Self {
        Self(ByteBuf::new())
    }

    fn columns<'a>(&mut self, names: impl ExactSizeIterator<Item = &'a str>) {
        self.0 = ByteBuf::with_capacity(CAPACITY);
        self.array(names.len());
        for name in names {
            let Ok(()) = encode::write_str(&mut self.0, name);
        }
    }

    fn row(&mut self, values: usize) {
        self.array(values);
    }

    fn value(&mut self, cell: Cell<'_>) {
        let packed = &mut self.0;
        let Ok(()) = match cell {
            Cell::Null => encode::write_nil(packed).map_err(ValueWriteError::InvalidMarkerWrite),
            Cell::Integer(number) => encode::write_sint(packed, number).map(drop),
            Cell::Real(number) => encode::write_f64(packed, number),
            Cell::Text(text) => encode::write_str(packed, &text),
            Cell::Blob(bytes) => encode::write_bin(packed, bytes),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_arrays_after_the_names() {
        let mut packed = PackedRows::new();
        packed.columns(["id", "name"].into_iter());
        packed.row(2);
        packed.value(Cell::Integer(-1));
        packed.value(Cell::Text("ä".into()));
        packed.row(2);
        packed.value(Cell::Null);
        packed.value(Cell::Blob(&[0, 255]));
        let expected = b"\x92\xa2id\xa4name\x92\xff\xa2\xc3\xa4\x92\xc0\xc4\x02\x00\xff";
        assert_eq!(packed.into_bytes(), expected);
    }

    #[test]
    fn no_rows_are_no_bytes() {
        assert!(PackedRows::new().into_bytes().is_empty());
    }
}
