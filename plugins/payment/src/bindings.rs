//! Rust bindings of the `shop:*` interfaces that the component imports and exports.

pub(crate) use generated::*;

edge_sdk::wit_bindings! {
    mod generated;

    inline: "
        package shop:payment;

        world payment {
            import shop:orders/orders@0.1.0;
            export shop:payments/payments@0.1.0;
        }
    ",
    path: ["../../wit/shop/orders", "../../wit/shop/payments"],
}
