//! What leaves the node on a plugin's behalf: HTTP calls and mail.

pub mod http;
pub mod mail;
