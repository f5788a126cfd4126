//! Refusals of registration, login, profile, address and card.

use serde_json::{Value, json};

use super::words::*;
use super::{Case, Group};
use crate::catalog::shop::Refusal;
use crate::shop::{PASSWORD, Shop, Shopper};

const LONG_NAME: Refusal = too_long("name", "this is too long name.");
const LONG_EMAIL: Refusal = too_long("email", "this is too long email.");
const LONG_PASSWORD: Refusal = too_long("password", "this is too long password.");
const LONG_CITY: Refusal = too_long("city", "this is too long city.");
const LONG_PHONE: Refusal = too_long("day_phone", "this is too long day_phone.");

/// An e-mail address longer than any may be.
fn long_email() -> String {
    format!("{}@example.com", "x".repeat(89))
}

/// Registration and login.
pub async fn entering(shop: &Shop) -> Group<'_> {
    let customer = shop.customer().await;
    let mut cases = registrations(&customer);
    cases.extend(logins(&customer));
    cases.extend(resets());
    let facebook = |fields, refusal| Case::post("/customers/facebook", fields, refusal);
    cases.push(facebook(json!({}), MISSING.of("access_token")));
    let no_token = json!({ "access_token": "no token" });
    cases.push(facebook(no_token, BAD_TOKEN.of("access_token")));
    cases.push(Case::get("/customer", NO_TOKEN));
    (shop.guest(), cases)
}

fn registrations(customer: &Shopper<'_>) -> Vec<Case> {
    let registration = |name: &str, email: &str, password: &str| json!({ "name": name, "email": email, "password": password });
    let (upper, free) = (customer.email.to_uppercase(), "free@example.com");
    let cases = [
        (json!({}), MISSING.of("name,email,password")),
        (registration("Ada", free, " "), MISSING.of("password")),
        (registration("Ada", "a@b", PASSWORD), BAD_EMAIL),
        (registration("Ada", &customer.email, PASSWORD), EMAIL_TAKEN),
        (registration("Ada", &upper, PASSWORD), EMAIL_TAKEN),
        (registration(&"ü".repeat(51), free, PASSWORD), LONG_NAME),
        (registration("Ada", &long_email(), PASSWORD), LONG_EMAIL),
        (registration("Ada", free, &"x".repeat(129)), LONG_PASSWORD),
        (registration("Ada", free, "7 chars"), SHORT_PASSWORD),
    ];
    let cases = cases.into_iter();
    cases
        .map(|(fields, refusal)| Case::post("/customers", fields, refusal))
        .collect()
}

fn logins(customer: &Shopper<'_>) -> Vec<Case> {
    let login = |email: &str, password: &str| json!({ "email": email, "password": password });
    let cases = [
        (json!({}), MISSING.of("email,password")),
        (login("nobody", PASSWORD), BAD_EMAIL),
        (login("nobody@example.com", PASSWORD), UNKNOWN_EMAIL),
        (login(&customer.email, "wrong horse"), WRONG_PASSWORD),
    ];
    let cases = cases.into_iter();
    cases
        .map(|(fields, refusal)| Case::post("/customers/login", fields, refusal))
        .collect()
}

fn resets() -> Vec<Case> {
    let forgot = |fields, refusal| Case::post("/customers/password/forgot", fields, refusal);
    let reset = |token: &str, password: &str, refusal| {
        let fields = json!({ "token": token, "password": password });
        Case::post("/customers/password/reset", fields, refusal)
    };
    vec![
        forgot(json!({}), MISSING.of("email")),
        forgot(json!({ "email": "nobody" }), BAD_EMAIL),
        reset("", " ", MISSING.of("token,password")),
        reset("x", "7 chars", SHORT_PASSWORD),
        reset("x", &"x".repeat(129), LONG_PASSWORD),
        reset("no token", PASSWORD, BAD_RESET_TOKEN),
    ]
}

/// Changes of what belongs to a customer.
pub async fn changing(shop: &Shop) -> Group<'_> {
    let (customer, other) = (shop.customer().await, shop.customer().await);
    let profile = |field: &str, value: &str| {
        let mut profile = json!({ "name": customer.name, "email": customer.email });
        profile[field] = json!(value);
        profile
    };
    let profiles = [
        (json!({}), MISSING.of("name,email")),
        (profile("email", "nobody"), BAD_EMAIL),
        (profile("email", &other.email), EMAIL_TAKEN),
        (profile("name", &"x".repeat(51)), LONG_NAME),
        (profile("password", "7 chars"), SHORT_PASSWORD),
        (profile("day_phone", "home"), BAD_PHONE.of("day_phone")),
        (profile("eve_phone", "+"), BAD_PHONE.of("eve_phone")),
        (profile("mob_phone", "123456"), BAD_PHONE.of("mob_phone")),
        (profile("day_phone", &"1".repeat(101)), LONG_PHONE),
    ];
    let profiles = profiles.into_iter();
    let mut cases: Vec<_> = profiles
        .map(|(fields, refusal)| Case::put("/customer", fields, refusal))
        .collect();
    for prefix in ["/customer", "/customers"] {
        cases.extend(addresses(&format!("{prefix}/address")));
        cases.extend(cards(&format!("{prefix}/creditCard")));
    }
    (customer, cases)
}

/// An address, with one field as given.
fn address(field: &str, value: &str) -> Value {
    let mut address = json!({
        "address_1": "1 Main Street", "city": "London", "region": "Greater London",
        "postal_code": "N1 9GU", "country": "United Kingdom", "shipping_region_id": 2,
    });
    address[field] = json!(value);
    address
}

fn addresses(path: &str) -> Vec<Case> {
    const ALL: &str = "address_1,city,region,postal_code,country,shipping_region_id";
    vec![
        Case::put(path, json!({}), MISSING.of(ALL)),
        Case::put(path, address("city", ""), MISSING.of("city")),
        Case::put(path, address("city", &"x".repeat(101)), LONG_CITY),
        Case::put(path, address("shipping_region_id", "two"), BAD_REGION),
        Case::put(path, address("shipping_region_id", "-2"), BAD_REGION),
    ]
}

fn cards(path: &str) -> Vec<Case> {
    let card = |number: &str| json!({ "credit_card": number });
    vec![
        Case::put(path, json!({}), MISSING.of("credit_card")),
        Case::put(path, card("4242 4242 4242 4241"), BAD_CARD),
        Case::put(path, card("XXXXXXXXXXXX4242"), BAD_CARD),
    ]
}
