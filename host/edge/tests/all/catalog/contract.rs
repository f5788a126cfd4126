//! The catalog's part of the REST contract: what each route answers, and how
//! it refuses.

mod ids;
mod leftovers;
mod lists;
mod refusals;

use serde_json::{Value, json};

use super::shop::Shop;
use super::written::{Product, Written, pick};

#[tokio::test]
async fn departments_categories_and_attributes_are_as_written() {
    let written = Written::read();
    for shop in Shop::both().await {
        shop.assert_json("/departments", &json!(written.departments))
            .await;
        for one in &written.departments {
            let id = &one["department_id"];
            shop.assert_json(&format!("/departments/{id}"), one).await;
            let belongs = |category: &&Value| category["department_id"] == *id;
            let categories: Vec<_> = written.categories.iter().filter(belongs).collect();
            let path = format!("/categories/inDepartment/{id}");
            shop.assert_json(&path, &json!(categories)).await;
        }
        for one in &written.categories {
            let path = format!("/categories/{}", one["category_id"]);
            shop.assert_json(&path, one).await;
        }
        shop.assert_json("/attributes", &json!(written.attributes))
            .await;
        for (one, values) in written.attributes.iter().zip(&written.values) {
            let id = &one["attribute_id"];
            shop.assert_json(&format!("/attributes/{id}"), one).await;
            let path = format!("/attributes/values/{id}");
            shop.assert_json(&path, &json!(values)).await;
        }
    }
}

#[tokio::test]
async fn every_product_is_as_written_from_all_sides() {
    let written = Written::read();
    let reviewed = |product: &&Product| product.reviews.len() > 1;
    assert!(written.products.iter().any(|product| reviewed(&product)));
    for shop in Shop::both().await {
        for product in &written.products {
            assert_all_sides(&shop, &written, product).await;
        }
    }
}

async fn assert_all_sides(shop: &Shop, written: &Written, product: &Product) {
    let id = &product.whole["product_id"];
    let details = [
        "product_id",
        "name",
        "description",
        "price",
        "discounted_price",
        "image",
        "image_2",
    ];
    let categories: Vec<_> = product
        .categories
        .iter()
        .map(|category| pick(category, &["category_id", "department_id", "name"]))
        .collect();
    let locations: Vec<_> = product
        .categories
        .iter()
        .map(|category| location(category, written))
        .collect();
    let sides = [
        (format!("/products/{id}"), product.whole.clone()),
        (
            format!("/products/{id}/details"),
            pick(&product.whole, &details),
        ),
        (format!("/products/{id}/locations"), json!(locations)),
        (format!("/products/{id}/reviews"), json!(product.reviews)),
        (format!("/categories/inProduct/{id}"), json!(categories)),
        (
            format!("/attributes/inProduct/{id}"),
            json!(product.choices),
        ),
    ];
    for (path, expected) in &sides {
        shop.assert_json(path, expected).await;
    }
}

fn location(category: &Value, written: &Written) -> Value {
    let id = &category["department_id"];
    let mut departments = written.departments.iter();
    let department = departments.find(|one| one["department_id"] == *id);
    json!({
        "category_id": category["category_id"],
        "category_name": category["name"],
        "department_id": id,
        "department_name": department.expect("the category's")["name"],
    })
}
