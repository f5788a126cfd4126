//! Rows as the host sends them: MessagePack, see `packed-rows` in
//! `wit/platform/sql.wit`.

use std::fmt::Display;

use rmp::{Marker, decode};

use super::{Cell, Error, Row};

/// The rest of a result.
pub(super) struct Rows<'de> {
    columns: Vec<&'de str>,
    /// The values of the row that was read last.
    values: Vec<Cell<'de>>,
    rest: &'de [u8],
}

impl<'de> Rows<'de> {
    /// Reads the names of the columns.
    pub(super) fn new(packed: &'de [u8]) -> Result<Self, Error> {
        let mut rest = packed;
        let mut columns = Vec::new();
        if !rest.is_empty() {
            for _ in 0..array(&mut rest)? {
                columns.push(text(&mut rest)?);
            }
        }
        let values = Vec::with_capacity(columns.len());
        Ok(Self {
            columns,
            values,
            rest,
        })
    }

    /// Reads the next row, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_, 'de>>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.values.clear();
        for _ in 0..array(&mut self.rest)? {
            self.values.push(cell(&mut self.rest)?);
        }
        Ok(Some(Row {
            columns: &self.columns,
            values: &self.values,
        }))
    }

    /// Returns the number of rows that are left.
    pub(super) fn count(mut self) -> Result<usize, Error> {
        let mut count = 0;
        while self.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}

fn array(packed: &mut &[u8]) -> Result<u32, Error> {
    decode::read_array_len(packed).map_err(malformed)
}

fn text<'de>(packed: &mut &'de [u8]) -> Result<&'de str, Error> {
    let length = decode::read_str_len(packed).map_err(malformed)?;
    str::from_utf8(take(packed, length)?).map_err(malformed)
}

fn cell<'de>(packed: &mut &'de [u8]) -> Result<Cell<'de>, Error> {
    let first = packed.first().copied().unwrap_or_default();
    Ok(match Marker::from_u8(first) {
        Marker::Null => {
            decode::read_nil(packed).map_err(malformed)?;
            Cell::Null
        }
        Marker::F64 => Cell::Real(decode::read_f64(packed).map_err(malformed)?),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            Cell::Text(text(packed)?)
        }
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
            let length = decode::read_bin_len(packed).map_err(malformed)?;
            Cell::Blob(take(packed, length)?)
        }
        _ => Cell::Integer(decode::read_int(packed).map_err(malformed)?),
    })
}

/// The next so many bytes.
fn take<'de>(packed: &mut &'de [u8], length: u32) -> Result<&'de [u8], Error> {
    let split = packed.split_at_checked(length as usize);
    let (bytes, rest) = split.ok_or_else(|| malformed("it breaks off"))?;
    *packed = rest;
    Ok(bytes)
}

fn malformed(why: impl Display) -> Error {
    Error::Decode(format!("not packed rows: {why}"))
}
