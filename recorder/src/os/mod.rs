//! What the kernel does for the program: syscalls, signals, mappings, exec.

mod aliases;
pub mod call_traits;
mod exec;
mod fault_state;
mod growth;
mod mappings;
mod open_files;
mod own_maps;
mod signals;
mod stack_limit;
mod syscalls;
mod trap_mask;

pub use aliases::{Identity, identity};
pub use fault_state::FaultState;
pub use mappings::Changes;
pub use open_files::OpenFiles;
pub use own_maps::Copies;
pub use signals::Delivery;
pub use stack_limit::StackLimit;
pub use syscalls::{Entered, restarts, with_instruction_effects};
pub use trap_mask::TrapMask;
