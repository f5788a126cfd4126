//! `/admin/departments`: making, changing and deleting departments.

use edge_sdk::sql::{self, Query};
use edge_sdk::{Failure, Fields, Request, Response, Result};

use super::{hold, merchant, new_id, some};
use crate::departments::NOT_FOUND;
use crate::input::{self, DESCRIPTION, NAME};
use crate::model::Department;

const IN_USE: Failure = Failure::new(409, "DEP_03", "The department still has categories.");

/// A new department.
pub const INSERT: &str = "INSERT INTO department (name, description) VALUES (?, ?)";

/// A department, by its id, as it is from now on.
pub const UPDATE: &str = "UPDATE department SET name = ?, description = ? WHERE department_id = ?";

/// Hold a department, by id.
pub const HOLD: &str = "UPDATE department SET name = name WHERE department_id = ?";

/// Delete a department, by id twice, that has no categories.
pub const DELETE: &str = "DELETE FROM department WHERE department_id = ? \
     AND NOT EXISTS (SELECT 1 FROM category c WHERE c.department_id = ?)";

/// POST `/admin/departments`.
///
/// # Errors
/// Those of who is no merchant, and of fields that do not fit.
pub fn add(request: &Request) -> Result<Response> {
    merchant(request)?;
    let fields = request.fields()?;
    let written = Written::read(&fields)?;
    let added = written.bind(sql::query(INSERT)).execute()?;
    Response::json(&written.department(new_id(added)?))
}

/// PUT `/admin/departments/{department_id}`.
///
/// # Errors
/// As [`add`]; `DEP_01` for a malformed id, `DEP_02` for an unknown one.
pub fn change(request: &Request) -> Result<Response> {
    merchant(request)?;
    let id = request.id_param("department_id")?;
    let fields = request.fields()?;
    let written = Written::read(&fields)?;
    some(
        written.bind(sql::query(UPDATE)).bind(id).execute()?,
        NOT_FOUND,
    )?;
    Response::json(&written.department(id))
}

/// DELETE `/admin/departments/{department_id}`.
///
/// # Errors
/// Those of who is no merchant; `DEP_01` for a malformed id, `DEP_02` for an
/// unknown one, `DEP_03` for one with categories.
pub fn delete(request: &Request) -> Result<Response> {
    merchant(request)?;
    let id = request.id_param("department_id")?;
    sql::transaction(|transaction| {
        hold(transaction, HOLD, id, NOT_FOUND)?;
        let deleted = transaction.query(DELETE).bind(id).bind(id).execute()?;
        some(deleted, IN_USE)
    })?;
    Ok(Response::empty())
}

/// A department as a merchant wrote it.
struct Written<'a> {
    name: &'a str,
    description: Option<&'a str>,
}

impl<'a> Written<'a> {
    fn read(fields: &'a Fields) -> Result<Self> {
        Ok(Self {
            name: input::text(fields, "name", NAME)?,
            description: input::optional_text(fields, "description", DESCRIPTION)?,
        })
    }

    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
        query.bind(self.name).bind(self.description)
    }

    fn department(&self, department_id: i64) -> Department {
        Department {
            department_id,
            name: self.name.to_owned(),
            description: self.description.map(str::to_owned),
        }
    }
}
