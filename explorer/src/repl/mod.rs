//! The terminal front end: a prompt, or commands from options, files and pipes.
//! It holds no logic of its own.

mod answer;
mod complete;
mod flow;
mod history;
mod pager;
mod prompt;
mod script;
mod sigint;

pub use answer::{Answerer, Outcome};
pub use complete::complete;
pub use prompt::prompt;
pub use script::lines;
pub use sigint::install as stop_queries_at_sigint;
