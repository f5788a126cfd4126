//! The macros of plugins that call one another: typed bindings of WIT interfaces, and the export of one.

/// Declares a module with the Rust bindings of a WIT world: what the plugin imports from other
/// plugins, and what it exports to them.
///
/// The options are those of [`wit_bindgen::generate!`](https://docs.rs/wit-bindgen), with paths
/// relative to the plugin's `Cargo.toml`. Of an imported interface, the module has the functions and
/// types under the interface's own path; of an exported one, a trait `Guest` under `exports`, which
/// [`export_service!`](crate::export_service) takes. The plugin itself needs no dependency on
/// `wit-bindgen`.
///
/// ```
/// edge_sdk::wit_bindings! {
///     mod bindings;
///
///     inline: "
///         package example:prices-plugin;
///
///         world plugin {
///             import example:prices/prices@0.1.0;
///         }
///     ",
///     path: "tests/wit/prices",
/// }
///
/// use bindings::example::prices::prices::{self, Error};
///
/// fn twice(item: &str) -> Result<u32, Error> {
///     Ok(2 * prices::find(item)?)
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! wit_bindings {
    ($(#[$attribute:meta])* $visibility:vis mod $module:ident; $($options:tt)*) => {
        $(#[$attribute])*
        #[allow(
            missing_docs,
            unsafe_code,
            clippy::all,
            clippy::expect_used,
            clippy::indexing_slicing,
            clippy::panic,
            clippy::pedantic,
            clippy::unwrap_used,
            reason = "generated code"
        )]
        $visibility mod $module {
            $crate::wit_bindgen::generate!({
                // A string, since this option takes no `$crate`.
                runtime_path: "edge_sdk::wit_bindgen::rt",
                generate_all,
                $($options)*
            });
        }
    };
}

/// Exports every interface that a world of [`wit_bindings!`](crate::wit_bindings) exports to other
/// plugins, as the type that implements their `Guest` traits.
///
/// The type has no state: a call is answered by an instance of its own, or by one that has answered
/// others before. On native targets nothing is exported, so a plugin's own tests run there.
///
/// ```
/// edge_sdk::wit_bindings! {
///     mod bindings;
///
///     inline: "
///         package example:prices-plugin;
///
///         world plugin {
///             export example:prices/prices@0.1.0;
///         }
///     ",
///     path: "tests/wit/prices",
/// }
///
/// use bindings::exports::example::prices::prices::{Error, Guest};
///
/// struct Prices;
///
/// edge_sdk::export_service!(Prices, bindings);
///
/// impl Guest for Prices {
///     fn find(item: String) -> Result<u32, Error> {
///         match item.as_str() {
///             "mug" => Ok(1490),
///             _ => Err(Error::Unknown),
///         }
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_service {
    ($service:ty, $bindings:ident $(:: $inner:ident)*) => {
        const _: ::core::marker::PhantomData<$service> = ::core::marker::PhantomData;

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the exports of the component's ABI")]
        const _: () = {
            // A name of its own: `type Service = Service` would be a circle.
            type EdgeSdkExport = $service;
            $bindings $(:: $inner)* ::export!(EdgeSdkExport with_types_in $bindings $(:: $inner)*);
        };
    };
}
