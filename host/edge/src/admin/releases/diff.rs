//! Handler that compares two releases.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use bundle::{Bundle, Digest, component};
use serde::Deserialize;

use super::named::named_release;
use crate::admin::AdminState;
use crate::admin::api::{Diff, DiffSection, MigrationText};
use crate::admin::error::Result;

/// Query parameters that name two releases to compare, by versions or
/// beginnings of digests.
#[derive(Debug, Deserialize)]
pub(super) struct Pair {
    from: String,
    to: String,
}

/// GET `/v1/plugins/{plugin}/diff`: returns the differences between two
/// releases.
pub(super) async fn show(
    State(state): State<Arc<AdminState>>,
    Path(plugin): Path<String>,
    Query(pair): Query<Pair>,
) -> Result<Json<Diff>> {
    let runtime = state.runtime.clone();
    let comparing = async move {
        let from = bundle(&state, &plugin, &pair.from).await?;
        let to = bundle(&state, &plugin, &pair.to).await?;
        Ok(Json(compare(&from, &to)))
    };
    runtime.in_background(comparing).await?
}

async fn bundle(state: &AdminState, plugin: &str, name: &str) -> Result<Bundle> {
    let digest: Digest = named_release(state, plugin, name).await?;
    Ok(state.control.bundle(digest).await?.0)
}

/// Compares the imports, exports, manifests and migrations of two bundles.
fn compare(from: &Bundle, to: &Bundle) -> Diff {
    type Lines = fn(&Bundle) -> BTreeSet<String>;
    let sections: [(&str, Lines); 4] = [
        ("imports", imports),
        ("exports", exports),
        ("manifest", manifest),
        ("migrations", migrations),
    ];
    let sections = sections
        .into_iter()
        .map(|(name, lines)| section(name, &lines(from), &lines(to)));
    Diff {
        from: from.digest(),
        to: to.digest(),
        sections: sections
            .filter(|section| !section.removed.is_empty() || !section.added.is_empty())
            .collect(),
        migrations: new_migrations(from, to),
    }
}

fn new_migrations(from: &Bundle, to: &Bundle) -> Vec<MigrationText> {
    let known = MigrationText::of(from);
    let mut texts = MigrationText::of(to);
    texts.retain(|text| !known.contains(text));
    texts
}

fn section(name: &str, from: &BTreeSet<String>, to: &BTreeSet<String>) -> DiffSection {
    DiffSection {
        name: name.to_owned(),
        removed: from.difference(to).cloned().collect(),
        added: to.difference(from).cloned().collect(),
    }
}

/// Returns the imports of a component; none if it cannot be parsed, which no
/// stored bundle's is.
fn imports(bundle: &Bundle) -> BTreeSet<String> {
    let names = component::names(&bundle.wasm).map(|names| names.imports);
    names.unwrap_or_default().into_iter().collect()
}

fn exports(bundle: &Bundle) -> BTreeSet<String> {
    let names = component::names(&bundle.wasm).map(|names| names.exports);
    names.unwrap_or_default().into_iter().collect()
}

/// Returns one line for each value, such as
/// `grants.database.write = ["orders"]`.
fn manifest(bundle: &Bundle) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    if let Ok(table) = bundle.manifest_text.parse() {
        flatten("", &toml::Value::Table(table), &mut lines);
    }
    lines
}

fn flatten(path: &str, value: &toml::Value, lines: &mut BTreeSet<String>) {
    let toml::Value::Table(table) = value else {
        lines.insert(format!("{path} = {value}"));
        return;
    };
    for (key, value) in table {
        let path = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        flatten(&path, value, lines);
    }
}

fn migrations(bundle: &Bundle) -> BTreeSet<String> {
    let line = |text: MigrationText| {
        let digest = Digest::of(text.sql.as_bytes()).short();
        format!("{} {digest}", text.file)
    };
    MigrationText::of(bundle).into_iter().map(line).collect()
}
