//! Prometheus' own judge of what it is given.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian and people keep programs, beside the `PATH`.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/opt/prometheus"];

/// Have `promtool` judge `input`, with these arguments. It has to find nothing
/// wrong, and nothing to advise.
#[track_caller]
pub fn promtool(arguments: &[&str], input: &str) {
    let mut process = Command::new(find())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    let mut stdin = process.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = process.wait_with_output().expect("its end");
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "promtool {arguments:?}: {said:?}");
    assert!(said[1].is_empty(), "promtool {arguments:?}: {said:?}");
}

fn find() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    let mut programs = folders.map(|folder: PathBuf| folder.join("promtool"));
    let found = programs.find(|program| Path::is_file(program));
    found.expect("promtool, of Prometheus, has to be installed; `make servers` does it")
}
