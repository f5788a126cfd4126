//! `/admin/departments`: making, changing and deleting departments.

use edge_sdk::sql::Query;
use edge_sdk::{Failure, Fields, Result};

use super::crud::Entity;
use crate::ids::UNKNOWN_DEPARTMENT;
use crate::input::{self, MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS};
use crate::model::Department;

const IN_USE: Failure = Failure::new(409, "DEP_03", "The department still has categories.");

/// Inserts a department.
pub const INSERT: &str = "INSERT INTO department (name, description) VALUES (?, ?)";

/// Updates a department, by its id.
pub const UPDATE: &str = "UPDATE department SET name = ?, description = ? WHERE department_id = ?";

/// Holds a department, by its id.
pub const HOLD: &str = "UPDATE department SET name = name WHERE department_id = ?";

/// Deletes a department without categories, by its id twice.
pub const DELETE: &str = "DELETE FROM department WHERE department_id = ? \
     AND NOT EXISTS (SELECT 1 FROM category c WHERE c.department_id = ?)";

/// The fields of a department as a merchant wrote them.
pub(super) struct DepartmentFields {
    name: String,
    description: Option<String>,
}

impl Entity for DepartmentFields {
    type Row = Department;

    const ID: &'static str = "department_id";
    const INSERT: &'static str = INSERT;
    const UPDATE: &'static str = UPDATE;
    const HOLD: &'static str = HOLD;
    const DELETE: &'static str = DELETE;
    const UNKNOWN: Failure = UNKNOWN_DEPARTMENT;
    const IN_USE: Failure = IN_USE;

    fn read(fields: &Fields) -> Result<Self> {
        let name = input::text(fields, "name", MAX_NAME_CHARS)?.to_owned();
        let description = input::optional_text(fields, "description", MAX_DESCRIPTION_CHARS)?;
        Ok(Self {
            name,
            description: description.map(str::to_owned),
        })
    }

    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
        query
            .bind(self.name.as_str())
            .bind(self.description.as_deref())
    }

    fn into_row(self, department_id: i64) -> Department {
        Department {
            department_id,
            name: self.name,
            description: self.description,
        }
    }
}
