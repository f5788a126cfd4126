//! What is refused before anything is asked of the host.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

use edge_sdk::testing::{Request, as_principal, get, request, with_bad_token, with_header};
use edge_sdk::wit::Failure;
use serde_json::{Value, json};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn with_body(method: &str, path: &str, content_type: &str, body: &str) -> Request {
    let empty = with_header(request(method, path), "content-type", content_type);
    Request {
        body: body.into(),
        ..empty
    }
}

fn sent(method: &str, path: &str, body: &Value) -> Request {
    let request = with_body(method, path, JSON, &body.to_string());
    as_principal(request, 7, "customer")
}

fn refusal(request: Request) -> Failure {
    customer::router().dispatch(request).unwrap_err()
}

/// Status, code and field of a refusal.
#[track_caller]
fn assert_refused(request: Request, status: u16, code: &str, field: Option<&str>) {
    let failure = refusal(request);
    assert_eq!((failure.status, failure.code.as_str()), (status, code));
    assert_eq!(failure.field.as_deref(), field);
}

fn registration(changes: &Value) -> Value {
    let good = json!({ "name": "Ada", "email": "ada@example.com", "password": "correct horse" });
    changed(good, changes)
}

fn address(changes: &Value) -> Value {
    let good = json!({
        "address_1": "1 Main St", "city": "London", "region": "Greater London",
        "postal_code": "N1 9GU", "country": "United Kingdom", "shipping_region_id": 2,
    });
    changed(good, changes)
}

fn changed(mut good: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        good[name] = value.clone();
    }
    good
}

#[test]
fn nobody_has_no_profile() {
    let private = [
        ("GET", "/customer"),
        ("PUT", "/customer"),
        ("PUT", "/customers/address"),
        ("PUT", "/customer/address"),
        ("PUT", "/customers/creditCard"),
        ("PUT", "/customer/creditCard"),
    ];
    for (method, path) in private {
        assert_refused(request(method, path), 401, "AUT_01", None);
        let forged = with_bad_token(request(method, path));
        assert_refused(forged, 401, "AUT_02", None);
    }
}

#[test]
fn missing_fields_are_named() {
    for (method, path, names) in [
        ("POST", "/customers", "name,email,password"),
        ("POST", "/customers/login", "email,password"),
        ("POST", "/customers/facebook", "access_token"),
        ("POST", "/customers/password/forgot", "email"),
        ("POST", "/customers/password/reset", "token,password"),
        ("PUT", "/customer", "name,email"),
        (
            "PUT",
            "/customers/address",
            "address_1,city,region,postal_code,country,shipping_region_id",
        ),
        ("PUT", "/customers/creditCard", "credit_card"),
    ] {
        for (content_type, body) in [(JSON, "{}"), (FORM, ""), (JSON, r#"{"x": "y"}"#)] {
            let request = with_body(method, path, content_type, body);
            let request = as_principal(request, 7, "customer");
            assert_refused(request, 400, "USR_02", Some(names));
        }
        let blank = json!({ names.split(',').next().unwrap(): " " });
        assert_refused(sent(method, path, &blank), 400, "USR_02", Some(names));
        let other = with_body(method, path, "text/plain", "x");
        let other = as_principal(other, 7, "customer");
        assert_refused(other, 415, "HTTP_415", None);
    }
}

#[test]
fn registration_checks_every_field() {
    for (changes, code, field) in [
        (json!({ "name": "n".repeat(51) }), "USR_07", "name"),
        (
            json!({ "name": "Ada\r\nBcc: x@example.com" }),
            "HTTP_400",
            "name",
        ),
        (json!({ "email": "a@b@c.de" }), "USR_03", "email"),
        (
            json!({ "email": format!("{}@example.com", "a".repeat(100)) }),
            "USR_07",
            "email",
        ),
        (json!({ "email": 1 }), "USR_03", "email"),
        (json!({ "password": "seven77" }), "USR_10", "password"),
        (json!({ "password": "p".repeat(129) }), "USR_07", "password"),
    ] {
        let body = registration(&changes);
        assert_refused(sent("POST", "/customers", &body), 400, code, Some(field));
    }
}

#[test]
fn a_text_that_is_too_long_is_named_in_the_message() {
    let body = registration(&json!({ "name": "n".repeat(51) }));
    let failure = refusal(sent("POST", "/customers", &body));
    assert_eq!(failure.message, "this is too long name.");
}

#[test]
fn a_login_needs_an_address() {
    for email in ["a@b", "ada", &"a".repeat(200)] {
        let body = json!({ "email": email, "password": "x" });
        assert_refused(
            sent("POST", "/customers/login", &body),
            400,
            "USR_03",
            Some("email"),
        );
    }
}

#[test]
fn a_reset_needs_an_address_and_a_password_that_may_be_one() {
    let forgot = sent(
        "POST",
        "/customers/password/forgot",
        &json!({ "email": "a@b" }),
    );
    assert_refused(forgot, 400, "USR_03", Some("email"));
    for (password, code) in [("seven77", "USR_10"), (&*"p".repeat(129), "USR_07")] {
        let body = json!({ "token": "x", "password": password });
        let reset = sent("POST", "/customers/password/reset", &body);
        assert_refused(reset, 400, code, Some("password"));
    }
}

#[test]
fn a_token_that_no_header_can_carry_is_refused() {
    let body = json!({ "access_token": "a\r\nHost: example.com" });
    let request = sent("POST", "/customers/facebook", &body);
    assert_refused(request, 401, "AUT_02", Some("access_token"));
}

#[test]
fn the_profile_checks_every_field() {
    for (changes, code, field) in [
        (json!({ "name": "n".repeat(51) }), "USR_07", "name"),
        (json!({ "email": "ada" }), "USR_03", "email"),
        (json!({ "password": "short" }), "USR_10", "password"),
        (json!({ "password": "        " }), "USR_02", "password"),
        (json!({ "day_phone": "call me" }), "USR_06", "day_phone"),
        (json!({ "eve_phone": "123456" }), "USR_06", "eve_phone"),
        (
            json!({ "mob_phone": "1-".repeat(51) }),
            "USR_07",
            "mob_phone",
        ),
    ] {
        let good = json!({ "name": "Ada", "email": "ada@example.com" });
        let body = changed(good, &changes);
        assert_refused(sent("PUT", "/customer", &body), 400, code, Some(field));
    }
}

#[test]
fn the_address_checks_every_field() {
    for path in ["/customers/address", "/customer/address"] {
        for name in [
            "address_1",
            "address_2",
            "city",
            "region",
            "postal_code",
            "country",
        ] {
            let long = address(&json!({ name: "x".repeat(101) }));
            assert_refused(sent("PUT", path, &long), 400, "USR_07", Some(name));
            let lines = address(&json!({ name: "a\nb" }));
            assert_refused(sent("PUT", path, &lines), 400, "HTTP_400", Some(name));
        }
        for region in [
            json!("Europe"),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(true),
        ] {
            let body = address(&json!({ "shipping_region_id": region }));
            let field = Some("shipping_region_id");
            assert_refused(sent("PUT", path, &body), 400, "USR_09", field);
        }
    }
}

#[test]
fn a_card_needs_its_check_digit() {
    for path in ["/customers/creditCard", "/customer/creditCard"] {
        for number in [
            json!("4242424242424241"),
            json!("XXXXXXXXXXXX4242"),
            json!(42),
        ] {
            let body = json!({ "credit_card": number });
            assert_refused(sent("PUT", path, &body), 400, "USR_08", Some("credit_card"));
        }
    }
}

#[test]
fn other_methods_and_paths_are_refused() {
    assert_refused(get("/customers"), 405, "HTTP_405", None);
    assert_refused(get("/customers/address"), 405, "HTTP_405", None);
    assert_refused(request("POST", "/customer"), 405, "HTTP_405", None);
    assert_refused(get("/customers/7"), 404, "HTTP_404", None);
}
