//! `edge adopt`: checks and migrates an existing database before the first node
//! serves from it.

use std::fmt::Write as _;

use anyhow::bail;
use bytesize::ByteSize;
use stores::sql::{ASSUMED_BYTES_PER_SECOND, AdoptionReport, Finding, FindingKind, TableReport};

use super::output::exit::Exit;
use super::{output, source};
use crate::config::Settings;
use crate::rollout::{PluginAdoption, check_adoption};
use crate::{node, printable};

/// Arguments of `edge adopt`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Compare the plugins' migrations with the existing tables, print what
    /// would be done, and change nothing.
    #[arg(long)]
    check: bool,
    /// URL of the database to check; that of the settings when absent.
    #[arg(requires = "check")]
    database_url: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Returns whether plugins run in this process.
    pub(super) fn runs_plugins(&self) -> bool {
        !self.check
    }
}

/// Checks the databases of the settings, and runs the migrations unless only
/// the check is asked for.
pub(super) async fn run(settings: &Settings, arguments: Arguments) -> anyhow::Result<()> {
    let settings = &with_database(settings, arguments.database_url);
    let bundles = settings.plugins.iter().map(|path| source::read(path));
    let bundles = bundles.collect::<anyhow::Result<Vec<_>>>()?;
    if bundles.is_empty() {
        bail!("there are no plugins to check: `plugins` names no folder or bundle");
    }
    let checked = check_adoption(settings, &bundles).await?;
    if checked.is_empty() && arguments.check {
        bail!("there is nothing to check: no plugin's database is on a MySQL or MariaDB server");
    }
    if arguments.json {
        let json = serde_json::to_string_pretty(&checked)?;
        output::print(format_args!("{}\n", printable::json(&json)))?;
    } else {
        output::print(format_args!("{}", text_of(&checked)))?;
    }
    let obstacles = checked.iter().map(|one| one.report.obstacles().count());
    match obstacles.sum() {
        0 if arguments.check => return Ok(()),
        0 => {}
        obstacles => bail!(Exit::Obstacles(obstacles)),
    }
    let loaded = node::load(settings).await?;
    if !arguments.json {
        let plugins = loaded.releases().len();
        output::tell(format_args!(
            "\nThe tables of {plugins} plugins are up to date: `edge serve` serves from them.\n"
        ));
    }
    Ok(())
}

/// Returns the settings with one database for all plugins.
fn with_database(settings: &Settings, url: Option<String>) -> Settings {
    let mut settings = settings.clone();
    if let Some(url) = url {
        settings.database_url = url;
        settings.databases.plugin_urls.clear();
    }
    settings
}

fn text_of(checked: &[PluginAdoption]) -> String {
    let mut text = String::new();
    for one in checked {
        let _ = writeln!(text, "{}  {}", one.plugin, printable::line(&one.database));
        plugin_text(&mut text, &one.report);
        text.push('\n');
    }
    let all = || checked.iter().flat_map(|one| &one.report.tables);
    let seconds: u64 = all().filter_map(|table| table.conversion_seconds).sum();
    if seconds > 0 {
        let rate = ByteSize(ASSUMED_BYTES_PER_SECOND);
        let _ = writeln!(
            text,
            "Conversions take about {seconds} s, if the server rewrites {rate} in a second; \
             a table is not written to while it is converted."
        );
    }
    let obstacles = checked.iter().map(|one| one.report.obstacles().count());
    text += &match obstacles.sum() {
        0_usize => "Nothing is in the way.\n".to_owned(),
        1 => "1 thing is in the way.\n".to_owned(),
        count => format!("{count} things are in the way.\n"),
    };
    text
}

fn plugin_text(text: &mut String, report: &AdoptionReport) {
    let made = match report.made.as_slice() {
        [] => String::new(),
        made => format!("; makes {}", made.join(", ")),
    };
    let _ = match report.statements {
        0 if report.findings.is_empty() => {
            writeln!(text, "  up to date: no statement is pending")
        }
        0 => writeln!(text, "  no statement is pending"),
        1 => writeln!(text, "  1 statement is pending{made}"),
        count => writeln!(text, "  {count} statements are pending{made}"),
    };
    elsewhere_text(text, report);
    for table in &report.tables {
        table_text(text, table);
        let own = report.findings.iter().filter(|it| it.table == table.table);
        let own: Vec<_> = own.collect();
        for finding in own.iter().filter(|it| it.kind != FindingKind::Fits) {
            finding_text(text, finding);
        }
        let fitting = own
            .iter()
            .filter(|it| it.kind == FindingKind::Fits && !is_told_otherwise(it, &own));
        let fitting: Vec<_> = fitting.map(|finding| finding.subject.as_str()).collect();
        if !fitting.is_empty() {
            let _ = writeln!(text, "    {:<10}  {}", "fits", fitting.join(", "));
        }
    }
}

/// Appends the findings in tables that the report does not describe, such as
/// one that is gone.
fn elsewhere_text(text: &mut String, report: &AdoptionReport) {
    let is_described = |name: &str| report.tables.iter().any(|table| table.table == name);
    let mut last = "";
    for finding in &report.findings {
        if is_described(&finding.table) || finding.kind == FindingKind::Fits {
            continue;
        }
        if finding.table != last {
            let _ = writeln!(text, "\n  {}", printable::line(&finding.table));
            last = &finding.table;
        }
        finding_text(text, finding);
    }
}

/// Returns whether there is another finding about a column that fits what one
/// statement expects.
fn is_told_otherwise(fits: &Finding, all: &[&Finding]) -> bool {
    all.iter().any(|finding| {
        finding.subject == fits.subject
            && !matches!(finding.kind, FindingKind::Fits | FindingKind::Note)
    })
}

fn table_text(text: &mut String, table: &TableReport) {
    let TableReport {
        table: name,
        engine,
        collation,
        rows,
        bytes,
        conversion_seconds,
    } = table;
    let conversion = match conversion_seconds {
        Some(seconds) => format!("; converted in about {seconds} s"),
        None => String::new(),
    };
    let size = ByteSize(*bytes);
    let line = format!("{name}  {engine}, {collation}, about {rows} rows, {size}{conversion}");
    let _ = writeln!(text, "\n  {}", printable::line(&line));
}

fn finding_text(text: &mut String, finding: &Finding) {
    let subject = match finding.subject.as_str() {
        "" => String::new(),
        subject => format!("{subject}: "),
    };
    let kind = finding.kind.to_string();
    let line = format!("{kind:<10}  {subject}{}", finding.text);
    let _ = writeln!(text, "    {}", printable::line(&line));
    if !finding.values.is_empty() {
        let values = finding.values.iter();
        let values: Vec<_> = values
            .map(|(value, rows)| format!("{value} in {rows}"))
            .collect();
        let line = format!("values: {}", values.join(", "));
        let _ = writeln!(text, "                {}", printable::line(&line));
    }
    for statement in &finding.remedy {
        let _ = writeln!(text, "                {};", printable::line(statement));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: FindingKind, table: &str, text: &str) -> Finding {
        Finding {
            kind,
            table: table.to_owned(),
            subject: String::new(),
            text: text.to_owned(),
            remedy: vec![format!("DROP TABLE `{table}`")],
            values: Vec::new(),
        }
    }

    fn text_of_report(report: &AdoptionReport) -> String {
        let mut text = String::new();
        plugin_text(&mut text, report);
        text
    }

    #[test]
    fn what_is_in_the_way_is_said_where_no_statement_is_pending() {
        let up_to_date = AdoptionReport::default();
        assert_eq!(
            text_of_report(&up_to_date),
            "  up to date: no statement is pending\n"
        );
        let lacking = AdoptionReport {
            findings: vec![finding(FindingKind::Obstacle, "guest", "is gone")],
            ..AdoptionReport::default()
        };
        assert_eq!(
            text_of_report(&lacking),
            "  no statement is pending\n\
             \n  guest\
             \n    IN THE WAY  is gone\
             \n                DROP TABLE `guest`;\n"
        );
    }

    #[test]
    fn findings_of_tables_that_are_not_described_are_said_too() {
        let described = TableReport {
            table: "guest".to_owned(),
            engine: "InnoDB".to_owned(),
            collation: "utf8mb4_bin".to_owned(),
            rows: 1,
            bytes: 1,
            conversion_seconds: None,
        };
        let report = AdoptionReport {
            statements: 2,
            tables: vec![described],
            findings: vec![
                finding(FindingKind::Obstacle, "guest", "in the way"),
                finding(FindingKind::Obstacle, "stay", "is gone"),
            ],
            ..AdoptionReport::default()
        };
        let text = text_of_report(&report);
        assert_eq!(text.matches("IN THE WAY").count(), 2, "{text}");
        assert_eq!(text.matches("\n  stay\n").count(), 1, "{text}");
    }
}
