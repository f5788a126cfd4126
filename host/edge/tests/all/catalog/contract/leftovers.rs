//! Rows that others hang on, deleted past the shop: what hung on them is gone
//! for clients as well.

use http::Method;

use super::refusals::{NO_ATTRIBUTE, NO_CATEGORY, NO_DEPARTMENT, NO_PRODUCT};
use crate::catalog::database::{Database, Store};
use crate::catalog::shop::{Refusal, Shop};

/// Statements that leave something over, and the paths that lead to it.
const DELETED: [(&str, &[&str], Refusal); 4] = [
    (
        "DELETE FROM product WHERE product_id = 1",
        &[
            "/products/1",
            "/products/1/details",
            "/products/1/locations",
            "/products/1/reviews",
            "/categories/inProduct/1",
            "/attributes/inProduct/1",
        ],
        NO_PRODUCT,
    ),
    (
        "DELETE FROM category WHERE category_id = 1",
        &["/categories/1", "/products/inCategory/1"],
        NO_CATEGORY,
    ),
    (
        "DELETE FROM attribute WHERE attribute_id = 1",
        &["/attributes/1", "/attributes/values/1"],
        NO_ATTRIBUTE,
    ),
    (
        "DELETE FROM department WHERE department_id = 1",
        &[
            "/departments/1",
            "/categories/inDepartment/1",
            "/products/inDepartment/1",
        ],
        NO_DEPARTMENT,
    ),
];

/// What hangs on the product that is deleted.
const HANGING: [&str; 3] = ["review", "product_category", "product_attribute"];

#[tokio::test]
async fn what_hangs_on_a_row_that_is_gone_is_not_found() {
    for store in Store::ALL {
        let database = Database::new(store);
        let shop = Shop::open(&database).await;
        database
            .execute(
                "INSERT INTO review (customer_id, product_id, review, rating, created_on) \
                 VALUES (1, 1, 'Left over.', 1, '2024-05-06 06:58:00')",
            )
            .await;
        for (statement, paths, refusal) in DELETED {
            database.execute(statement).await;
            for path in paths {
                shop.assert_refused(Method::GET, path, &refusal).await;
            }
        }
        for table in HANGING {
            let left = format!("SELECT 'left' FROM {table} WHERE product_id = 1");
            assert!(
                !database.texts(&left).await.is_empty(),
                "{store:?}: {table}"
            );
        }
    }
}
