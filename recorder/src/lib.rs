//! The recorder of rdb: runs a program and writes down every state it passes through.
#![warn(missing_docs)]

pub mod capture;
