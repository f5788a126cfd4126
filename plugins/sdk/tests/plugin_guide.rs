//! The guide for plugin developers, `docs/plugins.md`, quotes the example plugins word for word and
//! links to what exists.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Begins the comment that names the file which the next code block quotes.
const QUOTE: &str = "<!-- from ";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn guide() -> String {
    fs::read_to_string(root().join("docs/plugins.md")).expect("the guide")
}

/// Returns each quoted file with the code that is quoted of it.
fn quotes(guide: &str) -> Vec<(&str, &str)> {
    let parts = guide.split(QUOTE).skip(1);
    parts
        .map(|part| quote(part).expect("a file and a code block"))
        .collect()
}

fn quote(part: &str) -> Option<(&str, &str)> {
    let (file, rest) = part.split_once(" -->\n```")?;
    let (_language, rest) = rest.split_once('\n')?;
    let (code, _) = rest.split_once("\n```")?;
    Some((file, code))
}

#[test]
fn quotes_stand_in_the_examples() {
    let guide = guide();
    let quotes = quotes(&guide);
    assert!(quotes.len() > 15, "{quotes:?}");
    for (file, code) in quotes {
        let path = root().join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut rest = text.as_str();
        for excerpt in code.split("\n...\n") {
            let found = rest.split_once(excerpt);
            (_, rest) = found.unwrap_or_else(|| panic!("{file} has not:\n{excerpt}"));
        }
    }
}

#[test]
fn every_example_is_in_the_guide() {
    let guide = guide();
    for entry in fs::read_dir(root().join("plugins/examples")).expect("the examples") {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            let link = format!("(../plugins/examples/{})", entry.file_name().display());
            assert!(guide.contains(&link), "no {link}");
        }
    }
}

/// Returns the anchor that a heading gets: lower case, without punctuation, with hyphens for blanks.
fn anchor(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let kept = lower.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.collect()
}

fn has_anchor(file: &Path, name: &str) -> bool {
    let text = fs::read_to_string(file).expect("a document");
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .any(|anchor| anchor == name)
}

#[test]
fn links_lead_to_files_and_headings() {
    let guide = guide();
    let targets = guide.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split(')').next());
    for target in targets.filter(|target| !target.starts_with("http")) {
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let path = match file {
            "" => root().join("docs/plugins.md"),
            file => root().join("docs").join(file),
        };
        assert!(path.exists(), "{target}");
        assert!(heading.is_empty() || has_anchor(&path, heading), "{target}");
    }
}
