//! The catalog, as clients and operators see it, on every kind of database.

mod contract;
pub mod database;
pub mod inherited;
mod openapi;
mod search;
mod seeding;
pub mod shop;
mod written;
