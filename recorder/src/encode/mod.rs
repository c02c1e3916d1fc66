//! From tracepoints to frames: the chunk under construction, and the worker
//! threads that encode, compress and write.

mod budget;
mod builder;
#[cfg(test)]
mod builder_tests;
mod pipeline;
mod rows;
mod spares;
mod status;
mod worker;

pub use builder::{BULK_ID, BadLog, Builder, CALL_ID, CALL_RECORD};
pub use pipeline::{ChunkJob, End, Job, Pipeline};
pub use status::{PipelineStatus, Times};
