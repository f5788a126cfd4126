//! The catalog's tables, empty, with their columns in the order in which
//! seeding fills them.

use super::rows::Rows;

pub(super) fn department() -> Rows {
    Rows::new("department", &["department_id", "name", "description"])
}

pub(super) fn category() -> Rows {
    Rows::new(
        "category",
        &["category_id", "department_id", "name", "description"],
    )
}

pub(super) fn attribute() -> Rows {
    Rows::new("attribute", &["attribute_id", "name"])
}

pub(super) fn attribute_value() -> Rows {
    Rows::new(
        "attribute_value",
        &["attribute_value_id", "attribute_id", "value"],
    )
}

pub(super) fn product() -> Rows {
    const COLUMNS: &[&str] = &[
        "product_id",
        "name",
        "description",
        "price",
        "discounted_price",
        "image",
        "image_2",
        "thumbnail",
        "display",
    ];
    Rows::new("product", COLUMNS)
}

pub(super) fn product_category() -> Rows {
    Rows::new("product_category", &["product_id", "category_id"])
}

pub(super) fn product_attribute() -> Rows {
    Rows::new("product_attribute", &["product_id", "attribute_value_id"])
}

pub(super) fn review() -> Rows {
    Rows::new(
        "review",
        &[
            "customer_id",
            "product_id",
            "reviewer",
            "review",
            "rating",
            "created_on",
        ],
    )
}
