//! What stays the same from one state to the next, kept for questions about many states: the
//! mappings, the modules at addresses, and what debug information says of code.

use super::locate::Found;
use super::{Image, Session};
use crate::symbols::datatypes::Type;
use crate::symbols::{DieRef, Dies, FunctionDies, ModuleAddr, ModuleSymbols};
use crate::timeline::StateError;
use rdb_schema::space::AddressSpace;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// Most modules' images that are looked through.
const MOST_IMAGES: usize = 16;

/// Most places in code that are kept.
const MOST_CODE: usize = 1024;

/// Most variables whose types are kept.
const MOST_TYPES: usize = 1024;

/// Most frames of one place.
const MOST_FRAMES: usize = 8;

/// What was found last.
#[derive(Default)]
pub(super) struct Nearby {
    mapped: RefCell<Mapped>,
    code: RefCell<HashMap<Of, Rc<CodeFacts>>>,
    types: RefCell<HashMap<(usize, DieRef), Type>>,
}

/// Where the symbols of a module are, which stay there as long as its session, and an address.
type Of = (usize, ModuleAddr);

/// The mappings of some states, and the images of code that were asked for there.
#[derive(Default)]
struct Mapped {
    states: Range<u64>,
    space: Arc<AddressSpace>,
    images: Vec<Image>,
}

/// What debug information says of a place in code, as far as it was asked for.
#[derive(Default)]
pub(super) struct CodeFacts {
    frames: OnceCell<usize>,
    ordinary: OnceCell<bool>,
    functions: [OnceCell<Option<FunctionDies>>; MOST_FRAMES],
}

impl Session {
    /// The mappings at a state.
    ///
    /// # Errors
    /// [`StateError`].
    pub(super) fn space_at(&self, state: u64) -> Result<Arc<AddressSpace>, StateError> {
        self.enter_mapped(state)?;
        Ok(Arc::clone(&self.nearby.mapped.borrow().space))
    }

    /// Goes to the states around `state` that have the same mappings.
    fn enter_mapped(&self, state: u64) -> Result<(), StateError> {
        let mut mapped = self.nearby.mapped.borrow_mut();
        if mapped.states.contains(&state) {
            return Ok(());
        }
        let space = self.timeline.shared_space(state)?;
        if !Arc::ptr_eq(&space, &mapped.space) && space != mapped.space {
            mapped.images.clear();
        }
        mapped.states = self.timeline.same_space(state)?;
        mapped.space = space;
        Ok(())
    }

    /// The image that holds `address` at `state`, as [`Images::at`](super::Images::at) says.
    pub(super) fn image_at(&self, state: u64, address: u64) -> Option<Image> {
        self.enter_mapped(state).ok()?;
        let holds = |image: &&Image| (image.start..image.end).contains(&address);
        let known = self.nearby.mapped.borrow().images.iter().find(holds).copied();
        known.or_else(|| {
            let image = self.locator.images().at(&self.timeline, state, address)?;
            let mut mapped = self.nearby.mapped.borrow_mut();
            // Of data, more may be found out.
            if image.code && mapped.images.len() < MOST_IMAGES {
                mapped.images.push(image);
            }
            Some(image)
        })
    }

    /// The module mapped at a run-time address, and the address in it.
    pub(super) fn found_at(&self, state: u64, address: u64) -> Option<Found<'_>> {
        let image = self.image_at(state, address)?;
        let symbols = self.locator.images().symbols(&self.timeline, image.module)?;
        Some(Found { symbols, image, address: ModuleAddr::of_runtime(address, image.bias) })
    }

    fn code_facts(&self, symbols: &ModuleSymbols, address: ModuleAddr) -> Rc<CodeFacts> {
        let of = (std::ptr::from_ref(symbols) as usize, address);
        let mut code = self.nearby.code.borrow_mut();
        if code.len() >= MOST_CODE && !code.contains_key(&of) {
            code.clear();
        }
        Rc::clone(code.entry(of).or_default())
    }

    /// As [`Dies::type_of`].
    pub(super) fn type_of(&self, dies: &Arc<Dies>, die: DieRef) -> Type {
        let of = (Arc::as_ptr(dies) as usize, die);
        let mut types = self.nearby.types.borrow_mut();
        if types.len() >= MOST_TYPES && !types.contains_key(&of) {
            types.clear();
        }
        types.entry(of).or_insert_with(|| dies.type_of(die)).clone()
    }

    /// As [`ModuleSymbols::frame_count_at`].
    pub(super) fn frame_count_at(&self, symbols: &ModuleSymbols, address: ModuleAddr) -> usize {
        let facts = self.code_facts(symbols, address);
        *facts.frames.get_or_init(|| symbols.frame_count_at(address))
    }

    /// As [`ModuleSymbols::is_ordinary_frame`].
    pub(super) fn is_ordinary(&self, symbols: &ModuleSymbols, address: ModuleAddr) -> bool {
        let facts = self.code_facts(symbols, address);
        *facts.ordinary.get_or_init(|| symbols.is_ordinary_frame(address))
    }

    /// As [`ModuleSymbols::function_dies`].
    pub(super) fn function_dies(
        &self,
        symbols: &ModuleSymbols,
        address: ModuleAddr,
        level: usize,
    ) -> Option<FunctionDies> {
        let facts = self.code_facts(symbols, address);
        let find = || symbols.function_dies(address, level);
        match facts.functions.get(level) {
            Some(known) => *known.get_or_init(find),
            None => find(),
        }
    }
}
