//! `/departments`: the broadest division of the catalog.

use edge_sdk::sql::Readable;
use edge_sdk::{Request, Response, Result, sql};

use crate::ids::UNKNOWN_DEPARTMENT;
use crate::model::Department;
use crate::pages;

/// Selects a page of all departments.
pub const ALL: &str = "SELECT department_id, name, description FROM department \
     ORDER BY department_id LIMIT ? OFFSET ?";

/// Selects one department, by id.
pub const ONE: &str =
    "SELECT department_id, name, description FROM department WHERE department_id = ?";

/// GET `/departments`.
///
/// # Errors
/// `PAG_03` for a malformed page.
pub fn list(request: &Request) -> Result<Response> {
    let page = pages::described(request)?;
    let departments: Readable<Department> = sql::query(ALL)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("department", "department_id")?;
    page.respond(departments)
}

/// GET `/departments/{department_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `DEP_02` for an unknown one.
pub fn one(request: &Request) -> Result<Response> {
    let id = request.id_param("department_id")?;
    let department: Option<Department> = sql::query(ONE)
        .bind(id)
        .readable_first("department", "department_id")?;
    Response::json(&department.ok_or(UNKNOWN_DEPARTMENT)?)
}
