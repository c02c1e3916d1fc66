//! Symbols of programs compiled on the fly, against markers in their sources
//! and against other tools' answers. Missing tools skip loudly.

mod build;
mod gdb;
mod lookup;
mod robustness;
mod unwinding;
