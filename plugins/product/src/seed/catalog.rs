//! The written catalog: the shop's own departments, products and reviews,
//! kept as JSON beside the code and compiled into the plugin.

use serde::Deserialize;

const WRITTEN: &str = include_str!("../../catalog/catalog.json");

/// Everything a new shop starts with, in the order in which it is to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The departments, each with its categories and their products.
    pub departments: Vec<Department>,
    /// Attributes that a customer can choose about a product.
    pub attributes: Vec<Attribute>,
    /// Reviews by customers, in no particular order.
    pub reviews: Vec<Review>,
}

/// One department of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Department {
    /// Unique among departments.
    pub name: String,
    /// A sentence or two for the department's page.
    pub description: String,
    /// The categories that belong to it.
    pub categories: Vec<Category>,
}

/// One category, which belongs to exactly one department.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Unique among the categories of the whole catalog.
    pub name: String,
    /// A sentence or two for the category's page.
    pub description: String,
    /// The products at home here; see [`Product::also_in`] for the guests.
    pub products: Vec<Product>,
}

/// One product, listed under its home category.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Unique among the products of the whole catalog.
    pub name: String,
    /// Plain text of any length the column allows.
    pub description: String,
    /// A decimal with two digits after the point, such as `"16.95"`.
    pub price: String,
    /// Same form as the price and below it; absent when there is no discount.
    #[serde(default)]
    pub discounted_price: Option<String>,
    /// File name of the picture.
    pub image: String,
    /// File name of the second picture.
    pub image_2: String,
    /// File name of the small picture for listings.
    pub thumbnail: String,
    /// Where a front end features it: 0 nowhere, 1 the shop's first page, 2 its department's page, 3 both.
    pub display: i16,
    /// Names of the further categories that list it.
    #[serde(default)]
    pub also_in: Vec<String>,
    /// Values of the attribute `Color` it is sold in.
    pub colours: Vec<String>,
    /// Values of the attribute `Size` it is sold in.
    pub sizes: Vec<String>,
}

/// Something a customer chooses, with the values on offer in the whole shop.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// `Size` or `Color`.
    pub name: String,
    /// In the order in which a customer expects to see them.
    pub values: Vec<String>,
}

/// One customer's word on one product.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Name of the product.
    pub product: String,
    /// Who wrote it.
    pub name: String,
    /// Plain text.
    pub review: String,
    /// 1 to 5.
    pub rating: i16,
    /// ISO 8601, UTC, with milliseconds: `2024-05-06T06:58:00.000Z`.
    pub created_on: String,
}

impl Catalog {
    /// Returns every category, department after department: the order of their ids.
    pub fn categories(&self) -> impl Iterator<Item = &Category> {
        self.departments
            .iter()
            .flat_map(|department| &department.categories)
    }
}

/// Reads the written catalog.
///
/// # Errors
/// The file does not have the shape of [`Catalog`]; the tests keep it from happening.
pub fn catalog() -> Result<Catalog, serde_json::Error> {
    serde_json::from_str(WRITTEN)
}

#[cfg(test)]
mod tests;
