//! Rust bindings of the `shop:*` interfaces that the component imports and exports.

pub(crate) use generated::*;

edge_sdk::wit_bindings! {
    mod generated;

    inline: "
        package shop:product;

        world product {
            import shop:customers/names@0.1.0;
            export shop:catalog/catalog@0.1.0;
            export shop:catalog/prices@0.1.0;
        }
    ",
    path: ["../../wit/shop/catalog", "../../wit/shop/customers"],
    additional_derives: [PartialEq],
}
