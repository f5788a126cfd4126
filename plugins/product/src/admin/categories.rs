//! `/admin/categories`: making, changing and deleting categories.

use edge_sdk::sql::{self, Query};
use edge_sdk::{Failure, Fields, Request, Response, Result};

use super::{departments, hold, merchant, new_id, some};
use crate::categories::NOT_FOUND;
use crate::counts;
use crate::departments::NOT_FOUND as NO_DEPARTMENT;
use crate::input::{self, DESCRIPTION, NAME};
use crate::model::Category;

const IN_USE: Failure = Failure::new(409, "CAT_02", "The category still has products.");

/// A new category.
pub const INSERT: &str = "INSERT INTO category (department_id, name, description) VALUES (?, ?, ?)";

/// A category, by its id, as it is from now on.
pub const UPDATE: &str =
    "UPDATE category SET department_id = ?, name = ?, description = ? WHERE category_id = ?";

/// Hold a category, by id.
pub const HOLD: &str = "UPDATE category SET name = name WHERE category_id = ?";

/// Delete a category, by id twice, that has no products.
pub const DELETE: &str = "DELETE FROM category WHERE category_id = ? \
     AND NOT EXISTS (SELECT 1 FROM product_category pc WHERE pc.category_id = ?)";

/// POST `/admin/categories`.
///
/// # Errors
/// Those of who is no merchant, and of fields that do not fit; `DEP_02` for an
/// unknown department.
pub fn add(request: &Request) -> Result<Response> {
    merchant(request)?;
    let fields = request.fields()?;
    let written = Written::read(&fields)?;
    let id = sql::transaction(|transaction| {
        let department = written.department_id;
        hold(transaction, departments::HOLD, department, NO_DEPARTMENT)?;
        let added = written.bind(transaction.query(INSERT)).execute()?;
        Ok::<_, Failure>(new_id(added)?)
    })?;
    Response::json(&written.category(id))
}

/// PUT `/admin/categories/{category_id}`.
///
/// # Errors
/// As [`add`]; `DEP_01` for a malformed id, `CAT_01` for an unknown one.
pub fn change(request: &Request) -> Result<Response> {
    merchant(request)?;
    let id = request.id_param("category_id")?;
    let fields = request.fields()?;
    let written = Written::read(&fields)?;
    sql::transaction(|transaction| {
        let department = written.department_id;
        hold(transaction, departments::HOLD, department, NO_DEPARTMENT)?;
        let changed = written.bind(transaction.query(UPDATE)).bind(id);
        some(changed.execute()?, NOT_FOUND)
    })?;
    counts::forget();
    Response::json(&written.category(id))
}

/// DELETE `/admin/categories/{category_id}`.
///
/// # Errors
/// Those of who is no merchant; `DEP_01` for a malformed id, `CAT_01` for an
/// unknown one, `CAT_02` for one with products.
pub fn delete(request: &Request) -> Result<Response> {
    merchant(request)?;
    let id = request.id_param("category_id")?;
    sql::transaction(|transaction| {
        hold(transaction, HOLD, id, NOT_FOUND)?;
        let deleted = transaction.query(DELETE).bind(id).bind(id).execute()?;
        some(deleted, IN_USE)
    })?;
    Ok(Response::empty())
}

/// A category as a merchant wrote it.
struct Written<'a> {
    department_id: i64,
    name: &'a str,
    description: Option<&'a str>,
}

impl<'a> Written<'a> {
    fn read(fields: &'a Fields) -> Result<Self> {
        fields.required(&["department_id", "name"])?;
        Ok(Self {
            department_id: input::required_number(fields, "department_id", 1..=i64::MAX)?,
            name: input::text(fields, "name", NAME)?,
            description: input::optional_text(fields, "description", DESCRIPTION)?,
        })
    }

    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
        query
            .bind(self.department_id)
            .bind(self.name)
            .bind(self.description)
    }

    fn category(&self, category_id: i64) -> Category {
        Category {
            category_id,
            name: self.name.to_owned(),
            description: self.description.map(str::to_owned),
            department_id: Some(self.department_id),
        }
    }
}
