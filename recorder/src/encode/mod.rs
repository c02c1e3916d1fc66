//! From tracepoints to frames: the chunk under construction, and the worker
//! threads that encode, compress and write.

mod builder;
mod pipeline;

pub use builder::Builder;
pub use pipeline::{ChunkJob, End, Job, Pipeline, PipelineStatus};
