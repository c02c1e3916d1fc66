//! Call stacks.
mod cfi;
pub(crate) use cfi::Cfi;
