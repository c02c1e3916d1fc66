//! The variables of functions, listed once for each place: conditions are judged at one place again
//! and again.

use super::Session;
use crate::symbols::{DieRef, Dies, ModuleAddr, Variable};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Most lists that are kept.
const MOST: usize = 256;

/// What a list is of: where the module's DIEs are, the function, and the place in it.
type Of = (usize, DieRef, u64);

/// A list, with the DIEs that it is of, so that no others come to stand where they are.
type List = (Arc<Dies>, Rc<[Variable]>);

/// Lists of variables.
#[derive(Default)]
pub(super) struct Listed {
    known: RefCell<HashMap<Of, List>>,
}

impl Session {
    /// The parameters and variables of a function, as [`Dies::variables`] lists them.
    pub(super) fn variables_at(
        &self,
        dies: &Arc<Dies>,
        function: DieRef,
        address: ModuleAddr,
    ) -> Rc<[Variable]> {
        let of = (Arc::as_ptr(dies) as usize, function, address.0);
        let mut known = self.listed.known.borrow_mut();
        if known.len() >= MOST && !known.contains_key(&of) {
            known.clear();
        }
        let list = || (Arc::clone(dies), dies.variables(function, address).into());
        Rc::clone(&known.entry(of).or_insert_with(list).1)
    }
}
