//! The catalog, as clients and operators see it, on every kind of database.

mod contract;
mod database;
mod openapi;
mod search;
mod seeding;
mod shop;
mod written;
