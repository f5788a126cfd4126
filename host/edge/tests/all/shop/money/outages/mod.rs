//! The shop while a store of its own, or Stripe, fails in some way: what works
//! meanwhile, that all of it works again soon afterwards, and that orders and
//! money agree in the end.

mod matrix;
mod schedules;
mod table;
mod world;
