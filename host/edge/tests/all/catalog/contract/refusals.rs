//! Every way in which the catalog refuses a request, word by word.

use http::{Method, Request};
use serde_json::json;

use crate::catalog::shop::{JSON, Refusal, Shop};

pub const BAD_ID: Refusal = Refusal::new(400, "DEP_01", "The ID is not a number.");
pub const NO_DEPARTMENT: Refusal =
    Refusal::new(404, "DEP_02", "Don'exist department with this ID.");
pub const NO_CATEGORY: Refusal = Refusal::new(404, "CAT_01", "Don't exist category with this ID.");
pub const NO_PRODUCT: Refusal = Refusal::new(404, "PRO_01", "Don't exist product with this ID.");
pub const NO_ATTRIBUTE: Refusal =
    Refusal::new(404, "ATT_01", "Don't exist attribute with this ID.");
const BAD_ORDER: Refusal = Refusal::new(
    400,
    "PAG_01",
    "The order is not matched 'field,(DESC|ASC)'.",
)
.of("order");
const BAD_FIELD: Refusal =
    Refusal::new(400, "PAG_02", "The field of order is not allow sorting.").of("order");
const BAD_PAGE: Refusal =
    Refusal::new(400, "PAG_03", "The page or limit is out of range.").of("page");
const BAD_LIMIT: Refusal = BAD_PAGE.of("limit");
const NO_QUERY: Refusal =
    Refusal::new(400, "USR_02", "The field(s) are/is required.").of("query_string");
const BAD_LENGTH: Refusal =
    Refusal::new(400, "HTTP_400", "The description length is not a number.")
        .of("description_length");
const BAD_SWITCH: Refusal = Refusal::new(
    400,
    "HTTP_400",
    "Whether all words must match is either on or off.",
)
.of("all_words");
const WRONG_METHOD: Refusal = Refusal::new(405, "HTTP_405", "The method is not allowed here.");

/// Every route with an id: the parameter's name, and the refusal of an id
/// that nothing has.
pub const ID_ROUTES: [(&str, &str, &str, Refusal); 13] = [
    ("/departments/", "", "department_id", NO_DEPARTMENT),
    ("/categories/", "", "category_id", NO_CATEGORY),
    ("/categories/inProduct/", "", "product_id", NO_PRODUCT),
    (
        "/categories/inDepartment/",
        "",
        "department_id",
        NO_DEPARTMENT,
    ),
    ("/attributes/", "", "attribute_id", NO_ATTRIBUTE),
    ("/attributes/values/", "", "attribute_id", NO_ATTRIBUTE),
    ("/attributes/inProduct/", "", "product_id", NO_PRODUCT),
    ("/products/inCategory/", "", "category_id", NO_CATEGORY),
    (
        "/products/inDepartment/",
        "",
        "department_id",
        NO_DEPARTMENT,
    ),
    ("/products/", "", "product_id", NO_PRODUCT),
    ("/products/", "/details", "product_id", NO_PRODUCT),
    ("/products/", "/locations", "product_id", NO_PRODUCT),
    ("/products/", "/reviews", "product_id", NO_PRODUCT),
];

/// Every route that gives pages, ready for another parameter.
const PAGED: [&str; 5] = [
    "/categories?",
    "/products?",
    "/products/search?query_string=arc&",
    "/products/inCategory/1?",
    "/products/inDepartment/1?",
];

/// What is no natural number, or one that no page has.
const BAD_NUMBERS: [&str; 15] = [
    "0",
    "00",
    "-1",
    "1.5",
    "1e309",
    "NaN",
    "%2B1",
    "0x10",
    "%D9%A1",
    "1_000",
    "null",
    "%22%22",
    "[]",
    "%ff",
    "18446744073709551616",
];

#[tokio::test]
async fn pages_out_of_range_are_refused() {
    for shop in Shop::both().await {
        for route in PAGED {
            for number in BAD_NUMBERS {
                let path = format!("{route}page={number}");
                shop.assert_refused(Method::GET, &path, &BAD_PAGE).await;
                let path = format!("{route}limit={number}");
                shop.assert_refused(Method::GET, &path, &BAD_LIMIT).await;
            }
            for limit in ["101", "1000000000", "9223372036854775808"] {
                let path = format!("{route}limit={limit}");
                shop.assert_refused(Method::GET, &path, &BAD_LIMIT).await;
            }
            let path = format!("{route}page=9223372036854775807");
            shop.assert_refused(Method::GET, &path, &BAD_PAGE).await;
        }
    }
}

#[tokio::test]
async fn wrong_parameters_are_refused() {
    let mut cases = vec![
        ("/categories?order=price,ASC".to_owned(), BAD_FIELD),
        ("/categories?order=NAME,ASC".to_owned(), BAD_FIELD),
        ("/categories?order=description,DESC".to_owned(), BAD_FIELD),
        ("/products/search".to_owned(), NO_QUERY),
        ("/products/search?query_string=".to_owned(), NO_QUERY),
        ("/products/search?query_string=%20".to_owned(), NO_QUERY),
        ("/products/search?Query_String=arc".to_owned(), NO_QUERY),
        (
            "/products/search?query_string=arc&all_words=maybe".to_owned(),
            BAD_SWITCH,
        ),
        (
            "/products/search?query_string=arc&all_words=%ff".to_owned(),
            BAD_SWITCH,
        ),
    ];
    for order in [
        "name",
        "name,",
        ",ASC",
        "name,asc",
        "name,ASC,",
        "name;ASC",
        "name,DESC--",
    ] {
        cases.push((format!("/categories?order={order}"), BAD_ORDER));
    }
    for route in PAGED.into_iter().filter(|route| *route != "/categories?") {
        for length in ["-1", "1.5", "ten", "%2B1", "99999999999999999999"] {
            cases.push((format!("{route}description_length={length}"), BAD_LENGTH));
        }
    }
    for shop in Shop::both().await {
        for (path, refusal) in &cases {
            shop.assert_refused(Method::GET, path, refusal).await;
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_refused() {
    let unknown = [
        "/",
        "/product",
        "/departments//",
        "/departments/1/categories",
        "/categories/inShop/1",
        "/categories/inProduct/1/2",
        "/attributes/values/1/2",
        "/products/1/review",
        "/products/1/details//",
        "/products/1/2/3",
        "/Productses",
        "/api/v1",
        "/api/v2/products",
    ];
    let mut known = vec!["/departments", "/categories", "/attributes", "/products"];
    known.push("/products/search");
    let with_ids: Vec<_> = ID_ROUTES
        .iter()
        .map(|(before, after, ..)| format!("{before}1{after}"))
        .collect();
    known.extend(with_ids.iter().map(String::as_str));
    for shop in Shop::both().await {
        for path in unknown {
            let reply = shop.get(path).await;
            assert_eq!(reply.status, 404, "{path}: {reply:?}");
            assert_eq!(reply.header("content-type"), Some(JSON), "{path}");
            assert_eq!(
                reply.json(),
                json!({ "message": "Endpoint not found." }),
                "{path}"
            );
        }
        for path in &known {
            assert_methods(&shop, path).await;
        }
    }
}

/// GET, HEAD and OPTIONS are answered, everything else is refused.
async fn assert_methods(shop: &Shop, path: &str) {
    let asked = match path {
        "/products/search" => "/products/search?query_string=arc",
        _ => path,
    };
    let get = shop.get(asked).await;
    let head = shop.node.request(Method::HEAD, asked).await;
    assert_eq!((get.status, head.status), (200, 200), "{path}");
    assert!(head.body.is_empty(), "{path}");
    let length = Some(get.body.len().to_string());
    assert_eq!(head.header("content-length"), length.as_deref(), "{path}");
    assert_eq!(head.header("content-type"), Some(JSON), "{path}");
    let mounted = shop.get(&format!("/api/v1{asked}")).await;
    assert_eq!((mounted.status, mounted.body), (200, get.body), "{path}");

    let options = shop.node.request(Method::OPTIONS, path).await;
    assert_eq!(options.status, 200, "{path}");
    let allow = options.header("allow").map(str::to_owned);
    let allowed: Vec<_> = allow.iter().flat_map(|allow| allow.split(", ")).collect();
    let known = ["GET", "HEAD", "OPTIONS"];
    assert!(
        known.iter().all(|method| allowed.contains(method)),
        "{path}: {allow:?}"
    );
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        shop.assert_refused(method.clone(), path, &WRONG_METHOD)
            .await;
        let reply = shop.node.request(method, path).await;
        assert_eq!(reply.header("allow").map(str::to_owned), allow, "{path}");
    }
}

#[tokio::test]
async fn who_asks_for_problem_details_gets_them() {
    for shop in Shop::both().await {
        let url = shop.node.url("/products/0");
        let request = Request::get(url).header("accept", "application/problem+json");
        let reply = shop.node.send(request, "").await;
        assert_eq!(reply.status, 400, "{reply:?}");
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json")
        );
        let problem = reply.json();
        assert_eq!(problem["status"], 400, "{problem}");
        assert_eq!(problem["detail"], BAD_ID.message, "{problem}");
        assert_eq!(
            (&problem["code"], &problem["field"]),
            (&json!("DEP_01"), &json!("product_id"))
        );
    }
}
