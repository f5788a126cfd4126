//! The OpenAPI documents of the four plugins, as one.

use std::collections::BTreeSet;

use http::Method;

use crate::harness::{Document, Operation, Reply};

macro_rules! document {
    ($plugin:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../plugins/",
            $plugin,
            "/openapi.yaml"
        ))
    };
}

/// The text of every document, by plugin.
pub const TEXTS: [(&str, &str); 4] = [
    ("customer", document!("customer")),
    ("order", document!("order")),
    ("payment", document!("payment")),
    ("product", document!("product")),
];

/// Every document.
pub struct Documents {
    /// The catalog's, whose tests of its own see all that it says to guests.
    catalog: Document,
    others: [Document; 3],
}

impl Documents {
    /// Read the files.
    pub fn read() -> Self {
        let [customer, order, payment, catalog] = TEXTS.map(|(_, text)| Document::read(text));
        Self {
            catalog,
            others: [customer, order, payment],
        }
    }

    fn all(&self) -> impl Iterator<Item = &Document> {
        self.others.iter().chain([&self.catalog])
    }

    /// Every operation.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        self.all().flat_map(Document::operations)
    }

    /// The operations that need a token.
    pub fn closed(&self) -> impl Iterator<Item = Operation<'_>> {
        self.those(Document::needs_token)
    }

    /// The operations that take a body.
    pub fn with_body(&self) -> impl Iterator<Item = Operation<'_>> {
        self.those(Document::takes_body)
    }

    fn those(
        &self,
        which: impl Fn(&Document, Operation<'_>) -> bool + Copy,
    ) -> impl Iterator<Item = Operation<'_>> {
        self.all().flat_map(move |document| {
            let operations = document.operations().into_iter();
            operations.filter(move |operation| which(document, *operation))
        })
    }

    /// Every operation with each of its responses, but the catalog's.
    pub fn responses(&self) -> BTreeSet<(Operation<'_>, String)> {
        self.others.iter().flat_map(Document::responses).collect()
    }

    /// Hold a reply against the operation that a request was for, and say
    /// which of its responses it is.
    pub fn check(&self, method: &Method, path: &str, reply: &Reply) -> (Operation<'_>, String) {
        let path = path.split('?').next().unwrap_or_default();
        let candidates = self.all().flat_map(|document| {
            let operations = document.operations().into_iter();
            operations.map(move |operation| (document, operation))
        });
        let (document, operation) = candidates
            .filter(|(_, operation)| operation.method == method.as_str())
            .filter(|(_, operation)| is_of(path, operation.template))
            .min_by_key(|(_, operation)| operation.template.matches('{').count())
            .unwrap_or_else(|| panic!("{method} {path} is not documented"));
        let response = document
            .check(operation, reply)
            .unwrap_or_else(|problem| panic!("{method} {path}: {problem}: {reply:?}"));
        (operation, response)
    }
}

/// Whether a path is of a template.
fn is_of(path: &str, template: &str) -> bool {
    let (path, template) = (path.split('/'), template.split('/'));
    path.clone().count() == template.clone().count()
        && path
            .zip(template)
            .all(|(part, expected)| expected.starts_with('{') || part == expected)
}

/// A template's path with 1 for each of its parameters.
pub fn with_ids(template: &str) -> String {
    let parts = template.split('/').map(|part| match part.starts_with('{') {
        true => "1",
        false => part,
    });
    parts.collect::<Vec<_>>().join("/")
}
