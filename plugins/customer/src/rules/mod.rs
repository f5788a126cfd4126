//! Rules for the data of customers: pure checks, each with its refusal.

pub mod card;
pub mod email;
pub mod password;
pub mod phone;
pub mod region;
pub mod role;
pub mod text;

pub use email::Email;
