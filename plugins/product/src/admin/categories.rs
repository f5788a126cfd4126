//! `/admin/categories`: making, changing and deleting categories, each in an
//! existing department.

use edge_sdk::sql::Query;
use edge_sdk::{Failure, Fields, Result};

use super::crud::Entity;
use super::departments;
use super::rows::Reference;
use crate::ids::{UNKNOWN_CATEGORY, UNKNOWN_DEPARTMENT};
use crate::input::{self, MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS};
use crate::model::Category;

const IN_USE: Failure = Failure::new(409, "CAT_02", "The category still has products.");

/// Inserts a category.
pub const INSERT: &str = "INSERT INTO category (department_id, name, description) VALUES (?, ?, ?)";

/// Updates a category, by its id.
pub const UPDATE: &str =
    "UPDATE category SET department_id = ?, name = ?, description = ? WHERE category_id = ?";

/// Holds a category, by its id.
pub const HOLD: &str = "UPDATE category SET name = name WHERE category_id = ?";

/// Deletes a category without products, by its id twice.
pub const DELETE: &str = "DELETE FROM category WHERE category_id = ? \
     AND NOT EXISTS (SELECT 1 FROM product_category pc WHERE pc.category_id = ?)";

/// The fields of a category as a merchant wrote them.
pub(super) struct CategoryFields {
    department_id: i64,
    name: String,
    description: Option<String>,
}

impl Entity for CategoryFields {
    type Row = Category;

    const ID: &'static str = "category_id";
    const INSERT: &'static str = INSERT;
    const UPDATE: &'static str = UPDATE;
    const HOLD: &'static str = HOLD;
    const DELETE: &'static str = DELETE;
    const UNKNOWN: Failure = UNKNOWN_CATEGORY;
    const IN_USE: Failure = IN_USE;

    fn read(fields: &Fields) -> Result<Self> {
        fields.required(&["department_id", "name"])?;
        let department_id = input::required_number(fields, "department_id", 1..=i64::MAX)?;
        let name = input::text(fields, "name", MAX_NAME_CHARS)?.to_owned();
        let description = input::optional_text(fields, "description", MAX_DESCRIPTION_CHARS)?;
        Ok(Self {
            department_id,
            name,
            description: description.map(str::to_owned),
        })
    }

    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
        query
            .bind(self.department_id)
            .bind(self.name.as_str())
            .bind(self.description.as_deref())
    }

    fn into_row(self, category_id: i64) -> Category {
        Category {
            category_id,
            name: self.name,
            description: self.description,
            department_id: Some(self.department_id),
        }
    }

    fn parent(&self) -> Option<(Reference, i64)> {
        let department = Reference {
            hold: departments::HOLD,
            unknown: UNKNOWN_DEPARTMENT,
        };
        Some((department, self.department_id))
    }
}
