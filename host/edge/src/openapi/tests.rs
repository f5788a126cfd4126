use super::*;

/// Returns a document of a plugin: `rest` is everything after its head.
fn source(plugin: &str, rest: &str) -> Source {
    Source {
        plugin: plugin.to_owned(),
        version: "1.0.0".to_owned(),
        text: format!("openapi: 3.1.0\ninfo: {{ title: {plugin}, version: 1.0.0 }}\n{rest}"),
    }
}

fn merged(sources: &[Source]) -> serde_json::Value {
    let merged = merge(sources, None).expect("they merge");
    let json = merged.to_json().expect("JSON");
    let yaml = merged.to_yaml().expect("YAML");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let again: serde_json::Value = serde_saphyr::from_str(&yaml).expect("YAML");
    assert_eq!(json, again, "{yaml}");
    json
}

fn refusal(sources: &[Source]) -> String {
    match merge(sources, None) {
        Ok(_) => panic!("they merge"),
        Err(error) => error.to_string(),
    }
}

/// Returns a path whose reply is the component `schema`.
fn path(path: &str, id: &str, schema: &str) -> String {
    format!(
        "  {path}:\n    get:\n      operationId: {id}\n      responses:\n        '200': {{ description: x, \
         content: {{ application/json: {{ schema: {{ $ref: '#/components/schemas/{schema}' }} }} }} }}\n"
    )
}

fn schema_of<'a>(merged: &'a serde_json::Value, path: &str) -> &'a str {
    let operation = &merged["paths"][path]["get"];
    let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
    schema["$ref"].as_str().expect("a reference")
}

#[test]
fn equal_components_become_one() {
    let schemas = "components: { schemas: { Item: { type: object, properties: { id: { $ref: '#/components/schemas/Id' } } }, Id: { type: integer, minimum: 1 } } }\n";
    // The order of fields does not matter.
    let other = "components: { schemas: { Id: { minimum: 1, type: integer }, Item: { properties: { id: { $ref: '#/components/schemas/Id' } }, type: object } } }\n";
    let one = source(
        "b",
        &format!("paths:\n{}{schemas}", path("/b", "getB", "Item")),
    );
    let two = source(
        "a",
        &format!("paths:\n{}{other}", path("/a", "getA", "Item")),
    );
    let merged = merged(&[one, two]);
    let names = merged["components"]["schemas"]
        .as_object()
        .expect("schemas");
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(schema_of(&merged, "/a"), "#/components/schemas/Item");
    assert_eq!(merged["info"]["title"], "a, b");
    assert_eq!(merged["x-plugins"][1]["name"], "b");
}

#[test]
fn components_that_differ_are_named_for_their_plugins() {
    let id = |minimum: u8| format!("Id: {{ type: integer, minimum: {minimum} }}");
    let item = "Item: { type: object, properties: { id: { $ref: '#/components/schemas/Id' } } }";
    let document = |plugin: &str, minimum| {
        let path = path(&format!("/{plugin}"), &format!("get{plugin}"), "Item");
        let schemas = format!("components:\n  schemas:\n    {item}\n    {}\n", id(minimum));
        source(plugin, &format!("paths:\n{path}{schemas}"))
    };
    // The texts of `Item` are equal, but refer to different components.
    let merged = merged(&[
        document("gift-cards", 2),
        document("order", 1),
        document("stock", 1),
    ]);
    let schemas = &merged["components"]["schemas"];
    let names: Vec<_> = schemas.as_object().expect("schemas").keys().collect();
    assert_eq!(
        names,
        ["GiftCardsId", "GiftCardsItem", "OrderId", "OrderItem"]
    );
    assert_eq!(
        schema_of(&merged, "/gift-cards"),
        "#/components/schemas/GiftCardsItem"
    );
    assert_eq!(
        schema_of(&merged, "/order"),
        "#/components/schemas/OrderItem"
    );
    assert_eq!(
        schema_of(&merged, "/stock"),
        "#/components/schemas/OrderItem"
    );
    let target = |name: &str| schemas[name]["properties"]["id"]["$ref"].clone();
    assert_eq!(target("GiftCardsItem"), "#/components/schemas/GiftCardsId");
    assert_eq!(target("OrderItem"), "#/components/schemas/OrderId");
}

#[test]
fn a_name_that_is_taken_gets_a_number() {
    let first = "components: { schemas: { Item: { type: string }, OrderItem: { type: number } } }";
    let second = "components: { schemas: { Item: { type: integer } } }";
    let merged = merged(&[source("order", first), source("x", second)]);
    let schemas = &merged["components"]["schemas"];
    assert_eq!(schemas["OrderItem"]["type"], "number");
    assert_eq!(schemas["OrderItem2"]["type"], "string");
    assert_eq!(schemas["XItem"]["type"], "integer");
}

#[test]
fn security_schemes_are_renamed_where_they_are_asked_for() {
    let document = |plugin: &str, header: &str| {
        let text = format!(
            "security: [{{ key: [] }}]\npaths:\n  /{plugin}:\n    get: {{ responses: {{}} }}\n    put: {{ security: [], responses: {{}} }}\n\
             components:\n  securitySchemes:\n    key: {{ type: apiKey, in: header, name: {header} }}\n"
        );
        source(plugin, &text)
    };
    let merged = merged(&[document("a", "x-a"), document("b", "x-b")]);
    assert_eq!(
        merged["paths"]["/a"]["get"]["security"][0],
        serde_json::json!({ "aKey": [] })
    );
    assert_eq!(
        merged["paths"]["/b"]["get"]["security"][0],
        serde_json::json!({ "bKey": [] })
    );
    assert_eq!(
        merged["paths"]["/b"]["put"]["security"],
        serde_json::json!([])
    );
    assert_eq!(
        merged["components"]["securitySchemes"]["bKey"]["name"],
        "x-b"
    );
    assert!(merged.get("security").is_none());
}

#[test]
fn operations_of_one_name_are_named_for_their_plugins() {
    let document = |plugin: &str, id: &str| {
        let text = format!(
            "paths: {{ /{plugin}: {{ get: {{ operationId: {id}, responses: {{ '200': {{ description: x, links: {{ again: {{ operationId: {id} }} }} }} }} }} }} }}"
        );
        source(plugin, &text)
    };
    let merged = merged(&[
        document("a", "list"),
        document("b", "list"),
        document("c", "get"),
    ]);
    let twins = ["a-b", "aB"].map(|plugin| document(plugin, "list"));
    let text = merge(&twins, None).expect("one").to_json().expect("JSON");
    for id in ["\"aBList\"", "\"aBList2\""] {
        assert_eq!(text.matches(id).count(), 2, "{text}");
    }
    let operation = |plugin: &str| merged["paths"][format!("/{plugin}")]["get"].clone();
    for (plugin, id) in [("a", "aList"), ("b", "bList"), ("c", "get")] {
        assert_eq!(operation(plugin)["operationId"], id);
        let link = &operation(plugin)["responses"]["200"]["links"]["again"];
        assert_eq!(link["operationId"], id);
    }
}

#[test]
fn tags_and_servers_come_together() {
    let one = "servers: [{ url: / }, { url: /api/v1 }]\ntags: [{ name: admin, description: Carts. }, { name: a }]\npaths: { /a: {} }";
    let other = "servers: [{ url: / }, { url: /api/v1 }]\ntags: [{ name: admin, description: Money. }, { name: b }]\npaths: { /b: {} }";
    let together = merged(&[source("a", one), source("b", other)]);
    assert_eq!(
        together["servers"],
        serde_json::json!([{ "url": "/" }, { "url": "/api/v1" }])
    );
    assert_eq!(
        together["tags"],
        serde_json::json!([{ "name": "admin", "description": "Carts. Money." }, { "name": "a" }, { "name": "b" }])
    );
    assert_eq!(together["paths"]["/a"], serde_json::json!({}));

    // A document without servers is served at `/` alone.
    let apart = merged(&[source("a", one), source("b", "paths: { /b: {} }")]);
    assert_eq!(
        apart["paths"]["/b"]["servers"],
        serde_json::json!([{ "url": "/" }])
    );
    assert_eq!(apart["paths"]["/a"]["servers"][1]["url"], "/api/v1");
}

#[test]
fn the_order_of_plugins_makes_no_difference_and_that_of_fields_stays() {
    let document = |plugin: &str, kind: &str| {
        let components = format!(
            "components: {{ schemas: {{ Z: {{ type: {kind} }}, A: {{ type: string }} }} }}"
        );
        source(
            plugin,
            &format!("paths: {{ /{plugin}/z: {{}}, /{plugin}/a: {{}} }}\n{components}"),
        )
    };
    let written = |sources: &[Source]| {
        merge(sources, Some("All"))
            .expect("one")
            .to_yaml()
            .expect("YAML")
    };
    let one = written(&[document("a", "string"), document("b", "number")]);
    let other = written(&[document("b", "number"), document("a", "string")]);
    assert_eq!(one, other);
    assert!(one.find("/a/z").expect("it") < one.find("/a/a").expect("it"));
}

#[test]
fn what_cannot_be_merged_is_refused_by_name() {
    let path = |path: &str| format!("paths: {{ '{path}': {{}} }}");
    for (one, other, reason) in [
        (
            "paths: 7".to_owned(),
            String::new(),
            "plugin a: openapi.yaml is no OpenAPI document",
        ),
        (
            path("/x/{id}"),
            path("/X/{other}"),
            "the path /X/{other} is in the openapi.yaml of both a and b",
        ),
        (
            "paths: { /a: { get: { $ref: '#/components/schemas/None' } } }".to_owned(),
            String::new(),
            "refers to \"#/components/schemas/None\"",
        ),
        (
            "paths: { /a: { get: { $ref: 'other.yaml#/x' } } }".to_owned(),
            String::new(),
            "refers to \"other.yaml#/x\"",
        ),
        (
            "paths: { /a: { get: { security: [{ none: [] }] } } }".to_owned(),
            String::new(),
            "refers to \"none\"",
        ),
        (
            "paths: { /a: { get: { operationId: x }, put: { operationId: x } } }".to_owned(),
            String::new(),
            "two operations with the operationId \"x\"",
        ),
        (
            "jsonSchemaDialect: https://example.com/own".to_owned(),
            String::new(),
            "jsonSchemaDialect",
        ),
    ] {
        let refused = refusal(&[source("a", &one), source("b", &other)]);
        assert!(refused.contains(reason), "{refused}");
    }
}

#[test]
fn an_older_or_a_malicious_document_is_refused() {
    let mut old = source("a", "");
    old.text = "openapi: 3.0.3\ninfo: { title: a, version: '1' }\npaths: {}".to_owned();
    assert!(refusal(&[old]).contains("is of OpenAPI \"3.0.3\""));
    let deep = format!("paths: {{ /a: {}{} }}", "[".repeat(5000), "]".repeat(5000));
    assert!(refusal(&[source("a", &deep)]).contains("no OpenAPI document"));
}

#[test]
fn text_that_looks_like_something_else_stays_text() {
    let text = "paths: { /a: { get: { parameters: [{ name: x, in: query, schema: { enum: ['on', 'no', '1', '1.50', 'null', '~', ' x ', \"a\\nb: c\", '2024-05-06', ''] }, example: '0x1f' }] } } }";
    let merged = merged(&[source("a", text)]);
    let parameter = &merged["paths"]["/a"]["get"]["parameters"][0];
    let expected = serde_json::json!([
        "on",
        "no",
        "1",
        "1.50",
        "null",
        "~",
        " x ",
        "a\nb: c",
        "2024-05-06",
        ""
    ]);
    assert_eq!(parameter["schema"]["enum"], expected);
    assert_eq!(parameter["example"], "0x1f");
}

#[test]
fn a_merged_document_reads_like_one() {
    let schemas = "components: { schemas: { Item: { type: object } } }\n";
    let items = source(
        "catalog",
        &format!("paths:\n{}{schemas}", path("/items", "getItems", "Item")),
    );
    let other = "components: { schemas: { Item: { type: string } } }\n";
    let lines = source(
        "orders",
        &format!(
            "tags: [{{ name: lines }}]\npaths:\n{}{other}",
            path("/lines", "getLines", "Item")
        ),
    );
    let merged = merge(&[items, lines], Some("Shop")).expect("they merge");
    insta::assert_snapshot!(merged.to_yaml().expect("YAML"));
}
