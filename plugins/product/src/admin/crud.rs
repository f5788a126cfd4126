//! Making, changing and deleting the rows of a table: one implementation for
//! every table whose rows have an id and may refer to one parent row.

use edge_sdk::sql::{self, Query, Transaction};
use edge_sdk::{Failure, Fields, Request, Response, Result, Router};
use serde::Serialize;

use super::merchant;
use super::rows::{Reference, new_id, require_row};

/// The fields of a row as a merchant wrote them, with the statements of its
/// table.
pub(super) trait Entity: Sized {
    /// The row as replies show it.
    type Row: Serialize;

    /// Path parameter with the id of a row.
    const ID: &'static str;
    /// Inserts a row; takes what [`Entity::bind`] binds.
    const INSERT: &'static str;
    /// Updates a row; takes what [`Entity::bind`] binds, then the id.
    const UPDATE: &'static str;
    /// Holds a row until the transaction ends, by its id.
    const HOLD: &'static str;
    /// Deletes a row that no other refers to, by its id twice.
    const DELETE: &'static str;
    /// Refusal of an id that no row has.
    const UNKNOWN: Failure;
    /// Refusal to delete a row that others refer to.
    const IN_USE: Failure;

    /// Reads the fields of a body.
    ///
    /// # Errors
    /// `USR_02`, `USR_07` and `HTTP_400` for fields that do not fit.
    fn read(fields: &Fields) -> Result<Self>;

    /// Reads a new row: the fields of the body, and what the path says.
    ///
    /// # Errors
    /// As [`Entity::read`]; `DEP_01` for a malformed id in the path.
    fn read_new(request: &Request) -> Result<Self> {
        Self::read(&request.fields()?)
    }

    /// Gives the next parameters of a statement the values of the fields.
    fn bind<'q>(&self, query: Query<'q>) -> Query<'q>;

    /// Returns the row of these fields with this id.
    fn into_row(self, id: i64) -> Self::Row;

    /// Returns the row that this one refers to, with its id.
    fn parent(&self) -> Option<(Reference, i64)> {
        None
    }
}

/// Adds the routes of a table to a router: `collection` takes new rows, and
/// `member` is the path of one.
pub(super) fn routes<E: Entity>(router: Router, collection: &str, member: &str) -> Router {
    router
        .post(collection, add::<E>)
        .put(member, change::<E>)
        .delete(member, delete::<E>)
}

/// POST of a collection: makes a row.
///
/// # Errors
/// Those of who is no merchant, and of fields that do not fit; that of an
/// unknown parent.
fn add<E: Entity>(request: &Request) -> Result<Response> {
    merchant::require(request)?;
    let fields = E::read_new(request)?;
    let id = match fields.parent() {
        None => new_id(fields.bind(sql::query(E::INSERT)).execute()?)?,
        Some((parent, parent_id)) => sql::transaction(|transaction| {
            parent.hold(transaction, parent_id)?;
            let added = fields.bind(transaction.query(E::INSERT)).execute()?;
            Ok::<_, Failure>(new_id(added)?)
        })?,
    };
    Response::json(&fields.into_row(id))
}

/// PUT of a member: writes a row anew.
///
/// # Errors
/// As [`add`]; `DEP_01` for a malformed id, [`Entity::UNKNOWN`] for an unknown
/// one.
fn change<E: Entity>(request: &Request) -> Result<Response> {
    merchant::require(request)?;
    let id = request.id_param(E::ID)?;
    let fields = E::read(&request.fields()?)?;
    match fields.parent() {
        None => update(&fields, sql::query(E::UPDATE), id)?,
        Some((parent, parent_id)) => sql::transaction(|transaction| {
            parent.hold(transaction, parent_id)?;
            update(&fields, transaction.query(E::UPDATE), id)
        })?,
    }
    Response::json(&fields.into_row(id))
}

fn update<E: Entity>(fields: &E, query: Query<'_>, id: i64) -> Result<()> {
    require_row(fields.bind(query).bind(id).execute()?, E::UNKNOWN)
}

/// DELETE of a member: deletes a row that no other refers to.
///
/// # Errors
/// Those of who is no merchant; `DEP_01` for a malformed id,
/// [`Entity::UNKNOWN`] for an unknown one, [`Entity::IN_USE`] for one that
/// others refer to.
fn delete<E: Entity>(request: &Request) -> Result<Response> {
    merchant::require(request)?;
    let id = request.id_param(E::ID)?;
    sql::transaction(|transaction| delete_row::<E>(transaction, id))?;
    Ok(Response::empty_object())
}

fn delete_row<E: Entity>(transaction: &Transaction, id: i64) -> Result<()> {
    let row = Reference {
        hold: E::HOLD,
        unknown: E::UNKNOWN,
    };
    row.hold(transaction, id)?;
    let deleted = transaction.query(E::DELETE).bind(id).bind(id).execute()?;
    require_row(deleted, E::IN_USE)
}
