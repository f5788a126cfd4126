//! Requests that bring every reply that the document names.

/// A request, and the status that it is to bring.
pub struct Case {
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
const QUERIES: [(&str, &str, u16); 23] = [
    ("/departments", "", 200),
    ("/attributes", "", 200),
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

/// A query too long for the node, which brings the default response.
const TOO_LONG: usize = 9000;

/// Every request.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for template in OF_AN_ID {
        for (id, status) in IDS {
            let path = with_id(template, id);
            cases.push(Case {
                template,
                path,
                status,
            });
        }
    }
    for (template, query, status) in QUERIES {
        let path = with_id(template, "1") + query;
        cases.push(Case {
            template,
            path,
            status,
        });
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
        cases.push(Case {
            template,
            path,
            status: 414,
        });
    }
    cases
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
