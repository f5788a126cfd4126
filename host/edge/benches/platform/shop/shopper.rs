//! Those who are known to the shop: customers with their carts and orders,
//! and a merchant.

use serde_json::{Value, json};

use super::client::{Client, Failure, json, text};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse";

/// The merchant's e-mail address.
pub const MERCHANT: &str = "merchant@example.com";

/// A customer, logged in.
pub struct Shopper {
    email: String,
    token: String,
    cart: String,
    /// Whether there is something in the cart.
    pub laden: bool,
    /// The last order.
    order: i64,
    /// Whether that is still to be paid.
    pub owes: bool,
}

impl Shopper {
    /// Somebody new, who has ordered once and has something in the cart again.
    pub async fn new(client: &Client, number: u64, product: u64) -> Result<Self, Failure> {
        let token = register(client, number).await?;
        let made = client.get("/shoppingcart/generateUniqueId", None).await?;
        let mut shopper = Self {
            email: email(number),
            token,
            cart: text(&json(&made)?, "cart_id")?,
            laden: false,
            order: 0,
            owes: false,
        };
        shopper.add(client, product).await?;
        shopper.buy(client).await?;
        shopper.add(client, product).await?;
        Ok(shopper)
    }

    /// Put one more of a product into the cart.
    pub async fn add(&mut self, client: &Client, product: u64) -> Result<(), Failure> {
        let fields = json!({ "cart_id": self.cart, "product_id": product, "attributes": "L, Red" });
        client.post("/shoppingcart/add", None, &fields).await?;
        self.laden = true;
        Ok(())
    }

    /// Log in again.
    pub async fn login(&mut self, client: &Client) -> Result<(), Failure> {
        self.token = login(client, &self.email).await?;
        Ok(())
    }

    /// Order what is in the cart.
    pub async fn buy(&mut self, client: &Client) -> Result<(), Failure> {
        let fields = json!({ "cart_id": self.cart, "shipping_id": 1, "tax_id": 1 });
        // If no answer comes, nobody knows.
        self.laden = false;
        let made = client.post("/orders", Some(&self.token), &fields).await?;
        let order = json(&made)?.get("orderId").and_then(Value::as_i64);
        self.order = order.ok_or(Failure::Reply)?;
        self.owes = true;
        Ok(())
    }

    /// Pay the last order, with a card that is never declined.
    pub async fn pay(&mut self, client: &Client) -> Result<(), Failure> {
        // If no answer comes, nobody knows.
        self.owes = false;
        let path = format!("/orders/shortDetail/{}", self.order);
        let detail = json(&client.get(&path, Some(&self.token)).await?)?;
        let total = text(&detail, "total_amount")?.replace('.', "");
        let amount: u64 = total.parse().map_err(|_| Failure::Reply)?;
        let fields = json!({
            "stripeToken": "tok_visa", "order_id": self.order, "description": "Shirts",
            "amount": amount,
        });
        let paid = client.post("/stripe/charge", Some(&self.token), &fields);
        paid.await.map(drop)
    }

    /// Look at the list of all orders.
    pub async fn look_at_orders(&self, client: &Client) -> Result<(), Failure> {
        let listed = client.get("/orders/inCustomer", Some(&self.token)).await;
        listed.map(drop)
    }

    /// Look at the last order.
    pub async fn look_at_last_order(&self, client: &Client) -> Result<(), Failure> {
        let path = format!("/orders/{}", self.order);
        client.get(&path, Some(&self.token)).await.map(drop)
    }
}

/// Register, and return the token.
pub async fn register(client: &Client, number: u64) -> Result<String, Failure> {
    let name = format!("Shopper {number}");
    let fields = json!({ "name": name, "email": email(number), "password": PASSWORD });
    let session = client.post("/customers", None, &fields).await?;
    text(&json(&session)?, "accessToken")
}

/// Log in, and return the token.
pub async fn login(client: &Client, email: &str) -> Result<String, Failure> {
    let fields = json!({ "email": email, "password": PASSWORD });
    let session = client.post("/customers/login", None, &fields).await?;
    text(&json(&session)?, "accessToken")
}

fn email(number: u64) -> String {
    format!("shopper-{number}@example.com")
}
