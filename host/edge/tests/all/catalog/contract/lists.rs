//! Lists: pages, order, and descriptions that are cut.

use serde_json::{Value, json};

use crate::catalog::shop::Shop;
use crate::catalog::written::{Product, Written};

/// Every list of products, and what it holds.
fn lists(written: &Written) -> Vec<(String, Vec<&Product>)> {
    let mut lists = vec![("/products".to_owned(), written.products.iter().collect())];
    for one in &written.categories {
        let id = &one["category_id"];
        lists.push((
            format!("/products/inCategory/{id}"),
            written.in_category(id),
        ));
    }
    for one in &written.departments {
        let id = &one["department_id"];
        lists.push((
            format!("/products/inDepartment/{id}"),
            written.in_department(id),
        ));
    }
    lists
}

fn page(products: &[&Product], page: usize, limit: usize, length: usize) -> Value {
    let rows = products.iter().skip((page - 1) * limit).take(limit);
    let rows: Vec<_> = rows.map(|product| product.summary(length)).collect();
    json!({ "count": products.len(), "rows": rows })
}

#[tokio::test]
async fn pages_of_products_are_pieces_of_the_whole() {
    let written = Written::read();
    for shop in Shop::both().await {
        for (path, products) in &lists(&written) {
            let twenty = page(products, 1, 20, 200);
            shop.assert_json(path, &twenty).await;
            for (number, limit) in [
                (1, 1),
                (2, 7),
                (1, 100),
                (2, 100),
                (3, 20),
                (9_999_999, 100),
            ] {
                let path = format!("{path}?page={number}&limit={limit}");
                shop.assert_json(&path, &page(products, number, limit, 200))
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn descriptions_are_cut_in_characters() {
    let written = Written::read();
    let products: Vec<_> = written.products.iter().collect();
    let emoji = |product: &&&Product| product.description().contains('🍟');
    let accents = |product: &&&Product| product.description().contains('é');
    let with_emoji = products.iter().find(emoji).expect("one has an emoji");
    let with_accent = products.iter().find(accents).expect("one has an accent");
    let mut lengths = vec![0, 1, 199, 201, 4_294_967_295];
    for (product, mark) in [(with_emoji, '🍟'), (with_accent, 'é')] {
        // Before the character, with it, and one further; the whole, and one less.
        let at = product.description().chars().position(|c| c == mark);
        let at = at.expect("just found");
        let whole = product.description().chars().count();
        lengths.extend([at, at + 1, at + 2, whole - 1, whole]);
    }
    for shop in Shop::both().await {
        for &length in &lengths {
            for number in [1, 2] {
                let path = format!("/products?page={number}&limit=100&description_length={length}");
                let expected = page(&products, number, 100, length);
                shop.assert_json(&path, &expected).await;
            }
        }
        let path = "/products/inCategory/1?description_length=9&limit=3";
        let first = written.in_category(&json!(1));
        shop.assert_json(path, &page(&first, 1, 3, 9)).await;
        let path = "/products/inDepartment/1?description_length=9&limit=3";
        let first = written.in_department(&json!(1));
        shop.assert_json(path, &page(&first, 1, 3, 9)).await;
    }
}

#[tokio::test]
async fn categories_come_in_the_order_that_is_asked_for() {
    let written = Written::read();
    let by_id = written.categories;
    let mut by_name = by_id.clone();
    by_name.sort_by_key(|one| one["name"].as_str().map(str::to_lowercase));
    let backwards = |list: &[Value]| list.iter().rev().cloned().collect::<Vec<_>>();
    let cases = [
        ("", by_id.clone()),
        ("order=category_id,ASC&", by_id.clone()),
        ("order=category_id,DESC&", backwards(&by_id)),
        ("order=name,ASC&", by_name.clone()),
        ("order=name%2CDESC&", backwards(&by_name)),
    ];
    assert_ne!(by_id, by_name);
    for shop in Shop::both().await {
        for (order, all) in &cases {
            let expected = json!({ "count": all.len(), "rows": all });
            shop.assert_json(&format!("/categories?{order}"), &expected)
                .await;
            for page in [1, 2, 3, 4] {
                let rows: Vec<_> = all.iter().skip((page - 1) * 3).take(3).collect();
                let path = format!("/categories?{order}page={page}&limit=3");
                let expected = json!({ "count": all.len(), "rows": rows });
                shop.assert_json(&path, &expected).await;
            }
        }
    }
}
