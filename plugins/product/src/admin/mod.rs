//! `/admin`: what merchants change about the catalog.
//!
//! A row that others hang on is held, by an update that changes nothing,
//! before anything is hung on it or it is deleted: of two transactions that
//! do either at once, the second sees what the first did.

pub mod assignments;
pub mod attributes;
pub mod categories;
mod crud;
pub mod departments;
mod merchant;
pub mod products;
mod rows;
pub mod stock;
pub mod values;

use edge_sdk::Router;

use attributes::AttributeFields;
use categories::CategoryFields;
use departments::DepartmentFields;
use values::ValueFields;

/// Adds the routes of merchants to a router.
#[must_use]
pub(crate) fn routes(router: Router) -> Router {
    let router = division_routes(router);
    let router = attribute_routes(router);
    product_routes(router)
}

fn division_routes(router: Router) -> Router {
    const DEPARTMENT: &str = "/admin/departments/{department_id}";
    const CATEGORY: &str = "/admin/categories/{category_id}";
    let router = crud::routes::<DepartmentFields>(router, "/admin/departments", DEPARTMENT);
    crud::routes::<CategoryFields>(router, "/admin/categories", CATEGORY)
}

fn attribute_routes(router: Router) -> Router {
    const ATTRIBUTE: &str = "/admin/attributes/{attribute_id}";
    const VALUES: &str = "/admin/attributes/{attribute_id}/values";
    const VALUE: &str = "/admin/attributes/values/{attribute_value_id}";
    let router = crud::routes::<AttributeFields>(router, "/admin/attributes", ATTRIBUTE);
    crud::routes::<ValueFields>(router, VALUES, VALUE)
}

fn product_routes(router: Router) -> Router {
    const PRODUCT: &str = "/admin/products/{product_id}";
    const CATEGORY: &str = "/admin/products/{product_id}/categories/{category_id}";
    const VALUE: &str = "/admin/products/{product_id}/attributes/{attribute_value_id}";
    router
        .post("/admin/products", products::add)
        .get(PRODUCT, products::one)
        .put(PRODUCT, products::change)
        .delete(PRODUCT, products::delete)
        .put("/admin/products/{product_id}/stock", stock::set)
        .put(CATEGORY, assignments::add_category)
        .delete(CATEGORY, assignments::remove_category)
        .put(VALUE, assignments::add_value)
        .delete(VALUE, assignments::remove_value)
}

#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    use crate::router;

    fn status(request: testing::Request) -> (u16, String) {
        let failure = router().dispatch(request).unwrap_err();
        (failure.status, failure.code)
    }

    /// Returns every route of merchants, with 1 for each id.
    fn routes() -> Vec<(String, String)> {
        let router = router();
        let routes = router
            .routes()
            .filter(|(_, path)| path.starts_with("/admin/"));
        let with_ids = |path: &str| {
            let segments = path.split('/').map(|segment| match segment.get(..1) {
                Some("{") => "1",
                _ => segment,
            });
            segments.collect::<Vec<_>>().join("/")
        };
        routes
            .map(|(method, path)| (method.to_owned(), with_ids(path)))
            .collect()
    }

    #[test]
    fn merchants_alone_are_let_in() {
        let routes = routes();
        assert!(routes.len() >= 21, "{routes:?}");
        for (method, path) in routes {
            let request = || testing::request(&method, &path);
            let refused = |status: u16, code: &str| (status, code.to_owned());
            assert_eq!(status(request()), refused(401, "AUT_01"), "{path}");
            let forged = testing::with_bad_token(request());
            assert_eq!(status(forged), refused(401, "AUT_02"), "{path}");
            for role in ["customer", "Merchant", ""] {
                let other = testing::as_principal(request(), 1, role);
                assert_eq!(status(other), refused(403, "AUT_03"), "{path} {role}");
            }
        }
    }

    #[test]
    fn fields_are_read_before_anything_is_changed() {
        let with_body = |(method, path): &(String, String)| {
            let writes = ["POST", "PUT"].contains(&method.as_str());
            writes && !path.contains("/1/categories/") && !path.contains("/1/attributes/")
        };
        for (method, path) in routes().into_iter().filter(with_body) {
            let send = |content_type: &str, body: &str| {
                let posted = testing::post(&path, content_type, body);
                let method = method.clone();
                let request = testing::Request { method, ..posted };
                status(testing::as_principal(request, 1, "merchant"))
            };
            let empty = send("application/json", "{}");
            assert_eq!(empty, (400, "USR_02".to_owned()), "{method} {path}");
            let image = send("image/png", "{}");
            assert_eq!(image, (415, "HTTP_415".to_owned()), "{method} {path}");
        }
    }

    #[test]
    fn merchants_name_rows_by_numbers() {
        for (method, path) in routes().iter().filter(|(_, path)| path.contains("/1")) {
            let path = path.replace("/1", "/x");
            let request = testing::as_principal(testing::request(method, &path), 1, "merchant");
            assert_eq!(status(request), (400, "DEP_01".to_owned()), "{path}");
        }
    }
}
