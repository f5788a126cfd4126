//! Rust bindings of the `shop:*` interfaces that the component imports and exports.

pub(crate) use generated::*;

edge_sdk::wit_bindings! {
    mod generated;

    inline: "
        package shop:order;

        world order {
            import shop:catalog/catalog@0.1.0;
            import shop:catalog/prices@0.1.0;
            import shop:customers/customers@0.1.0;
            import shop:payments/payments@0.1.0;
            export shop:orders/orders@0.1.0;
        }
    ",
    path: [
        "../../wit/shop/catalog",
        "../../wit/shop/customers",
        "../../wit/shop/payments",
        "../../wit/shop/orders",
    ],
    additional_derives: [Clone, PartialEq],
}
