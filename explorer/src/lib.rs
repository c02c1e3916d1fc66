//! The reader of rdb: symbols so far.

pub mod symbols;
