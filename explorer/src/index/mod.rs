//! The index: who wrote what, and when, over a whole history.

mod plan;
mod registers;
mod sweep;

pub use sweep::{Found, Plans, Span, Stored, sweep};
