//! Rust bindings of the `shop:*` interfaces that the component exports, generated
//! from `wit/shop`.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]

wit_bindgen::generate!({
    inline: "
        package shop:customer-service;

        world service {
            export shop:customers/customers@0.1.0;
            export shop:customers/names@0.1.0;
        }
    ",
    path: "../../wit/shop/customers",
    generate_all,
});
