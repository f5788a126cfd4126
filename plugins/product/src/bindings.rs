//! Rust bindings of the `shop:*` interfaces that the component imports and
//! exports, generated from `wit/shop`.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]

wit_bindgen::generate!({
    inline: "
        package shop:product;

        world product {
            import shop:customers/names@0.1.0;
            export shop:catalog/catalog@0.1.0;
            export shop:catalog/prices@0.1.0;
        }
    ",
    path: ["../../wit/shop/catalog", "../../wit/shop/customers"],
    generate_all,
    additional_derives: [PartialEq],
});
