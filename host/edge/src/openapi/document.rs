//! OpenAPI document of one plugin, parsed as far as merging needs.

use indexmap::IndexMap;
use serde::Deserialize;

use super::MergeError;
use super::names::{Name, visit};
use super::node::{Fields, Node};

/// Version of the specification that is supported. Earlier versions write schemas in another
/// dialect.
const VERSION: &str = "3.1.";

/// Dialect of schemas in a document that names none.
const DIALECT: &str = "https://spec.openapis.org/oas/3.1/dialect/base";

/// Field of an operation or a whole document with its security requirements.
const SECURITY: &str = "security";

/// Fields of a path that are operations.
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// Text of a plugin's document.
pub struct Source {
    /// Name of the plugin.
    pub plugin: String,
    /// Version of the plugin.
    pub version: String,
    /// Text in YAML or JSON.
    pub text: String,
}

/// A parsed document, whose defaults for all operations have been copied into each operation.
pub(super) struct Document {
    pub(super) plugin: String,
    pub(super) version: String,
    pub(super) root: Root,
}

/// A tag with its description and other fields.
#[derive(Deserialize)]
pub(super) struct Tag {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) rest: Fields,
}

/// Top-level fields of a document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Root {
    pub(super) openapi: String,
    #[serde(default)]
    pub(super) info: Fields,
    json_schema_dialect: Option<String>,
    #[serde(default)]
    pub(super) servers: Vec<Node>,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    #[serde(default)]
    pub(super) paths: Fields,
    #[serde(default)]
    pub(super) webhooks: Fields,
    #[serde(default)]
    pub(super) components: IndexMap<String, Node>,
    security: Option<Node>,
}

impl Document {
    /// Parses a plugin's document.
    ///
    /// # Errors
    /// Returns an error if the text is not a document, or is of another version of the
    /// specification.
    pub(super) fn read(source: &Source) -> Result<Self, MergeError> {
        let plugin = || source.plugin.clone();
        let mut root: Root =
            serde_saphyr::from_str(&source.text).map_err(|error| MergeError::Unreadable {
                plugin: plugin(),
                reason: error.to_string(),
            })?;
        if !root.openapi.starts_with(VERSION) {
            return Err(MergeError::Version {
                plugin: plugin(),
                version: root.openapi,
            });
        }
        if let Some(dialect) = root.json_schema_dialect.take()
            && dialect != DIALECT
        {
            return Err(MergeError::Dialect {
                plugin: plugin(),
                dialect,
            });
        }
        // Extensions (`x-`) may be among paths and components too.
        root.paths.retain(|path, _| path.starts_with('/'));
        root.components
            .retain(|_, section| matches!(section, Node::Object(_)));
        if let Some(security) = root.security.take() {
            spread(SECURITY, &security, &mut root);
        }
        if root.servers.is_empty() {
            let here = Fields::from_iter([("url".to_owned(), Node::from("/"))]);
            root.servers.push(Node::Object(here));
        }
        Ok(Self {
            plugin: source.plugin.clone(),
            version: source.version.clone(),
            root,
        })
    }

    /// Calls `on` with every name that the document defines or refers to.
    pub(super) fn visit(&mut self, on: &mut dyn FnMut(Name<'_>)) {
        let root = &mut self.root;
        let sections = root
            .components
            .values_mut()
            .filter_map(|section| match section {
                Node::Object(section) => Some(section),
                _ => None,
            });
        for named in sections.chain([&mut root.paths, &mut root.webhooks]) {
            for node in named.values_mut() {
                visit(node, on);
            }
        }
    }

    /// Copies the document's servers into each of its paths without servers.
    pub(super) fn spread_servers(&mut self) {
        let servers = Node::List(std::mem::take(&mut self.root.servers));
        for item in self.root.paths.values_mut() {
            if let Node::Object(item) = item {
                item.entry("servers".to_owned())
                    .or_insert_with(|| servers.clone());
            }
        }
    }
}

/// Copies `field` of the document into every operation without it.
fn spread(field: &str, value: &Node, root: &mut Root) {
    for item in root.paths.values_mut().chain(root.webhooks.values_mut()) {
        let Node::Object(item) = item else { continue };
        for method in METHODS {
            if let Some(Node::Object(operation)) = item.get_mut(method) {
                operation
                    .entry(field.to_owned())
                    .or_insert_with(|| value.clone());
            }
        }
    }
}
