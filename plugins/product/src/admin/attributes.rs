//! `/admin/attributes`: making, changing and deleting attributes.

use edge_sdk::sql::Query;
use edge_sdk::{Failure, Fields, Result};

use super::crud::Entity;
use crate::ids::UNKNOWN_ATTRIBUTE;
use crate::input::{self, MAX_NAME_CHARS};
use crate::model::Attribute;

const IN_USE: Failure = Failure::new(409, "ATT_03", "The attribute still has values.");

/// Inserts an attribute.
pub const INSERT: &str = "INSERT INTO attribute (name) VALUES (?)";

/// Updates an attribute, by its id.
pub const UPDATE: &str = "UPDATE attribute SET name = ? WHERE attribute_id = ?";

/// Holds an attribute, by its id.
pub const HOLD: &str = "UPDATE attribute SET name = name WHERE attribute_id = ?";

/// Deletes an attribute without values, by its id twice.
pub const DELETE: &str = "DELETE FROM attribute WHERE attribute_id = ? \
     AND NOT EXISTS (SELECT 1 FROM attribute_value v WHERE v.attribute_id = ?)";

/// The fields of an attribute as a merchant wrote them.
pub(super) struct AttributeFields {
    name: String,
}

impl Entity for AttributeFields {
    type Row = Attribute;

    const ID: &'static str = "attribute_id";
    const INSERT: &'static str = INSERT;
    const UPDATE: &'static str = UPDATE;
    const HOLD: &'static str = HOLD;
    const DELETE: &'static str = DELETE;
    const UNKNOWN: Failure = UNKNOWN_ATTRIBUTE;
    const IN_USE: Failure = IN_USE;

    fn read(fields: &Fields) -> Result<Self> {
        Ok(Self {
            name: input::text(fields, "name", MAX_NAME_CHARS)?.to_owned(),
        })
    }

    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
        query.bind(self.name.as_str())
    }

    fn into_row(self, attribute_id: i64) -> Attribute {
        Attribute {
            attribute_id,
            name: self.name,
        }
    }
}
