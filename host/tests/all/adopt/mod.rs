//! Existing shops: databases of forks that somebody else's program made and
//! filled, which the shop's plugins take over.

mod check;
mod fork;
mod journey;
mod later;
mod refused;
