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
        package shop:payment;

        world payment {
            import shop:orders/orders@0.1.0;
            export shop:payments/payments@0.1.0;
        }
    ",
    path: ["../../wit/shop/orders", "../../wit/shop/payments"],
    generate_all,
});
