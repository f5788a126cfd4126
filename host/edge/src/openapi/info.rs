//! The `info` object of the merged document.

use super::document::Document;
use super::node::{Fields, Node};

/// Fields that are kept if all documents agree on them.
const AGREED: [&str; 3] = ["termsOfService", "contact", "license"];

/// Returns the merged document's title, version and description. Without a `title`, the plugins'
/// titles are joined.
pub(super) fn info(documents: &[Document], title: Option<&str>) -> Fields {
    let titles: Vec<_> = documents.iter().map(document_title).collect();
    let title = title.map_or_else(|| titles.join(", "), str::to_owned);
    let mut info = Fields::new();
    info.insert("title".to_owned(), title.into());
    info.insert("version".to_owned(), version(documents).into());
    let sections: Vec<_> = documents.iter().map(section).collect();
    info.insert("description".to_owned(), sections.join("\n\n").into());
    for field in AGREED {
        let mut values = documents
            .iter()
            .map(|document| document.root.info.get(field));
        let first = values.next().flatten();
        if let Some(value) = first
            && values.all(|other| other == first)
        {
            info.insert(field.to_owned(), value.clone());
        }
    }
    info
}

fn document_title(document: &Document) -> &str {
    let title = document.root.info.get("title").and_then(Node::as_text);
    title.unwrap_or(&document.plugin)
}

/// Returns the version that all plugins have, or each plugin's version if they differ.
fn version(documents: &[Document]) -> String {
    let mut versions: Vec<_> = documents.iter().map(|document| &document.version).collect();
    versions.dedup();
    match versions.as_slice() {
        [version] => (*version).clone(),
        _ => {
            let named = documents
                .iter()
                .map(|document| format!("{} {}", document.plugin, document.version));
            named.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Returns the summary and the description of a document under its title, in Markdown.
fn section(document: &Document) -> String {
    let texts = ["summary", "description"].into_iter().filter_map(|field| {
        let text = document.root.info.get(field)?.as_text()?;
        Some(text.trim().to_owned())
    });
    let title = format!("## {}", document_title(document));
    let paragraphs: Vec<_> = std::iter::once(title).chain(texts).collect();
    paragraphs.join("\n\n")
}
