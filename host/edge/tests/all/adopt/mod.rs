//! Existing shops: databases of forks that somebody else's program made and
//! filled, which the shop's plugins take over.

mod addresses;
mod again;
mod check;
mod definitions;
mod fork;
mod journey;
mod later;
mod refused;
mod texts;
mod values;
