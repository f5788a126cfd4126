//! `edge audit`: prints the audit records.

use super::client::Client;
use super::output;
use super::output::format::when;
use super::output::table::Table;
use super::time::time;
use crate::config::Settings;
use crate::printable;
use crate::rollout::control::audit::AuditRecord;

/// Maximum number of records of one request.
const MAX_PAGE: usize = 1000;

/// Records that are shown when neither their number nor a time is given.
const DEFAULT_LIMIT: usize = 500;

/// Arguments of `edge audit`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Show records from this time on: `2026-11-30`, `2026-11-30T14:00:00Z`, or
    /// how long ago, such as `24h` or `7days`. Times are UTC.
    #[arg(long, value_parser = time)]
    since: Option<i64>,
    /// Show records until this time, in the same forms.
    #[arg(long, value_parser = time)]
    until: Option<i64>,
    /// Show at most this many records, newest first; 500 when neither this nor
    /// --since is given.
    #[arg(long)]
    limit: Option<usize>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table for people.
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line, printed as the records arrive.
    Jsonl,
}

/// Prints the records, as far back as is asked for.
pub(super) async fn run(settings: &Settings, arguments: Arguments) -> anyhow::Result<()> {
    let format = match arguments.json {
        true => Format::Json,
        false => arguments.format,
    };
    let limit = match (arguments.limit, arguments.since) {
        (Some(limit), _) => limit,
        (None, Some(_)) => usize::MAX,
        (None, None) => DEFAULT_LIMIT,
    };
    let client = Client::new(settings)?;
    let mut records = Vec::new();
    let keep = |mut page: Vec<AuditRecord>| match format {
        Format::Jsonl => print_lines(&page),
        Format::Json | Format::Table => {
            records.append(&mut page);
            Ok(())
        }
    };
    let (shown, has_more) = read(&client, &arguments, limit, keep).await?;
    match format {
        Format::Jsonl => {}
        Format::Json => output::print_value(&records, true, |_| String::new())?,
        Format::Table => output::print_value(&records, false, |records| table(records))?,
    }
    if has_more {
        output::complain(format_args!(
            "edge: these are the newest {shown}; --limit or --since shows older ones"
        ));
    }
    Ok(())
}

/// Reads up to `limit` records, page by page, each of which `keep` gets.
/// Returns their number, and whether there are more.
async fn read(
    client: &Client,
    arguments: &Arguments,
    limit: usize,
    mut keep: impl FnMut(Vec<AuditRecord>) -> anyhow::Result<()>,
) -> anyhow::Result<(usize, bool)> {
    let (mut shown, mut has_more) = (0, true);
    let mut after: Option<String> = None;
    while shown < limit && has_more {
        // One record more than is shown tells whether there are more.
        let wanted = (limit - shown).saturating_add(1).min(MAX_PAGE);
        let path = path(arguments, wanted, after.as_deref());
        let mut page: Vec<AuditRecord> = client.get(&path).await?;
        has_more = page.len() >= wanted;
        page.truncate(limit - shown);
        shown += page.len();
        after = page.last().map(|record| record.cursor.clone());
        keep(page)?;
        // A host without cursors returns all its records at once.
        has_more &= after.as_deref().is_some_and(|cursor| !cursor.is_empty());
    }
    Ok((shown, has_more))
}

fn path(arguments: &Arguments, limit: usize, after: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &limit.to_string());
    let times = [("since", arguments.since), ("until", arguments.until)];
    for (name, time) in times {
        if let Some(time) = time {
            query.append_pair(name, &time.to_string());
        }
    }
    if let Some(after) = after {
        query.append_pair("after", after);
    }
    format!("/v1/audit?{}", query.finish())
}

fn print_lines(records: &[AuditRecord]) -> anyhow::Result<()> {
    for record in records {
        let line = serde_json::to_string(record)?;
        output::print(format_args!("{}\n", printable::json(&line)))?;
    }
    Ok(())
}

fn table(records: &[AuditRecord]) -> String {
    let mut table = Table::new(&["WHEN", "WHO", "WHAT", "PLUGIN", "DETAIL"]);
    for record in records {
        table.row([
            when(record.written_at),
            record.author.clone(),
            record.action.clone(),
            record.plugin.clone(),
            record.detail.clone(),
        ]);
    }
    table.to_string()
}
