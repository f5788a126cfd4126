//! Replies of the catalog: the rows of its queries, with the names that clients
//! see. Money is text with two decimals.
//!
//! Tables of an older shop may have any type, and NULL where ours have a value:
//! a text is empty then, a price without which nothing can be sold is null.

pub use edge_sdk::money::Cents;
use edge_sdk::sql::column;
use serde::{Deserialize, Serialize};

/// A department of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Department {
    /// Id of the department.
    pub department_id: i64,
    /// Name of the department.
    #[serde(deserialize_with = "column::text")]
    pub name: String,
    /// Description, if there is one.
    #[serde(deserialize_with = "column::optional_text")]
    pub description: Option<String>,
}

/// A category, in the department it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Id of the category.
    pub category_id: i64,
    /// Name of the category.
    #[serde(deserialize_with = "column::text")]
    pub name: String,
    /// Description, if there is one.
    #[serde(deserialize_with = "column::optional_text")]
    pub description: Option<String>,
    /// The department it belongs to; a category of an older shop may have none.
    #[serde(deserialize_with = "column::optional_integer")]
    pub department_id: Option<i64>,
}

/// A category of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductCategory {
    /// The category's id.
    pub category_id: i64,
    /// The department it belongs to; a category of an older shop may have none.
    #[serde(deserialize_with = "column::optional_integer")]
    pub department_id: Option<i64>,
    /// The category's name.
    #[serde(deserialize_with = "column::text")]
    pub name: String,
}

/// Something that customers choose about a product, such as its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Id of the attribute.
    pub attribute_id: i64,
    /// Name of the attribute.
    #[serde(deserialize_with = "column::text")]
    pub name: String,
}

/// One of the choices that an attribute offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeValue {
    /// Id of the attribute value.
    pub attribute_value_id: i64,
    /// Text that the customer reads: `XL`, `Red`.
    #[serde(deserialize_with = "column::text")]
    pub value: String,
}

/// A choice that a product offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductAttribute {
    /// The attribute's name.
    #[serde(deserialize_with = "column::text")]
    pub attribute_name: String,
    /// The value's id.
    pub attribute_value_id: i64,
    /// The value.
    #[serde(deserialize_with = "column::text")]
    pub attribute_value: String,
}

/// A product as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductSummary {
    /// Id of the product.
    pub product_id: i64,
    /// Name of the product.
    #[serde(deserialize_with = "column::text")]
    pub name: String,
    /// Description, cut to the length that the client asked for.
    #[serde(deserialize_with = "column::text")]
    pub description: String,
    /// The regular price; a product without one is not sold.
    #[serde(deserialize_with = "column::optional_money")]
    pub price: Option<Cents>,
    /// The price now, `0.00` if it is the regular one.
    #[serde(deserialize_with = "column::money_or_zero")]
    pub discounted_price: Cents,
    /// File name of the small picture.
    #[serde(deserialize_with = "column::optional_text")]
    pub thumbnail: Option<String>,
}

/// A product as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Id of the product.
    pub product_id: i64,
    /// Name of the product.
    #[serde(deserialize_with = "column::text")]
    pub name: String,
    /// Description, whole.
    #[serde(deserialize_with = "column::text")]
    pub description: String,
    /// The regular price; a product without one is not sold.
    #[serde(deserialize_with = "column::optional_money")]
    pub price: Option<Cents>,
    /// The price now, `0.00` if it is the regular one.
    #[serde(deserialize_with = "column::money_or_zero")]
    pub discounted_price: Cents,
    /// File name of the picture.
    #[serde(deserialize_with = "column::optional_text")]
    pub image: Option<String>,
    /// File name of the second picture.
    #[serde(deserialize_with = "column::optional_text")]
    pub image_2: Option<String>,
    /// File name of the small picture.
    #[serde(deserialize_with = "column::optional_text")]
    pub thumbnail: Option<String>,
    /// Where a front end features it: 0 nowhere, 1 the shop's first page,
    /// 2 its department's page, 3 both.
    #[serde(deserialize_with = "column::integer_or_zero")]
    pub display: i64,
}

/// A product as merchants see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockedProduct {
    /// Id of the product.
    pub product_id: i64,
    /// Name of the product.
    #[serde(deserialize_with = "column::text")]
    pub name: String,
    /// Description, whole.
    #[serde(deserialize_with = "column::text")]
    pub description: String,
    /// The regular price; a product without one is not sold.
    #[serde(deserialize_with = "column::optional_money")]
    pub price: Option<Cents>,
    /// The price now, `0.00` if it is the regular one.
    #[serde(deserialize_with = "column::money_or_zero")]
    pub discounted_price: Cents,
    /// File name of the picture.
    #[serde(deserialize_with = "column::optional_text")]
    pub image: Option<String>,
    /// File name of the second picture.
    #[serde(deserialize_with = "column::optional_text")]
    pub image_2: Option<String>,
    /// File name of the small picture.
    #[serde(deserialize_with = "column::optional_text")]
    pub thumbnail: Option<String>,
    /// Where a front end features it, as [`Product::display`] says.
    #[serde(deserialize_with = "column::integer_or_zero")]
    pub display: i64,
    /// Pieces that are left; none for a product that never runs out.
    #[serde(deserialize_with = "column::optional_integer")]
    pub stock: Option<i64>,
}

/// A product as its own page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductDetails {
    /// Id of the product.
    pub product_id: i64,
    /// Name of the product.
    #[serde(deserialize_with = "column::text")]
    pub name: String,
    /// Description, whole.
    #[serde(deserialize_with = "column::text")]
    pub description: String,
    /// The regular price; a product without one is not sold.
    #[serde(deserialize_with = "column::optional_money")]
    pub price: Option<Cents>,
    /// The price now, `0.00` if it is the regular one.
    #[serde(deserialize_with = "column::money_or_zero")]
    pub discounted_price: Cents,
    /// File name of the picture.
    #[serde(deserialize_with = "column::optional_text")]
    pub image: Option<String>,
    /// File name of the second picture.
    #[serde(deserialize_with = "column::optional_text")]
    pub image_2: Option<String>,
}

/// Where in the shop a product is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductLocation {
    /// The category's id.
    pub category_id: i64,
    /// The category's name.
    #[serde(deserialize_with = "column::text")]
    pub category_name: String,
    /// The id of the category's department.
    pub department_id: i64,
    /// The department's name.
    #[serde(deserialize_with = "column::text")]
    pub department_name: String,
}

/// Review of a product by a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The customer's name.
    #[serde(deserialize_with = "column::text")]
    pub name: String,
    /// Text of the review.
    #[serde(deserialize_with = "column::text")]
    pub review: String,
    /// 1 to 5; reviews of an older shop may have none.
    #[serde(deserialize_with = "column::optional_integer")]
    pub rating: Option<i64>,
    /// When, in ISO 8601, UTC, if that was written down.
    #[serde(deserialize_with = "column::optional_instant")]
    pub created_on: Option<String>,
}

impl Review {
    /// Cuts the text to at most this many characters.
    #[must_use]
    pub fn shortened(mut self, characters: usize) -> Self {
        if let Some(end) = cut_at(&self.review, characters) {
            self.review.truncate(end);
        }
        self
    }
}

impl ProductSummary {
    /// Cuts the description to at most this many characters, and writes `...`
    /// after one that was longer.
    #[must_use]
    pub fn shortened(mut self, characters: usize) -> Self {
        if let Some(end) = cut_at(&self.description, characters) {
            self.description.truncate(end);
            self.description.push_str("...");
        }
        self
    }
}

/// Returns the byte after a number of characters of a text, if the text goes on.
fn cut_at(text: &str, characters: usize) -> Option<usize> {
    match text.as_bytes().split_at_checked(characters) {
        None | Some((_, [])) => None,
        // Most texts begin so, and need no counting.
        Some((head, _)) if head.is_ascii() => Some(characters),
        Some(_) => text.char_indices().nth(characters).map(|(end, _)| end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(description: &str, characters: usize) -> String {
        let product = ProductSummary {
            product_id: 1,
            name: String::new(),
            description: description.to_owned(),
            price: Some(Cents(100)),
            discounted_price: Cents(0),
            thumbnail: None,
        };
        product.shortened(characters).description
    }

    #[test]
    fn longer_descriptions_are_cut_in_characters() {
        assert_eq!(shortened("abcdef", 7), "abcdef");
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdef", 5), "abcde...");
        assert_eq!(shortened("äöü🦄x", 4), "äöü🦄...");
        assert_eq!(shortened("abc", 0), "...");
        assert_eq!(shortened("", 0), "");
        assert_eq!(shortened("abc", usize::MAX), "abc");
    }
}
