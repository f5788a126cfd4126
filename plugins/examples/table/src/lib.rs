//! A plugin with a table of its own: notes are listed by pages, and added.

use edge_sdk::{Failure, Listing, Request, Response, Result, Router, sql};
use serde::{Deserialize, Serialize};

edge_sdk::export!(router);

/// The longest title, in characters: the column on MySQL has no more.
const MAX_TITLE: usize = 200;

fn router() -> Router {
    Router::new().get("/notes", list).post("/notes", add)
}

/// A row of the table, and the JSON that clients see.
#[derive(Deserialize, Serialize)]
struct Note {
    note_id: i64,
    title: String,
}

/// `GET /notes?page=2&limit=50`
fn list(request: &Request) -> Result<Response> {
    let page = request.page()?;
    let count = sql::query("SELECT COUNT(*) FROM note").fetch_one()?;
    let rows: Vec<Note> =
        sql::query("SELECT note_id, title FROM note ORDER BY note_id LIMIT ? OFFSET ?")
            .bind(page.limit())
            .bind(page.offset())
            .fetch_all()?;
    let response = Response::json(&Listing { count, rows })?;
    Ok(page.link(request, count, response))
}

/// `POST /notes` with a `title`, as JSON or as a form.
fn add(request: &Request) -> Result<Response> {
    let fields = request.fields()?;
    fields.required(&["title"])?;
    let title = fields.get("title").unwrap_or_default();
    if title.chars().count() > MAX_TITLE {
        return Err(Failure::too_long("title"));
    }
    let inserted = sql::query("INSERT INTO note (title) VALUES (?)")
        .bind(title)
        .execute()?;
    Response::json(&Note {
        note_id: i64::try_from(inserted.last_insert_id).unwrap_or_default(),
        title: title.to_owned(),
    })
}

// There is no database in a unit test: these cover what is refused before a statement runs.
#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    use super::*;

    fn refused(request: edge_sdk::testing::Request) -> (u16, Option<String>) {
        let failure = router().dispatch(request).unwrap_err();
        (failure.status, failure.field)
    }

    #[test]
    fn a_note_needs_a_title_of_a_fitting_length() {
        for title in [String::new(), " ".to_owned(), "x".repeat(MAX_TITLE + 1)] {
            let body = format!(r#"{{"title": "{title}"}}"#);
            let request = testing::post("/notes", "application/json", body);
            assert_eq!(refused(request), (400, Some("title".to_owned())), "{title}");
        }
    }

    #[test]
    fn a_page_has_a_bound() {
        let request = testing::get("/notes?limit=1000");
        assert_eq!(refused(request), (400, Some("limit".to_owned())));
    }
}
