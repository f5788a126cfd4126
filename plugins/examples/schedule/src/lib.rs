//! Periodic work: tickets are held for a while, and released by a scheduled task.

use std::time::Duration;

use edge_sdk::sql::{self, Seconds};
use edge_sdk::{Request, Response, Result, Router};
use serde::Serialize;

edge_sdk::export!(router);
edge_sdk::export_schedule!(run);

/// How long a ticket is held.
const HOLD: Duration = Duration::from_secs(1);

fn router() -> Router {
    Router::new().get("/tickets", held).post("/tickets", hold)
}

#[derive(Serialize)]
struct Tickets {
    held: i64,
}

/// `GET /tickets`
fn held(_: &Request) -> Result<Response> {
    let held = sql::query("SELECT COUNT(*) FROM ticket").fetch_one()?;
    Response::json(&Tickets { held })
}

/// `POST /tickets`
fn hold(_: &Request) -> Result<Response> {
    // The database's clock decides: the clocks of nodes differ.
    sql::query("INSERT INTO ticket (held_until) VALUES ({now + ?})")
        .bind(Seconds(HOLD))
        .execute()?;
    Ok(Response::empty_object())
}

/// Runs a task of the manifest, here and on no other node at the same time.
fn run(task: &str) -> Result<(), String> {
    match task {
        "release" => release().map_err(|error| error.to_string()),
        _ => Err(format!("there is no task {task}")),
    }
}

/// Releases tickets whose time has passed. One run is bounded, and may be cut off anywhere: the
/// next one goes on.
fn release() -> Result<(), sql::Error> {
    const EXPIRED: &str = "SELECT ticket_id FROM ticket WHERE held_until <= {now} LIMIT 100";
    let expired: Vec<i64> = sql::query(EXPIRED).fetch_all()?;
    for ticket_id in expired {
        sql::query("DELETE FROM ticket WHERE ticket_id = ?")
            .bind(ticket_id)
            .execute()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_unknown_task_is_an_error() {
        let error = super::run("relaese").unwrap_err();
        assert_eq!(error, "there is no task relaese");
    }
}
