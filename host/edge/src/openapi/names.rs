//! Names in a document: where they are defined, and where they are referred to.

use super::node::{Fields, Node};

/// Prefix of references to components.
const COMPONENTS: &str = "#/components/";

/// Fields whose values are data and not parts of the document.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "value"];

/// Fields of objects whose own fields have names that the document chooses.
const NAMED: [&str; 19] = [
    "$defs",
    "callbacks",
    "content",
    "dependentSchemas",
    "encoding",
    "examples",
    "headers",
    "links",
    "mapping",
    "parameters",
    "pathItems",
    "paths",
    "patternProperties",
    "properties",
    "requestBodies",
    "responses",
    "schemas",
    "securitySchemes",
    "variables",
];

/// A name in a document.
pub(super) enum Name<'d> {
    /// Target of a reference.
    Reference(&'d mut String),
    /// Operation id, in an operation or in a link to one.
    Operation(&'d mut String),
    /// Names of security schemes, with the required scopes of each.
    Security(&'d mut Fields),
}

/// Section of a component, such as `schemas`, and its name there.
pub(super) type Key = (String, String);

/// Calls `on` with every name in `node`, which is a part of a document.
pub(super) fn visit(node: &mut Node, on: &mut dyn FnMut(Name<'_>)) {
    match node {
        Node::List(items) => items.iter_mut().for_each(|item| visit(item, on)),
        Node::Object(fields) => {
            for (field, value) in fields {
                visit_field(field, value, on);
            }
        }
        _ => {}
    }
}

fn visit_field(field: &str, value: &mut Node, on: &mut dyn FnMut(Name<'_>)) {
    match value {
        _ if DATA.contains(&field) || field.starts_with("x-") => {}
        Node::Text(reference) if field == "$ref" => on(Name::Reference(reference)),
        Node::Text(id) if field == "operationId" => on(Name::Operation(id)),
        Node::List(requirements) if field == "security" => {
            for requirement in requirements {
                if let Node::Object(schemes) = requirement {
                    on(Name::Security(schemes));
                }
            }
        }
        // Examples of a schema are data; those of a body have names.
        Node::List(_) if field == "examples" => {}
        Node::Object(mapping) if field == "mapping" => {
            for target in mapping.values_mut() {
                if let Node::Text(reference) = target
                    && reference.starts_with(COMPONENTS)
                {
                    on(Name::Reference(reference));
                }
            }
        }
        Node::Object(named) if NAMED.contains(&field) => {
            named.values_mut().for_each(|node| visit(node, on));
        }
        other => visit(other, on),
    }
}

/// Returns the component that a reference leads to or into, and the rest of the reference after its
/// name.
pub(super) fn component(reference: &str) -> Option<(Key, &str)> {
    let (section, rest) = reference.strip_prefix(COMPONENTS)?.split_once('/')?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    Some(((section.to_owned(), name.to_owned()), rest))
}

/// Returns the reference to a component, or into it.
pub(super) fn reference(section: &str, name: &str, rest: &str) -> String {
    format!("{COMPONENTS}{section}/{name}{rest}")
}

/// Returns the key of a security scheme.
pub(super) fn security_scheme(name: &str) -> Key {
    ("securitySchemes".to_owned(), name.to_owned())
}

/// Returns `name` with the plugin's name as a prefix, in one word.
pub(super) fn prefixed(plugin: &str, name: &str) -> String {
    let is_type = name.starts_with(|first: char| first.is_ascii_uppercase());
    let words = plugin
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut prefix: String = words.map(capitalized).collect();
    if !is_type {
        prefix = uncapitalized(&prefix);
    }
    prefix + &capitalized(name)
}

fn capitalized(word: &str) -> String {
    with_first(word, |first| first.to_ascii_uppercase())
}

fn uncapitalized(word: &str) -> String {
    with_first(word, |first| first.to_ascii_lowercase())
}

fn with_first(word: &str, change: impl Fn(char) -> char) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(change);
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let mut node: Node = serde_saphyr::from_str(text).expect("YAML");
        let mut names = Vec::new();
        visit(&mut node, &mut |name| match name {
            Name::Reference(reference) => names.push(reference.clone()),
            Name::Operation(id) => names.push(id.clone()),
            Name::Security(schemes) => names.extend(schemes.keys().cloned()),
        });
        names
    }

    #[test]
    fn names_are_found_where_they_are_names() {
        for (text, expected) in [
            (
                "operationId: a\nsecurity: [{ b: [], c: [x] }]",
                &["a", "b", "c"][..],
            ),
            ("schema: { $ref: '#/a' }", &["#/a"]),
            ("items: [{ anyOf: [{ $ref: '#/a' }] }]", &["#/a"]),
            // Fields with the same names that the document chooses, and data.
            (
                "properties: { $ref: { $ref: '#/a' }, value: { $ref: '#/b' } }",
                &["#/a", "#/b"],
            ),
            (
                "properties: { operationId: { const: a }, security: { type: array } }",
                &[],
            ),
            ("example: { $ref: '#/a' }\nx-note: { $ref: '#/b' }", &[]),
            (
                "examples: { one: { value: { $ref: '#/a' } }, two: { $ref: '#/b' } }",
                &["#/b"],
            ),
            ("examples: [{ $ref: '#/a' }]\nenum: [{ $ref: '#/b' }]", &[]),
            (
                "discriminator: { mapping: { a: '#/components/schemas/A', b: B } }",
                &["#/components/schemas/A"],
            ),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn a_reference_leads_to_a_component_or_into_it() {
        let key = |section: &str, name: &str| (section.to_owned(), name.to_owned());
        let found = component("#/components/schemas/A");
        assert_eq!(found, Some((key("schemas", "A"), "")));
        let found = component("#/components/schemas/A/properties/b");
        assert_eq!(found, Some((key("schemas", "A"), "/properties/b")));
        assert_eq!(component("#/paths/~1a"), None);
        assert_eq!(component("other.yaml#/components/schemas/A"), None);
    }

    #[test]
    fn a_plugins_name_before_another_makes_one_word() {
        for (plugin, name, whole) in [
            ("order", "Item", "OrderItem"),
            ("order", "listItems", "orderListItems"),
            ("gift-cards", "Item", "GiftCardsItem"),
            ("gift-cards", "page", "giftCardsPage"),
        ] {
            assert_eq!(prefixed(plugin, name), whole);
        }
    }
}
