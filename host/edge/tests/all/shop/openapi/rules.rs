//! The plugins' documents as one: what generators of clients need of it.

use std::collections::BTreeSet;
use std::process::Output;

use edge::openapi::{Source, merge};
use serde_json::{Map, Value, json};

use crate::harness::{data_folder, edge, fixture};
use crate::shop::documents::TEXTS;

/// The operations of the contract.
const CONTRACT: [(&str, &str); 46] = [
    ("get", "/departments"),
    ("get", "/departments/{department_id}"),
    ("get", "/categories"),
    ("get", "/categories/{category_id}"),
    ("get", "/categories/inProduct/{product_id}"),
    ("get", "/categories/inDepartment/{department_id}"),
    ("get", "/attributes"),
    ("get", "/attributes/{attribute_id}"),
    ("get", "/attributes/values/{attribute_id}"),
    ("get", "/attributes/inProduct/{product_id}"),
    ("get", "/products"),
    ("get", "/products/search"),
    ("get", "/products/{product_id}"),
    ("get", "/products/inCategory/{category_id}"),
    ("get", "/products/inDepartment/{department_id}"),
    ("get", "/products/{product_id}/details"),
    ("get", "/products/{product_id}/locations"),
    ("get", "/products/{product_id}/reviews"),
    ("post", "/products/{product_id}/reviews"),
    ("post", "/customers"),
    ("post", "/customers/login"),
    ("post", "/customers/facebook"),
    ("get", "/customer"),
    ("put", "/customer"),
    ("put", "/customers/address"),
    ("put", "/customers/creditCard"),
    ("get", "/shoppingcart/generateUniqueId"),
    ("post", "/shoppingcart/add"),
    ("get", "/shoppingcart/{cart_id}"),
    ("put", "/shoppingcart/update/{item_id}"),
    ("delete", "/shoppingcart/empty/{cart_id}"),
    ("get", "/shoppingcart/saveForLater/{item_id}"),
    ("get", "/shoppingcart/moveToCart/{item_id}"),
    ("get", "/shoppingcart/getSaved/{cart_id}"),
    ("get", "/shoppingcart/totalAmount/{cart_id}"),
    ("delete", "/shoppingcart/removeProduct/{item_id}"),
    ("post", "/orders"),
    ("get", "/orders/{order_id}"),
    ("get", "/orders/inCustomer"),
    ("get", "/orders/shortDetail/{order_id}"),
    ("get", "/tax"),
    ("get", "/tax/{tax_id}"),
    ("get", "/shipping/regions"),
    ("get", "/shipping/regions/{shipping_region_id}"),
    ("post", "/stripe/charge"),
    ("post", "/stripe/webhooks"),
];

fn merged() -> Value {
    let sources = TEXTS.map(|(plugin, text)| Source {
        plugin: plugin.to_owned(),
        version: "0.1.0".to_owned(),
        text: text.to_owned(),
    });
    let merged = merge(&sources, None).expect("the documents merge");
    serde_json::to_value(merged).expect("JSON")
}

fn object<'v>(value: &'v Value, field: &str) -> &'v Map<String, Value> {
    value[field].as_object().expect("an object")
}

/// Every operation, with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    object(document, "paths").iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("a path item");
        methods
            .iter()
            .map(|(method, operation)| (&**method, &**path, operation))
    })
}

/// Calls `on` with every object in the document that is no example.
fn walk<'v>(value: &'v Value, on: &mut impl FnMut(&'v Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, on)),
        Value::Object(fields) => {
            on(fields);
            for (field, value) in fields {
                if !["example", "examples"].contains(&&**field) {
                    walk(value, on);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn every_operation_of_the_contract_is_documented() {
    let document = merged();
    let documented: BTreeSet<_> = operations(&document)
        .map(|(method, path, _)| (method, path))
        .collect();
    let missing: Vec<_> = CONTRACT
        .iter()
        .filter(|one| !documented.contains(one))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn components_of_one_name_are_the_same_in_all_documents() {
    let document = merged();
    for (plugin, text) in TEXTS {
        let own: Value = serde_saphyr::from_str(text).expect("YAML");
        for (section, components) in object(&own, "components") {
            for (name, component) in components.as_object().expect("components") {
                let found = &document["components"][section][name];
                assert_eq!(found, component, "{section}/{name} of {plugin}");
            }
        }
    }
}

#[test]
fn every_operation_has_a_name_says_who_may_ask_and_takes_json() {
    let document = merged();
    let tags: BTreeSet<_> = document["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| &tag["name"])
        .map(Value::to_string)
        .collect();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let said = format!("{method} {path}");
        let name = operation["operationId"].as_str().expect(&said);
        assert!(names.insert(name), "{name} names two operations");
        let security = operation["security"].as_array().expect(&said);
        let open = json!([]);
        let closed = json!([{ "userKey": [] }, { "bearer": [] }]);
        assert!(
            [&open, &closed].contains(&&Value::from(security.clone())),
            "{said}"
        );
        let tag = operation["tags"][0].to_string();
        assert!(tags.contains(&tag), "{said}: {tag}");
        let mut body = &operation["requestBody"];
        if let Some(reference) = body["$ref"].as_str() {
            body = document
                .pointer(reference.trim_start_matches('#'))
                .expect("a body");
        }
        if !body.is_null() {
            let types: Vec<_> = object(body, "content").keys().collect();
            assert_eq!(types, ["application/json"], "{said}");
            assert!(
                !body["content"]["application/json"]["example"].is_null(),
                "{said}"
            );
        }
    }
}

#[test]
fn every_error_has_the_envelope() {
    let document = merged();
    let envelope = json!({ "$ref": "#/components/schemas/ErrorResponse" });
    for (method, path, operation) in operations(&document) {
        let responses = object(operation, "responses");
        assert!(responses.contains_key("default"), "{method} {path}");
        for (status, response) in responses.iter().filter(|(status, _)| *status != "200") {
            let mut response = response;
            if let Some(reference) = response["$ref"].as_str() {
                response = document
                    .pointer(reference.trim_start_matches('#'))
                    .expect("a response");
            }
            let schema = &response["content"]["application/json"]["schema"];
            assert_eq!(schema, &envelope, "{method} {path} {status}");
        }
    }
}

#[test]
fn schemas_leave_generators_no_choice() {
    let document = merged();
    walk(&document, &mut |fields| {
        let said = || Value::from(fields.clone());
        if fields.get("$ref").is_some_and(Value::is_string) {
            assert_eq!(fields.len(), 1, "a reference with siblings: {}", said());
        }
        let is = |kind: &str| fields.get("type") == Some(&json!(kind));
        if is("array") {
            assert!(fields.contains_key("items"), "no items: {}", said());
        }
        if is("object") {
            let closed =
                fields.contains_key("properties") || fields.contains_key("additionalProperties");
            let is_empty = fields.get("maxProperties") == Some(&json!(0));
            assert!(closed || is_empty, "no properties: {}", said());
        }
        assert!(!fields.contains_key("const"), "{}", said());
        // Generators make text of all that is listed.
        let mut listed = fields
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        assert!(listed.all(Value::is_string), "{}", said());
    });
    walk(&document["paths"], &mut |fields| {
        for media in fields
            .get("content")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let schema = &media.1["schema"];
            let schema = schema.get("items").unwrap_or(schema);
            assert!(
                schema["$ref"].is_string(),
                "a schema without a name: {schema}"
            );
        }
    });
    for (name, schema) in object(&document["components"], "schemas") {
        let Some(properties) = schema["properties"].as_object() else {
            continue;
        };
        for (property, value) in properties {
            let has_example = value["examples"][0] != Value::Null;
            assert!(
                value["properties"].is_null(),
                "{name}.{property} has no name"
            );
            let is_elsewhere = !value["$ref"].is_null() || !value["items"].is_null();
            assert!(
                has_example || is_elsewhere,
                "{name}.{property} has no example"
            );
        }
    }
}

#[test]
fn a_command_prints_the_document() {
    let folder = data_folder();
    let plugins = TEXTS.map(|(plugin, _)| fixture(&format!("../{plugin}")).path().to_owned());
    let run = |arguments: &[&str]| {
        let mut command = edge(folder.path());
        let list: Vec<_> = plugins
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        command
            .env("EDGE_PLUGINS", list.join(","))
            .arg("openapi")
            .args(arguments);
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("it runs");
        let told = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{told}");
        String::from_utf8(stdout).expect("text")
    };
    let expected = merged();
    let yaml: Value = serde_saphyr::from_str(&run(&[])).expect("YAML");
    assert_eq!(yaml, expected);
    let titled: Value =
        serde_json::from_str(&run(&["--format", "json", "--title", "Shop"])).expect("JSON");
    assert_eq!(titled["info"]["title"], "Shop");
    assert_eq!(titled["paths"], expected["paths"]);

    let customer = plugins[0].display().to_string();
    let alone: Value = serde_saphyr::from_str(&run(&[&customer])).expect("YAML");
    assert_eq!(
        alone["x-plugins"],
        json!([{ "name": "customer", "version": "0.1.0" }])
    );
}
