//! From a first look around to a confirmed order.

use serde_json::{Value, json};

use super::shopper::cents;
use super::{Shop, Shopper};
use crate::harness::eventually;
use crate::mail::server::MailServer;

#[tokio::test]
async fn a_guest_looks_around_fills_a_cart_registers_orders_and_pays() {
    let mail = MailServer::start().await;
    for shop in Shop::everywhere_with(|settings| settings.mail.url = Some(mail.url())).await {
        let mut shopper = shop.guest();
        let product = find(&shopper).await;
        let cart = fill(&shopper, &product).await;

        shopper.register().await;
        settle_in(&shopper).await;
        shopper.token = None;
        shopper.login().await;
        let kept = shopper.get(&format!("/shoppingcart/{cart}")).await;
        assert_eq!(shopper.success(&kept)[0]["quantity"], 3, "{kept:?}");

        let order = shopper.order(&cart).await;
        assert_ordered(&shopper, order, &cart, &product).await;
        let charge = shopper.success(&shopper.charge(order, "tok_visa").await);
        assert_charged(&shopper, order, &charge).await;
        assert_confirmed(&shop, &shopper, order, &mail).await;
        review(&shopper, &product).await;
    }
}

/// Search, and look at what was found. Returns the product.
async fn find(shopper: &Shopper<'_>) -> Value {
    let found = shopper.success(&shopper.get("/products/search?query_string=arc").await);
    let row = &found["rows"][0];
    assert_eq!(row["name"], "Arc d'Triomphe", "{found}");
    let id = &row["product_id"];
    let product = shopper.success(&shopper.get(&format!("/products/{id}")).await);
    for same in [
        "product_id",
        "name",
        "price",
        "discounted_price",
        "thumbnail",
    ] {
        assert_eq!(product[same], row[same], "{product}");
    }
    product
}

/// What a customer pays for a product.
fn price(product: &Value) -> &Value {
    match &product["discounted_price"] {
        Value::String(discounted) if discounted != "0.00" => &product["discounted_price"],
        _ => &product["price"],
    }
}

fn money(cents: u64) -> Value {
    json!(format!("{}.{:02}", cents / 100, cents % 100))
}

/// Three pieces of the product and nothing else, after some to and fro.
/// Returns the cart's id.
async fn fill(shopper: &Shopper<'_>, product: &Value) -> String {
    let id = product["product_id"].as_i64().expect("an id");
    let other = id + 1;
    let cart = shopper.new_cart().await;
    let total = async || {
        let path = format!("/shoppingcart/totalAmount/{cart}");
        shopper.success(&shopper.get(&path).await)["total_amount"].clone()
    };
    let in_cart = async || shopper.success(&shopper.get(&format!("/shoppingcart/{cart}")).await);
    assert_eq!((in_cart().await, total().await), (json!([]), json!("0.00")));

    shopper.add(&cart, id, "L, Red").await;
    let items = shopper.add(&cart, id, "L, Red").await;
    let item = items[0]["item_id"].clone();
    let expected = json!([{
        "item_id": item, "name": product["name"], "attributes": "L, Red", "product_id": id,
        "image": product["image"], "price": price(product), "quantity": 2,
        "subtotal": money(2 * cents(price(product))),
    }]);
    assert_eq!(items, expected);
    assert_eq!(in_cart().await, expected);
    assert_eq!(total().await, expected[0]["subtotal"]);

    let items = shopper.add(&cart, other, "S, White").await;
    let spare = items[1]["item_id"].clone();
    let later = shopper
        .get(&format!("/shoppingcart/saveForLater/{item}"))
        .await;
    assert_eq!(shopper.success(&later), json!({}));
    assert_eq!(later.header("cache-control"), Some("no-store"));
    let saved = shopper.get(&format!("/shoppingcart/getSaved/{cart}")).await;
    let expected = json!([{
        "item_id": item, "name": product["name"], "attributes": "L, Red", "price": price(product),
    }]);
    assert_eq!(shopper.success(&saved), expected);
    assert_eq!(in_cart().await.as_array().map(Vec::len), Some(1));
    assert_eq!(total().await, items[1]["subtotal"]);
    let back = shopper
        .get(&format!("/shoppingcart/moveToCart/{item}"))
        .await;
    assert_eq!(shopper.success(&back), json!({}));
    let removed = shopper
        .delete(&format!("/shoppingcart/removeProduct/{spare}"))
        .await;
    assert_eq!(shopper.success(&removed), json!({}));

    let path = format!("/shoppingcart/update/{item}");
    let updated = shopper.success(&shopper.put(&path, &json!({ "quantity": 3 })).await);
    assert_eq!(updated[0]["quantity"], 3, "{updated}");
    assert_eq!(total().await, money(3 * cents(price(product))));
    cart
}

/// Give an address, phones and a card.
async fn settle_in(shopper: &Shopper<'_>) {
    let address = json!({
        "address_1": "1 Main Street", "address_2": "Flat 2", "city": "London",
        "region": "Greater London", "postal_code": "N1 9GU", "country": "United Kingdom",
        "shipping_region_id": 3,
    });
    let customer = shopper.success(&shopper.put("/customers/address", &address).await);
    for (field, value) in address.as_object().expect("an object") {
        assert_eq!(&customer[field], value, "{customer}");
    }
    let card = json!({ "credit_card": "4242 4242 4242 4242" });
    shopper.success(&shopper.put("/customers/creditCard", &card).await);
    let profile = json!({
        "name": shopper.name, "email": shopper.email, "mob_phone": "+44 20 7946 0958",
    });
    shopper.success(&shopper.put("/customer", &profile).await);
    let customer = shopper.success(&shopper.get("/customer").await);
    assert_eq!(customer["credit_card"], "XXXXXXXXXXXX4242");
    assert_eq!(customer["mob_phone"], "+44 20 7946 0958");
    assert_eq!(customer["city"], "London");
    assert_eq!(customer["day_phone"], Value::Null);
    assert_eq!(customer.get("password"), None);
}

/// The order is of three pieces, unpaid, and the cart is empty.
async fn assert_ordered(shopper: &Shopper<'_>, order: i64, cart: &str, product: &Value) {
    let left = shopper.get(&format!("/shoppingcart/{cart}")).await;
    assert_eq!(shopper.success(&left), json!([]));
    let total = money(3 * cents(price(product)));
    let lines = shopper.success(&shopper.get(&format!("/orders/{order}")).await);
    let line = json!({
        "order_id": order, "product_id": product["product_id"], "attributes": "L, Red",
        "product_name": product["name"], "quantity": 3, "unit_cost": price(product),
        "subtotal": total,
    });
    assert_eq!(lines, json!([line]));
    let detail = detail(shopper, order).await;
    let expected = json!({
        "order_id": order, "total_amount": total, "created_on": detail["created_on"],
        "shipped_on": null, "status": 0, "name": shopper.name,
        "shipping_cost": detail["shipping_cost"], "tax_amount": detail["tax_amount"],
        "grand_total": money(
            cents(&total) + cents(&detail["shipping_cost"]) + cents(&detail["tax_amount"])
        ),
    });
    assert_eq!(detail, expected);
    assert_summary(shopper, &detail).await;
}

async fn detail(shopper: &Shopper<'_>, order: i64) -> Value {
    let path = format!("/orders/shortDetail/{order}");
    shopper.success(&shopper.get(&path).await)
}

/// The customer's list has this order, and no other.
async fn assert_summary(shopper: &Shopper<'_>, detail: &Value) {
    let mut summary = detail.clone();
    let fields = summary.as_object_mut().expect("an object");
    for extra in ["shipping_cost", "tax_amount", "grand_total"] {
        fields.remove(extra);
    }
    let listed = shopper.success(&shopper.get("/orders/inCustomer").await);
    assert_eq!(listed, json!([summary]));
}

async fn assert_charged(shopper: &Shopper<'_>, order: i64, charge: &Value) {
    assert_eq!(charge["status"], "succeeded", "{charge}");
    assert_eq!(charge["paid"], true, "{charge}");
    assert_eq!(charge["currency"], "usd", "{charge}");
    assert_eq!(charge["amount"], shopper.total(order).await, "{charge}");
    assert_eq!(
        charge["metadata"]["order_id"],
        order.to_string(),
        "{charge}"
    );
    assert_eq!(detail(shopper, order).await["status"], 1);
}

/// The customer gets a mail, which is then known to be sent.
async fn assert_confirmed(shop: &Shop, shopper: &Shopper<'_>, order: i64, mail: &MailServer) {
    let session = mail.session().await;
    for line in [
        format!("RCPT TO:<{}>", shopper.email),
        format!("Subject: Your order {order} is paid"),
        format!("Hello {},", shopper.name),
    ] {
        assert!(session.contains(&line), "{line} is missing in {session}");
    }
    let sent = format!("SELECT 1 FROM mail_outbox WHERE order_id = {order} AND state = 1");
    eventually("the note that it is sent", async || {
        let sent = shop.stores.database.texts(&sent).await;
        (!sent.is_empty()).then_some(())
    })
    .await;
}

async fn review(shopper: &Shopper<'_>, product: &Value) {
    let path = format!("/products/{}/reviews", product["product_id"]);
    let written = json!({ "review": "Fits. 👕", "rating": 5 });
    let reply = shopper.post(&path, &written).await;
    assert_eq!(shopper.success(&reply), json!({}));
    let newest = shopper.success(&shopper.get(&path).await)[0].clone();
    assert_eq!(newest["name"], shopper.name, "{newest}");
    assert_eq!(newest["review"], written["review"], "{newest}");
    assert_eq!(newest["rating"], written["rating"], "{newest}");
}

#[tokio::test]
async fn a_token_holds_in_either_header_or_in_both() {
    for shop in Shop::both().await {
        let shopper = shop.customer().await;
        let token = shopper.token.clone().expect("a token");
        let expected = shopper.success(&shopper.get("/customer").await);
        let guest = shop.guest();
        let with = [("USER-KEY", token.as_str()), ("Authorization", &token)];
        for headers in [&with[..1], &with[1..], &with] {
            let reply = guest
                .ask_with(http::Method::GET, "/api/v1/customer", headers, &Value::Null)
                .await;
            assert_eq!(guest.success(&reply), expected, "{headers:?}");
        }
    }
}
