//! Which folders of plugins a node serves, and which variables the shop's own
//! plugins read under their plain names.

use std::path::{Path, PathBuf};

/// What `plugins` says for none at all.
const NONE: &str = "none";

/// The shop's own four.
pub(super) fn shop() -> Vec<PathBuf> {
    ["customer", "order", "payment", "product"]
        .map(|plugin| Path::new("plugins").join(plugin))
        .to_vec()
}

/// Variables that the shop's own four read, each with its plugin;
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
