//! Arguments and requests of commands that list records page by page.

use serde::de::DeserializeOwned;

use super::Client;
use crate::cli::output;
use crate::cli::time::time;
use crate::rollout::control::pages::{Listed, MOST};

/// Options of how much of a list is shown.
#[derive(clap::Args)]
pub(in crate::cli) struct PageArguments {
    /// Show at most this many records of a list, newest first.
    #[arg(long, conflicts_with = "all")]
    limit: Option<usize>,
    /// Show all records, however many there are.
    #[arg(long)]
    all: bool,
    /// Show only records from before this time: `2026-11-30`,
    /// `2026-11-30T14:00:00Z`, or how long ago, such as `24h` or `7days`. Times
    /// are UTC.
    #[arg(long, value_parser = time)]
    before: Option<i64>,
}

impl PageArguments {
    /// Returns the number of records that are wanted, by default `usual`.
    pub(in crate::cli) fn most(&self, usual: usize) -> usize {
        match (self.limit, self.all) {
            (Some(limit), _) => limit.max(1),
            (None, true) => usize::MAX,
            (None, false) => usual,
        }
    }

    /// Returns the query for the page after `after`, of at most `limit` records.
    pub(in crate::cli) fn query(&self, limit: usize, after: Option<&str>) -> String {
        let limit = limit.min(MOST as usize);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        if let Some(before) = self.before {
            query.append_pair("before", &before.to_string());
        }
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        query.finish()
    }
}

/// Extends `list`, which has the first page or nothing yet, until it has `most`
/// records or all that exist. `path` is that of the list, and may contain the
/// beginning of a query. Returns whether there are more.
pub(in crate::cli) async fn read_on<T: DeserializeOwned + Listed>(
    client: &Client,
    path: &str,
    arguments: &PageArguments,
    most: usize,
    list: &mut Vec<T>,
    mut has_more: bool,
) -> anyhow::Result<bool> {
    let joint = match path.contains('?') {
        true => '&',
        false => '?',
    };
    while has_more && list.len() < most {
        let after = list.last().map(|record| record.cursor().to_string());
        // One record more than is shown tells whether there are more.
        let wanted = (most - list.len()).saturating_add(1).min(MOST as usize);
        let query = arguments.query(wanted, after.as_deref());
        let page: Vec<T> = client.get(&format!("{path}{joint}{query}")).await?;
        has_more = page.len() == wanted;
        list.extend(page);
    }
    has_more |= list.len() > most;
    list.truncate(most);
    Ok(has_more)
}

/// Prints to standard error that a list has more records.
pub(in crate::cli) fn tell_of_more(what: &str, shown: usize) {
    output::complain(format_args!(
        "edge: these are the newest {shown} {what}; --limit, --before or --all shows older ones"
    ));
}
