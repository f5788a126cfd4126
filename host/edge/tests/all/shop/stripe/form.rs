//! Form fields with brackets, and searches.

use std::collections::BTreeMap;

use url::form_urlencoded;

/// The fields of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a body or a query. No field may be there twice.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()).into_owned() {
            if fields.insert(name, value).is_some() {
                return None;
            }
        }
        Some(Self(fields))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `metadata[name]` of every name.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        let fields = self.0.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((name.to_owned(), value.clone()))
        });
        fields.collect()
    }
}

/// What a search such as `metadata['a']:'1' AND metadata['b']:'2'` looks for.
pub(super) fn search(query: &str) -> Option<BTreeMap<String, String>> {
    let clause = |clause: &str| {
        let (name, value) = clause.strip_prefix("metadata['")?.split_once("']:'")?;
        Some((name.to_owned(), value.strip_suffix('\'')?.to_owned()))
    };
    query.split(" AND ").map(clause).collect()
}
