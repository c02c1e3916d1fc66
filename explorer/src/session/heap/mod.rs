//! The heap: which blocks are alive, who allocated and freed them, and what was done to
//! them afterwards.

mod around;
mod calls;
mod check;
mod freed;
mod functions;
mod genuine;
mod history;
mod intervals;
mod uses;

pub use around::{Around, Found};
pub use check::Checked;
pub use functions::Family;
pub(super) use functions::Function;
pub use history::{Block, Heap, Misuse, WrongFree};
pub use uses::{Use, Uses};

use super::{Place, Session};
use crate::timeline::StateError;
use std::cell::RefCell;
use std::rc::Rc;

/// Frames of code looked through for the program's own.
const FRAMES: usize = 16;

/// Parts of the paths of libraries that allocate for others.
const LIBRARIES: [&str; 5] = ["/libc.so", "/libc-", "/ld-linux", "/libstdc++", "/libgcc"];

/// How the names of functions begin that allocate for others.
const WRAPPERS: [&str; 13] = [
    "operator new",
    "operator delete",
    "std::",
    "__gnu_cxx::",
    "alloc::",
    "core::",
    "<alloc::",
    "<core::",
    "__rust_",
    "__rdl_",
    "__rustc",
    "strdup",
    "strndup",
];

/// The heap, once somebody asked.
#[derive(Default)]
pub(super) struct HeldHeap(RefCell<Option<Rc<Heap>>>);

impl Session {
    /// The heap over all of history; found when first asked for.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn heap(&self) -> Result<Rc<Heap>, StateError> {
        if let Some(known) = &*self.heap.0.borrow() {
            return Ok(known.clone());
        }
        let heap = Rc::new(self.find_heap()?);
        self.heap.0.replace(Some(heap.clone()));
        Ok(heap)
    }

    /// Where the program called what runs at `t`: the innermost frame that is not the
    /// allocator's, a library's that allocates for others, or a container's.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn allocating_place(&self, t: u64) -> Result<Place, StateError> {
        let frames = super::Frames::walk(self, self.timeline.thread(t)?, t, FRAMES)?;
        let outer = frames.walked().frames.iter().skip(1);
        let mut callers =
            outer.flat_map(|frame| self.locator.places(&self.timeline, t, frame.pc)).peekable();
        let first = callers.peek().cloned();
        let own = callers.find(is_own);
        let here = || self.locator.place(&self.timeline, t, crate::symbols::CodeAddr::Pc(0));
        Ok(own.or(first).unwrap_or_else(here))
    }
}

/// Whether a place is in one of the libraries.
fn is_of_library(place: &Place) -> bool {
    let module = place.module.as_deref();
    module.is_some_and(|path| LIBRARIES.iter().any(|part| path.contains(part)))
}

/// Whether a place is in the program's own code.
fn is_own(place: &Place) -> bool {
    let library = is_of_library(place);
    let name = place.function.as_deref().unwrap_or_default();
    let allocates = functions::FUNCTIONS.iter().any(|known| known.name == name);
    !library && !allocates && !WRAPPERS.iter().any(|start| name.starts_with(start))
}
