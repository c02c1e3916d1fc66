//! The explorer: walks a recorded history in both directions and answers questions
//! about it.

pub mod symbols;
pub mod timeline;
pub mod trace;
