//! Requests that bring every reply that the document names.

use http::Method;

/// A request, and the status that it is to bring.
pub struct Case {
    /// The method.
    pub method: Method,
    /// The path as the document has it.
    pub template: &'static str,
    /// The path to ask for, with its query.
    pub path: String,
    /// The status.
    pub status: u16,
}

/// Paths with an id.
const OF_AN_ID: [&str; 13] = [
    "/departments/{department_id}",
    "/categories/{category_id}",
    "/categories/inProduct/{product_id}",
    "/categories/inDepartment/{department_id}",
    "/attributes/{attribute_id}",
    "/attributes/values/{attribute_id}",
    "/attributes/inProduct/{product_id}",
    "/products/inCategory/{category_id}",
    "/products/inDepartment/{department_id}",
    "/products/{product_id}",
    "/products/{product_id}/details",
    "/products/{product_id}/locations",
    "/products/{product_id}/reviews",
];

/// Ids, and what they bring.
const IDS: [(&str, u16); 5] = [
    ("1", 200),
    ("2", 200),
    ("0", 400),
    ("%ff", 400),
    ("999999", 404),
];

/// Queries of one path each, and what they bring.
const QUERIES: [(&str, &str, u16); 27] = [
    ("/departments", "", 200),
    ("/departments", "?page=2&limit=1", 200),
    ("/departments", "?limit=501", 400),
    ("/attributes", "", 200),
    ("/attributes", "?limit=0", 400),
    ("/products/{product_id}/reviews", "?page=2&limit=1", 200),
    ("/categories", "", 200),
    ("/categories", "?order=name,DESC&page=2&limit=3", 200),
    ("/categories", "?order=name", 400),
    ("/categories", "?order=price,ASC", 400),
    ("/categories", "?page=0", 400),
    ("/products", "", 200),
    ("/products", "?page=2&limit=100&description_length=0", 200),
    ("/products", "?page=1000", 200),
    ("/products", "?page=x", 400),
    ("/products", "?limit=101", 400),
    ("/products", "?description_length=x", 400),
    ("/products/search", "?query_string=shirt&limit=100", 200),
    ("/products/search", "?query_string=unheardof", 200),
    (
        "/products/search",
        "?query_string=caf%C3%A9&all_words=off",
        200,
    ),
    ("/products/search", "", 400),
    ("/products/search", "?query_string=%ff", 400),
    ("/products/search", "?query_string=arc&all_words=x", 400),
    ("/products/search", "?query_string=arc&page=0", 400),
    ("/products/inCategory/{category_id}", "?page=2", 200),
    ("/products/inCategory/{category_id}", "?limit=0", 400),
    (
        "/products/inDepartment/{department_id}",
        "?description_length=x",
        400,
    ),
];

/// What needs a token.
const OF_TOKENS: [(Method, &str); 22] = [
    (Method::POST, "/products/{product_id}/reviews"),
    (Method::POST, "/admin/departments"),
    (Method::PUT, "/admin/departments/{department_id}"),
    (Method::DELETE, "/admin/departments/{department_id}"),
    (Method::POST, "/admin/categories"),
    (Method::PUT, "/admin/categories/{category_id}"),
    (Method::DELETE, "/admin/categories/{category_id}"),
    (Method::POST, "/admin/attributes"),
    (Method::PUT, "/admin/attributes/{attribute_id}"),
    (Method::DELETE, "/admin/attributes/{attribute_id}"),
    (Method::POST, "/admin/attributes/{attribute_id}/values"),
    (Method::PUT, "/admin/attributes/values/{attribute_value_id}"),
    (
        Method::DELETE,
        "/admin/attributes/values/{attribute_value_id}",
    ),
    (Method::POST, "/admin/products"),
    (Method::GET, "/admin/products/{product_id}"),
    (Method::PUT, "/admin/products/{product_id}"),
    (Method::DELETE, "/admin/products/{product_id}"),
    (Method::PUT, "/admin/products/{product_id}/stock"),
    (
        Method::PUT,
        "/admin/products/{product_id}/categories/{category_id}",
    ),
    (
        Method::DELETE,
        "/admin/products/{product_id}/categories/{category_id}",
    ),
    (
        Method::PUT,
        "/admin/products/{product_id}/attributes/{attribute_value_id}",
    ),
    (
        Method::DELETE,
        "/admin/products/{product_id}/attributes/{attribute_value_id}",
    ),
];

/// A query too long for the node, which brings the default response.
const TOO_LONG: usize = 9000;

/// Every request.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for template in OF_AN_ID {
        for (id, status) in IDS {
            let path = with_id(template, id);
            cases.push(Case::get(template, path, status));
        }
    }
    for (template, query, status) in QUERIES {
        let path = with_id(template, "1") + query;
        cases.push(Case::get(template, path, status));
    }
    let templates = [
        "/departments",
        "/attributes",
        "/categories",
        "/products",
        "/products/search",
    ];
    for template in templates.into_iter().chain(OF_AN_ID) {
        let path = format!("{}?{}", with_id(template, "1"), "x".repeat(TOO_LONG));
        cases.push(Case::get(template, path, 414));
    }
    cases.extend(unsigned());
    cases
}

/// Whatever needs a token, without one: refused, or too long to get there.
fn unsigned() -> impl Iterator<Item = Case> {
    OF_TOKENS.into_iter().flat_map(|(method, template)| {
        let path = with_ids(template);
        let too_long = format!("{path}?{}", "x".repeat(TOO_LONG));
        [(path, 401), (too_long, 414)].map(|(path, status)| Case {
            method: method.clone(),
            template,
            path,
            status,
        })
    })
}

impl Case {
    fn get(template: &'static str, path: String, status: u16) -> Self {
        Self {
            method: Method::GET,
            template,
            path,
            status,
        }
    }
}

/// The path with 1 for each of its parameters.
fn with_ids(template: &str) -> String {
    let segments = template.split('/').map(|segment| match segment.get(..1) {
        Some("{") => "1",
        _ => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The path with an id for its parameter, if it has one.
fn with_id(template: &str, id: &str) -> String {
    match template.split_once('{') {
        Some((before, rest)) => {
            let after = rest.split_once('}').map_or("", |(_, after)| after);
            format!("{before}{id}{after}")
        }
        None => template.to_owned(),
    }
}
