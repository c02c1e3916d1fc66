//! What the benchmarks share.

pub mod frames;
pub mod programs;
pub mod report;
pub mod sampler;
pub mod statistics;
