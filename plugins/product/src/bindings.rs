//! The Rust face of `shop:catalog`, generated from `wit/shop/catalog`.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]

wit_bindgen::generate!({
    inline: "package shop:product; world product { export shop:catalog/catalog@0.1.0; }",
    path: ["../../wit/shop/catalog"],
    generate_all,
    additional_derives: [PartialEq],
});
