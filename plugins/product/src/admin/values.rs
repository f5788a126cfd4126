//! `/admin/attributes/values`: making, changing and deleting the values that
//! an attribute offers.

use edge_sdk::sql::Query;
use edge_sdk::{Failure, Fields, Request, Result};

use super::attributes;
use super::crud::Entity;
use super::rows::Reference;
use crate::ids::{UNKNOWN_ATTRIBUTE, UNKNOWN_VALUE};
use crate::input::{self, MAX_NAME_CHARS};
use crate::model::AttributeValue;

const IN_USE: Failure = Failure::new(409, "ATT_04", "Products still offer the attribute value.");

/// Inserts a value of an attribute.
pub const INSERT: &str = "INSERT INTO attribute_value (attribute_id, value) VALUES (?, ?)";

/// Updates a value, by its id.
pub const UPDATE: &str = "UPDATE attribute_value SET value = ? WHERE attribute_value_id = ?";

/// Holds a value, by its id.
pub const HOLD: &str = "UPDATE attribute_value SET value = value WHERE attribute_value_id = ?";

/// Deletes a value that no product offers, by its id twice.
pub const DELETE: &str = "DELETE FROM attribute_value WHERE attribute_value_id = ? \
     AND NOT EXISTS (SELECT 1 FROM product_attribute pa WHERE pa.attribute_value_id = ?)";

/// The fields of a value as a merchant wrote them.
pub(super) struct ValueFields {
    /// The attribute of a new value; a value that is changed keeps its own.
    attribute_id: Option<i64>,
    value: String,
}

impl Entity for ValueFields {
    type Row = AttributeValue;

    const ID: &'static str = "attribute_value_id";
    const INSERT: &'static str = INSERT;
    const UPDATE: &'static str = UPDATE;
    const HOLD: &'static str = HOLD;
    const DELETE: &'static str = DELETE;
    const UNKNOWN: Failure = UNKNOWN_VALUE;
    const IN_USE: Failure = IN_USE;

    fn read(fields: &Fields) -> Result<Self> {
        Ok(Self {
            attribute_id: None,
            value: input::text(fields, "value", MAX_NAME_CHARS)?.to_owned(),
        })
    }

    fn read_new(request: &Request) -> Result<Self> {
        let attribute_id = request.id_param("attribute_id")?;
        Ok(Self {
            attribute_id: Some(attribute_id),
            ..Self::read(&request.fields()?)?
        })
    }

    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
        let query = match self.attribute_id {
            Some(attribute_id) => query.bind(attribute_id),
            None => query,
        };
        query.bind(self.value.as_str())
    }

    fn into_row(self, attribute_value_id: i64) -> AttributeValue {
        AttributeValue {
            attribute_value_id,
            value: self.value,
        }
    }

    fn parent(&self) -> Option<(Reference, i64)> {
        let attribute = Reference {
            hold: attributes::HOLD,
            unknown: UNKNOWN_ATTRIBUTE,
        };
        Some((attribute, self.attribute_id?))
    }
}
