//! Values that clients write as text.

pub mod money;
pub(crate) mod number;
pub mod text;
