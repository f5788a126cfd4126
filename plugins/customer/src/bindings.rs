//! What other services ask of this one, generated from `wit/shop/customers`.
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

#[cfg(target_family = "wasm")]
export!(Contacts with_types_in self);

#[cfg(target_family = "wasm")]
struct Contacts;

#[cfg(target_family = "wasm")]
impl exports::shop::customers::customers::Guest for Contacts {
    fn find(
        customer_id: i64,
    ) -> Result<
        Option<exports::shop::customers::customers::Contact>,
        exports::shop::customers::customers::Error,
    > {
        crate::contacts::find(customer_id)
    }
}

#[cfg(target_family = "wasm")]
impl exports::shop::customers::names::Guest for Contacts {
    fn find(
        customer_ids: Vec<i64>,
    ) -> Result<Vec<(i64, String)>, exports::shop::customers::names::Error> {
        crate::names::find(&customer_ids)
    }
}
