//! Settings of the plugin folders that a node serves, and the variables that
//! the shop's own plugins read under their plain names.

use std::path::{Path, PathBuf};

/// Value of `plugins` for no plugin at all.
const NONE: &str = "none";

/// Returns the folders of the shop's own four plugins.
pub(super) fn shop() -> Vec<PathBuf> {
    ["customer", "order", "payment", "product"]
        .map(|plugin| Path::new("plugins").join(plugin))
        .to_vec()
}

/// Variables that the shop's own four plugins read, each with its plugin;
/// `plugin_variables` adds others.
pub(super) const SHOP_VARIABLES: [(&str, &str); 12] = [
    ("customer", "FACEBOOK_APP_ID"),
    ("customer", "FACEBOOK_GRAPH_BASE"),
    ("customer", "PASSWORD_RESET_KEY"),
    ("customer", "PASSWORD_RESET_URL"),
    ("order", "CART_ITEM_KEY"),
    ("order", "MAX_UNPAID_ORDERS"),
    ("order", "MAX_UNPAID_PIECES"),
    ("order", "UNPAID_ORDER_MINUTES"),
    ("payment", "PAYMENT_DUE"),
    ("payment", "STRIPE_API_BASE"),
    ("payment", "STRIPE_SECRET_KEY"),
    ("payment", "STRIPE_WEBHOOK_SECRET"),
];

pub(super) fn folders(text: &str) -> Result<Vec<PathBuf>, String> {
    if text.trim() == NONE {
        return Ok(Vec::new());
    }
    let folders: Vec<PathBuf> = text
        .split(',')
        .map(str::trim)
        .filter(|f| !f.is_empty())
        .map(Into::into)
        .collect();
    if folders.is_empty() {
        Err("names no plugin folder; `none` means that".into())
    } else {
        Ok(folders)
    }
}
