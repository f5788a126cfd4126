//! An OpenAPI document, and whether a reply is as it says.

use std::collections::BTreeSet;

use jsonschema::{Draft, Registry};
use serde_json::{Value, json};

use super::Reply;

/// Where references within the document start.
const BASE: &str = "urn:openapi";

/// The response for every status that has none of its own.
const DEFAULT: &str = "default";

/// A method and a path, its parameters in braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation<'a> {
    pub method: &'a str,
    pub template: &'a str,
}

/// A plugin's document.
pub struct Document {
    document: Value,
    schemas: Registry<'static>,
}

impl Document {
    /// Read the text of a document.
    pub fn read(text: &str) -> Self {
        let document: Value = serde_saphyr::from_str(text).expect("the document is YAML");
        let mut exact = document.clone();
        make_exact(&mut exact);
        let schemas = Registry::new().add(BASE, exact);
        let schemas = schemas.and_then(|schemas| schemas.prepare());
        Self {
            document,
            schemas: schemas.expect("every reference leads somewhere"),
        }
    }

    /// Every operation.
    pub fn operations(&self) -> BTreeSet<Operation<'_>> {
        self.responses()
            .into_iter()
            .map(|(operation, _)| operation)
            .collect()
    }

    /// The operation of a method and a path.
    pub fn operation<'a>(&'a self, method: &str, template: &str) -> Operation<'a> {
        let mut operations = self.operations().into_iter();
        let operation = operations.find(|one| one.method == method && one.template == template);
        operation.unwrap_or_else(|| panic!("{method} {template} is not documented"))
    }

    /// As [`responses`](Self::responses), without those that only a token
    /// brings.
    pub fn responses_without_token(&self) -> BTreeSet<(Operation<'_>, String)> {
        let mut responses = self.responses();
        responses.retain(|(operation, status)| {
            ["401", DEFAULT].contains(&status.as_str()) || !self.needs_token(*operation)
        });
        responses
    }

    /// Whether only somebody with a token gets an answer.
    pub fn needs_token(&self, operation: Operation<'_>) -> bool {
        let security = self.property(operation, "security");
        security.is_some_and(|schemes| schemes != &json!([]))
    }

    /// Whether a body can be sent.
    pub fn takes_body(&self, operation: Operation<'_>) -> bool {
        self.property(operation, "requestBody").is_some()
    }

    fn property(&self, operation: Operation<'_>, property: &str) -> Option<&Value> {
        let item = &self.document["paths"][operation.template];
        let operation = &item[operation.method.to_lowercase()];
        operation.get(property)
    }

    /// Every operation, with each of its responses.
    pub fn responses(&self) -> BTreeSet<(Operation<'_>, String)> {
        let paths = entries(&self.document["paths"]);
        let operations = paths.flat_map(|(template, item)| {
            entries(item).map(move |(method, operation)| (template, method, operation))
        });
        operations
            .flat_map(|(template, method, operation)| {
                let method = METHODS
                    .into_iter()
                    .find(|known| known.eq_ignore_ascii_case(method));
                let method = method.expect("nothing else stands in a path of this document");
                let operation_of = Operation { method, template };
                entries(&operation["responses"])
                    .map(move |(status, _)| (operation_of, status.to_owned()))
            })
            .collect()
    }

    /// Hold a reply against its operation, and say which of the responses it
    /// is.
    pub fn check(&self, operation: Operation<'_>, reply: &Reply) -> Result<String, String> {
        let Operation { method, template } = operation;
        let path = format!(
            "/paths/{}/{}/responses",
            token(template),
            method.to_lowercase()
        );
        let (name, pointer) = self.response(&path, reply.status)?;
        let content_type = reply.header("content-type").unwrap_or_default();
        let media = content_type.split(';').next().unwrap_or_default().trim();
        let pointer = format!("{pointer}/content/{}/schema", token(media));
        if self.document.pointer(&pointer).is_none() {
            return Err(format!(
                "{name}: the content type {content_type:?} is not documented"
            ));
        }
        let body = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
        self.validate(&pointer, &body)?;
        Ok(name)
    }

    /// The name of a response, and where it is once references are followed.
    fn response(&self, path: &str, status: u16) -> Result<(String, String), String> {
        let responses = self
            .document
            .pointer(path)
            .ok_or(format!("there is no {path}"))?;
        let own = status.to_string();
        let name = match responses.get(&own) {
            Some(_) => own,
            // A success is never left to the default.
            None if status >= 400 && responses.get(DEFAULT).is_some() => DEFAULT.to_owned(),
            None => return Err(format!("the status {status} is not documented")),
        };
        let pointer = match responses[&name]["$ref"].as_str() {
            Some(reference) => reference.trim_start_matches('#').to_owned(),
            None => format!("{path}/{name}"),
        };
        Ok((name, pointer))
    }

    fn validate(&self, pointer: &str, body: &Value) -> Result<(), String> {
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&self.schemas)
            .build(&json!({ "$ref": format!("{BASE}#{}", fragment(pointer)) }))
            .map_err(|error| error.to_string())?;
        let problems = validator.iter_errors(body);
        let problems: Vec<_> = problems
            .map(|problem| format!("{} {problem}", problem.instance_path()))
            .collect();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(problems.join("; ")),
        }
    }
}

/// A time as all plugins write it.
const TIME: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$";

/// Lets the schemas take what they name and nothing else. A document leaves
/// room for fields that are added later; a reply of today has none of them.
fn make_exact(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(make_exact),
        Value::Object(fields) => {
            if fields.get("type") == Some(&json!("object")) {
                fields.entry("additionalProperties").or_insert(json!(false));
            }
            if fields.get("format") == Some(&json!("date-time")) {
                fields.insert("pattern".to_owned(), json!(TIME));
            }
            fields.values_mut().for_each(make_exact);
        }
        _ => {}
    }
}

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

fn entries(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let object = object.as_object().expect("an object");
    object.iter().map(|(name, value)| (name.as_str(), value))
}

/// A name as it stands in a JSON pointer.
fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A JSON pointer as it stands in a URI.
fn fragment(pointer: &str) -> String {
    pointer
        .replace('{', "%7B")
        .replace('}', "%7D")
        .replace('+', "%2B")
}
