//! The Rust face of `edge:platform`, generated from the WIT files in `wit/platform`.
//! Plugins use it through the rest of the crate; only the export macros name it.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]

wit_bindgen::generate!({
    world: "plugin",
    path: "../../wit/platform",
    pub_export_macro: true,
    export_macro_name: "export_handler",
    default_bindings_module: "edge_sdk::bindings",
    additional_derives: [Clone, PartialEq],
    additional_derives_ignore: ["cas-error"],
    generate_all,
});

/// The world of a plugin that fills its own tables.
pub mod seeder {
    wit_bindgen::generate!({
        world: "seeder",
        path: "../../wit/platform",
        pub_export_macro: true,
        export_macro_name: "export_seed_world",
        default_bindings_module: "edge_sdk::bindings::seeder",
        additional_derives: [Clone, PartialEq],
    });
}

/// The world of a plugin with periodic work.
pub mod scheduled {
    wit_bindgen::generate!({
        world: "scheduled",
        path: "../../wit/platform",
        pub_export_macro: true,
        export_macro_name: "export_schedule_world",
        default_bindings_module: "edge_sdk::bindings::scheduled",
    });
}

/// The world of the plugin that keeps the accounts.
pub mod accounts {
    wit_bindgen::generate!({
        world: "account-keeper",
        path: "../../wit/platform",
        pub_export_macro: true,
        export_macro_name: "export_accounts_world",
        default_bindings_module: "edge_sdk::bindings::accounts",
        additional_derives: [Clone, PartialEq],
    });
}
