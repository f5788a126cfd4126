//! Rust bindings of the `shop:*` interfaces that the component exports.

pub(crate) use generated::*;

edge_sdk::wit_bindings! {
    mod generated;

    inline: "
        package shop:customer;

        world customer {
            export shop:customers/customers@0.1.0;
            export shop:customers/names@0.1.0;
        }
    ",
    path: "../../wit/shop/customers",
}
