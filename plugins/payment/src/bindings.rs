//! What the shop's services ask of each other, generated from `wit/shop`.
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

#[cfg(target_family = "wasm")]
export!(Payments with_types_in self);

/// The exported interface.
#[cfg(target_family = "wasm")]
struct Payments;

#[cfg(target_family = "wasm")]
impl exports::shop::payments::payments::Guest for Payments {
    fn refund(order_id: i64) -> Result<(), exports::shop::payments::payments::Error> {
        crate::refunds::refund(order_id)
    }
}
