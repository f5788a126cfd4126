//! `edge audit`: prints the audit records.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate};
use edge::config::Settings;
use edge::printable;
use edge::rollout::control::audit::AuditRecord;

use super::client::Client;
use super::table::Table;
use super::{output, show};

/// Maximum number of records of one request.
const PAGE: usize = 1000;

/// Records that are shown when neither their number nor a time is given.
const USUAL: usize = 500;

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

/// Parses a time, or a duration that has passed since, into milliseconds since
/// 1970.
pub(super) fn time(text: &str) -> Result<i64, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp_millis());
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        let midnight = day.and_hms_opt(0, 0, 0).ok_or("is no day")?;
        return Ok(midnight.and_utc().timestamp_millis());
    }
    let ago = humantime::parse_duration(text);
    let ago =
        ago.map_err(|_| "is no day, no time in RFC 3339, and no length of time".to_owned())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let then = now.unwrap_or(Duration::ZERO).saturating_sub(ago);
    Ok(i64::try_from(then.as_millis()).unwrap_or(i64::MAX))
}

pub(super) async fn run(settings: &Settings, arguments: Arguments) -> anyhow::Result<()> {
    let format = match arguments.json {
        true => Format::Json,
        false => arguments.format,
    };
    let limit = match (arguments.limit, arguments.since) {
        (Some(limit), _) => limit,
        (None, Some(_)) => usize::MAX,
        (None, None) => USUAL,
    };
    let client = Client::new(settings)?;
    let (mut records, mut shown, mut is_all) = (Vec::new(), 0, false);
    let mut after: Option<String> = None;
    while shown < limit && !is_all {
        // One record more than is shown tells whether there are more.
        let wanted = (limit - shown).saturating_add(1).min(PAGE);
        let path = path(&arguments, wanted, after.as_deref());
        let mut page: Vec<AuditRecord> = client.get(&path).await?;
        is_all = page.len() < wanted;
        page.truncate(limit - shown);
        shown += page.len();
        after = page.last().map(|record| record.cursor.clone());
        match format {
            Format::Jsonl => print_lines(&page)?,
            Format::Json | Format::Table => records.append(&mut page),
        }
        // A host without cursors returns all its records at once.
        is_all |= after.as_deref().is_none_or(str::is_empty);
    }
    match format {
        Format::Jsonl => {}
        Format::Json => show::print(&records, true, |_| String::new())?,
        Format::Table => show::print(&records, false, |records| table(records))?,
    }
    if !is_all {
        output::complain(format_args!(
            "edge: these are the newest {shown}; --limit or --since shows older ones"
        ));
    }
    Ok(())
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
            show::when(record.written_at),
            record.author.clone(),
            record.action.clone(),
            record.plugin.clone(),
            record.detail.clone(),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_instants_and_lengths() {
        assert_eq!(time("1970-01-02"), Ok(86_400_000));
        assert_eq!(time("1970-01-01T01:00:00Z"), Ok(3_600_000));
        assert_eq!(time("1970-01-01T01:00:00+01:00"), Ok(0));
        assert!(time("24h").is_ok_and(|then| then > 1_700_000_000_000));
        for wrong in ["", "yesterday", "2026-13-01", "24", "-1h"] {
            assert!(time(wrong).is_err(), "{wrong:?}");
        }
    }
}
