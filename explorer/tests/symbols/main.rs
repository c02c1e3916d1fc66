//! Symbols of programs compiled on the fly, against markers in their sources
//! and against other tools' answers. Missing tools skip loudly.

#[cfg(test)]
mod build;
#[cfg(test)]
mod damaged_values;
#[cfg(test)]
mod gdb;
#[cfg(test)]
mod lookup;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod unwinding;
