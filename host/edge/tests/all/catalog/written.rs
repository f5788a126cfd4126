//! The written catalog, and what the shop has to answer while it holds that
//! and nothing else: read from the file, without any of the plugin's code.

use serde_json::{Value, json};

const CATALOG: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../plugins/product/catalog/catalog.json"
));

/// The written catalog, everything numbered in its order.
pub struct Written {
    /// As `/departments` has them.
    pub departments: Vec<Value>,
    /// As `/categories` has them.
    pub categories: Vec<Value>,
    /// As `/attributes` has them.
    pub attributes: Vec<Value>,
    /// As `/attributes/values/{attribute_id}` has them, for each attribute.
    pub values: Vec<Vec<Value>>,
    /// All products.
    pub products: Vec<Product>,
}

/// A written product.
pub struct Product {
    /// As `/products/{product_id}` has it.
    pub whole: Value,
    /// The categories that it is in, as `/categories` has them.
    pub categories: Vec<Value>,
    /// As `/attributes/inProduct/{product_id}` has them.
    pub choices: Vec<Value>,
    /// As `/products/{product_id}/reviews` has them.
    pub reviews: Vec<Value>,
}

impl Written {
    /// Read the file.
    pub fn read() -> Self {
        let file: Value = serde_json::from_str(CATALOG).expect("the catalog is JSON");
        let departments = (1..).zip(list(&file["departments"]));
        let departments = departments.map(|(id, one)| {
            json!({ "department_id": id, "name": one["name"], "description": one["description"] })
        });
        let attributes = (1..).zip(list(&file["attributes"]));
        let attributes =
            attributes.map(|(id, one)| json!({ "attribute_id": id, "name": one["name"] }));
        let mut written = Self {
            departments: departments.collect(),
            categories: categories(&file),
            attributes: attributes.collect(),
            values: values(&file),
            products: Vec::new(),
        };
        let all = list(&file["departments"])
            .flat_map(|department| list(&department["categories"]))
            .flat_map(|home| list(&home["products"]).map(|one| (&home["name"], one)));
        for (id, (home, one)) in (1..).zip(all) {
            let product = written.product(id, home, one, &file["reviews"]);
            written.products.push(product);
        }
        written
    }

    fn product(&self, id: usize, home: &Value, one: &Value, reviews: &Value) -> Product {
        let is_in = |category: &&Value| {
            category["name"] == *home || list(&one["also_in"]).any(|name| category["name"] == *name)
        };
        Product {
            whole: json!({
                "product_id": id,
                "name": one["name"],
                "description": one["description"],
                "price": one["price"],
                "discounted_price": one.get("discounted_price").unwrap_or(&json!("0.00")),
                "image": one["image"],
                "image_2": one["image_2"],
                "thumbnail": one["thumbnail"],
                "display": one["display"],
            }),
            categories: self.categories.iter().filter(is_in).cloned().collect(),
            choices: self.choices(one),
            reviews: reviews_of(&one["name"], reviews),
        }
    }

    fn choices(&self, one: &Value) -> Vec<Value> {
        let is_offered = |value: &Value| {
            let mut offered = list(&one["sizes"]).chain(list(&one["colours"]));
            offered.any(|name| value["value"] == *name)
        };
        let mut choices = Vec::new();
        for (attribute, values) in self.attributes.iter().zip(&self.values) {
            choices.extend(
                values
                    .iter()
                    .filter(|value| is_offered(value))
                    .map(|value| {
                        json!({
                            "attribute_name": attribute["name"],
                            "attribute_value_id": value["attribute_value_id"],
                            "attribute_value": value["value"],
                        })
                    }),
            );
        }
        choices
    }

    /// The products of a category.
    pub fn in_category(&self, id: &Value) -> Vec<&Product> {
        self.products_where(|category| category["category_id"] == *id)
    }

    /// The products of a department, each once.
    pub fn in_department(&self, id: &Value) -> Vec<&Product> {
        self.products_where(|category| category["department_id"] == *id)
    }

    fn products_where(&self, is_it: impl Fn(&Value) -> bool) -> Vec<&Product> {
        let products = self.products.iter();
        let found = products.filter(|product| product.categories.iter().any(&is_it));
        found.collect()
    }
}

impl Product {
    /// As lists have it, its description cut to so many characters.
    pub fn summary(&self, length: usize) -> Value {
        let fields = [
            "product_id",
            "name",
            "description",
            "price",
            "discounted_price",
            "thumbnail",
        ];
        let mut summary = pick(&self.whole, &fields);
        let description: Vec<char> = self.description().chars().collect();
        if description.len() > length {
            let cut: String = description[..length].iter().collect();
            summary["description"] = format!("{cut}...").into();
        }
        summary
    }

    /// The description, whole.
    pub fn description(&self) -> &str {
        self.whole["description"].as_str().expect("text")
    }
}

/// Some fields of an object.
pub fn pick(object: &Value, fields: &[&str]) -> Value {
    let fields = fields
        .iter()
        .map(|&field| (field.to_owned(), object[field].clone()));
    Value::Object(fields.collect())
}

fn categories(file: &Value) -> Vec<Value> {
    let departments = (1..).zip(list(&file["departments"]));
    let all = departments.flat_map(|(department, one)| {
        list(&one["categories"]).map(move |category| (department, category))
    });
    let all = (1..)
        .zip(all)
        .map(|(id, (department, one)): (i64, (i64, &Value))| {
            json!({
                "category_id": id, "name": one["name"], "description": one["description"],
                "department_id": department,
            })
        });
    all.collect()
}

fn values(file: &Value) -> Vec<Vec<Value>> {
    let mut ids = 1..;
    let mut value = |name: &Value| json!({ "attribute_value_id": ids.next(), "value": name });
    let attributes = list(&file["attributes"]);
    attributes
        .map(|attribute| list(&attribute["values"]).map(&mut value).collect())
        .collect()
}

/// The newest first; of those of one moment, the last written.
fn reviews_of(product: &Value, reviews: &Value) -> Vec<Value> {
    let mut reviews: Vec<_> = list(reviews)
        .filter(|review| review["product"] == *product)
        .map(|review| pick(review, &["name", "review", "rating", "created_on"]))
        .collect();
    reviews.reverse();
    reviews.sort_by(|one, other| {
        other["created_on"]
            .as_str()
            .cmp(&one["created_on"].as_str())
    });
    reviews
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
