//! Everything that can be done at the shop, each once, with success.

use http::Method;
use serde_json::{Value, json};

use super::{Encoding, Shop, Shopper};
use crate::harness::Reply;

/// A request that was answered.
pub struct Step {
    pub method: Method,
    pub path: String,
    pub reply: Reply,
}

/// Somebody, and what they have done so far.
struct Walk<'a> {
    shopper: Shopper<'a>,
    steps: Vec<Step>,
}

impl<'a> Walk<'a> {
    fn new(mut shopper: Shopper<'a>, encoding: Encoding) -> Self {
        shopper.encoding = encoding;
        Self {
            shopper,
            steps: Vec::new(),
        }
    }

    /// Send a request, and return what it brought.
    async fn ask(&mut self, method: Method, path: impl Into<String>, fields: Value) -> Value {
        let path = path.into();
        let reply = self.shopper.ask(method.clone(), &path, &fields).await;
        let found = self.shopper.success(&reply);
        self.steps.push(Step {
            method,
            path,
            reply,
        });
        found
    }

    async fn get(&mut self, path: impl Into<String>) -> Value {
        self.ask(Method::GET, path, Value::Null).await
    }

    async fn delete(&mut self, path: impl Into<String>) -> Value {
        self.ask(Method::DELETE, path, Value::Null).await
    }

    async fn post(&mut self, path: impl Into<String>, fields: Value) -> Value {
        self.ask(Method::POST, path, fields).await
    }

    async fn put(&mut self, path: impl Into<String>, fields: Value) -> Value {
        self.ask(Method::PUT, path, fields).await
    }
}

/// What a customer and a merchant can do, all bodies written in this way.
pub async fn walk(shop: &Shop, encoding: Encoding) -> Vec<Step> {
    let mut customer = Walk::new(shop.guest(), encoding);
    customer.shopper.name = "Ada".to_owned();
    look_around(&mut customer).await;
    enter(&mut customer).await;
    reset_password(shop, &mut customer).await;
    change(&mut customer).await;
    let cart = fill(&mut customer).await;
    let order = buy(&mut customer, &cart).await;

    let mut merchant = Walk::new(shop.merchant().await, encoding);
    stock(&mut merchant).await;
    manage(&mut merchant, order).await;
    customer.steps.extend(merchant.steps);
    customer.steps
}

async fn look_around(guest: &mut Walk<'_>) {
    for path in [
        "/departments",
        "/departments/1",
        "/categories",
        "/categories/1",
        "/categories/inProduct/1",
        "/categories/inDepartment/1",
        "/attributes",
        "/attributes/1",
        "/attributes/values/1",
        "/attributes/inProduct/1",
        "/products",
        "/products/search?query_string=shirt",
        "/products/inCategory/1",
        "/products/inDepartment/1",
        "/products/1",
        "/products/1/details",
        "/products/1/locations",
        "/products/1/reviews",
        "/tax",
        "/tax/1",
        "/shipping/regions",
        "/shipping/regions/2",
    ] {
        guest.get(path).await;
    }
}

async fn enter(customer: &mut Walk<'_>) {
    let shopper = &customer.shopper;
    let (name, email) = (shopper.name.clone(), shopper.email.clone());
    let registration = json!({ "name": name, "email": email, "password": super::PASSWORD });
    customer.post("/customers", registration).await;
    let login = json!({ "email": email, "password": super::PASSWORD });
    let session = customer.post("/customers/login", login).await;
    take_token(customer, &session);
}

fn take_token(customer: &mut Walk<'_>, session: &Value) {
    let token = session["accessToken"].as_str().expect("a token");
    customer.shopper.token = Some(token.to_owned());
}

/// What the mail of a reset brings is written past the node here: of a token
/// that an earlier release sent, the database has the digest.
async fn reset_password(shop: &Shop, customer: &mut Walk<'_>) {
    let asked = json!({ "email": format!("nobody-{}", customer.shopper.email) });
    customer.post("/customers/password/forgot", asked).await;
    let sha256_of_token = "67832685f7c44ba0703d6b97e2a3bf2ebdc226ae88aae881b6ab6fca4b6e1388";
    let token = format!(
        "INSERT INTO customer_reset_token (customer_id, token_hash, email_key, expires_on) \
         SELECT customer_id, '{sha256_of_token}', email_key, '2999-01-01 00:00:00' \
         FROM customer WHERE email = '{}'",
        customer.shopper.email
    );
    shop.stores.database.execute(&token).await;
    let reset = json!({ "token": "token-of-the-walk", "password": super::PASSWORD });
    let session = customer.post("/customers/password/reset", reset).await;
    take_token(customer, &session);
}

async fn change(customer: &mut Walk<'_>) {
    let email = customer.shopper.email.clone();
    let profile = json!({
        "name": "Zoë <script>&=%\u{1f455}", "email": email, "password": "löwe & horse + 1",
        "day_phone": "+44 20 7946 0958",
    });
    let changed = customer.put("/customer", profile).await;
    take_token(customer, &changed);
    let address = json!({
        "address_1": "1 Main Street & Co", "address_2": "50%+", "city": "Łódź",
        "region": "a=b", "postal_code": "N1 9GU", "country": "日本", "shipping_region_id": 2,
    });
    let card = json!({ "credit_card": "4242 4242 4242 4242" });
    for prefix in ["/customer", "/customers"] {
        customer
            .put(format!("{prefix}/address"), address.clone())
            .await;
        customer
            .put(format!("{prefix}/creditCard"), card.clone())
            .await;
    }
    customer.get("/customer").await;
    let review = json!({ "review": "Fits.\n\"Well\" & 100%", "rating": 5 });
    customer.post("/products/1/reviews", review).await;
}

/// Go through all that a cart can do. Returns one with something in it.
async fn fill(customer: &mut Walk<'_>) -> String {
    let made = customer.get("/shoppingcart/generateUniqueId").await;
    let cart = made["cart_id"].as_str().expect("an id").to_owned();
    let addition = json!({ "cart_id": cart, "product_id": 1, "attributes": "L, Red & \"White\"" });
    let items = customer.post("/shoppingcart/add", addition.clone()).await;
    let item = items[0]["item_id"].clone();
    let quantity = json!({ "quantity": 2 });
    customer
        .put(format!("/shoppingcart/update/{item}"), quantity)
        .await;
    customer.get(format!("/shoppingcart/{cart}")).await;
    customer
        .get(format!("/shoppingcart/totalAmount/{cart}"))
        .await;
    customer
        .get(format!("/shoppingcart/saveForLater/{item}"))
        .await;
    customer.get(format!("/shoppingcart/getSaved/{cart}")).await;
    customer
        .get(format!("/shoppingcart/moveToCart/{item}"))
        .await;
    customer
        .delete(format!("/shoppingcart/removeProduct/{item}"))
        .await;
    customer.delete(format!("/shoppingcart/empty/{cart}")).await;
    customer.post("/shoppingcart/add", addition).await;
    cart
}

/// Returns the order's id.
async fn buy(customer: &mut Walk<'_>, cart: &str) -> Value {
    let wish = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
    let order = customer.post("/orders", wish).await["orderId"].clone();
    customer.get(format!("/orders/{order}")).await;
    customer.get("/orders/inCustomer").await;
    let detail = customer.get(format!("/orders/shortDetail/{order}")).await;
    let charge = json!({
        "stripeToken": "tok_visa", "order_id": order, "description": "Shirts & more",
        "amount": super::shopper::cents(&detail["total_amount"]), "currency": "USD",
    });
    customer.post("/stripe/charge", charge).await;
    order
}

/// Make everything that a catalog has, change it, and delete it.
async fn stock(merchant: &mut Walk<'_>) {
    let named = |name: &str| json!({ "name": name, "description": "Made & sold, 100%." });
    let made = merchant.post("/admin/departments", named("Hats")).await;
    let department = made["department_id"].clone();
    merchant
        .put(format!("/admin/departments/{department}"), named("Caps"))
        .await;
    let mut category = named("Bowlers");
    category["department_id"] = department.clone();
    let made = merchant.post("/admin/categories", category.clone()).await;
    let category_id = made["category_id"].clone();
    merchant
        .put(format!("/admin/categories/{category_id}"), category)
        .await;
    let made = merchant
        .post("/admin/attributes", json!({ "name": "Brim" }))
        .await;
    let attribute = made["attribute_id"].clone();
    merchant
        .put(
            format!("/admin/attributes/{attribute}"),
            json!({ "name": "Rim" }),
        )
        .await;
    let values = format!("/admin/attributes/{attribute}/values");
    let made = merchant.post(values, json!({ "value": "Wide" })).await;
    let value = made["attribute_value_id"].clone();
    let value = format!("/admin/attributes/values/{value}");
    merchant.put(&value, json!({ "value": "Narrow" })).await;
    goods(
        merchant,
        &category_id,
        value.rsplit('/').next().unwrap_or_default(),
    )
    .await;
    merchant.delete(value).await;
    merchant
        .delete(format!("/admin/attributes/{attribute}"))
        .await;
    merchant
        .delete(format!("/admin/categories/{category_id}"))
        .await;
    merchant
        .delete(format!("/admin/departments/{department}"))
        .await;
}

async fn goods(merchant: &mut Walk<'_>, category: &Value, value: &str) {
    let mut product = json!({
        "name": "The bowler", "description": "For 10% & more.", "price": "16.95",
        "discounted_price": "14.95", "display": 1, "stock": 3,
    });
    let made = merchant.post("/admin/products", product.clone()).await;
    let path = format!("/admin/products/{}", made["product_id"]);
    merchant.get(&path).await;
    product["price"] = json!(17);
    merchant.put(&path, product).await;
    merchant
        .put(format!("{path}/stock"), json!({ "stock": "unlimited" }))
        .await;
    for part in [
        format!("{path}/categories/{category}"),
        format!("{path}/attributes/{value}"),
    ] {
        merchant.put(&part, Value::Null).await;
        merchant.delete(&part).await;
    }
    merchant.delete(path).await;
}

async fn manage(merchant: &mut Walk<'_>, order: Value) {
    merchant.get("/admin/orders?status=1").await;
    merchant.get("/admin/payments").await;
    let path = format!("/admin/orders/{order}");
    merchant.get(&path).await;
    merchant.put(&path, json!({ "status": 3 })).await;
    merchant.put(&path, json!({ "status": 4 })).await;
}
