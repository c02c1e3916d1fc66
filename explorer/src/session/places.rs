//! Where tracepoints are, for long lists of them.

use super::{Place, Session};
use crate::symbols::CodeAddr;
use crate::timeline::StateError;
use rdb_schema::space::AddressSpace;
use serde::Serialize;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Places of tracepoints; what is at one address is found once for the same mappings.
pub struct Places<'a> {
    session: &'a Session,
    known: HashMap<u64, Rc<Place>>,
    space: Option<Arc<AddressSpace>>,
}

impl<'a> Places<'a> {
    /// None known yet.
    pub fn new(session: &'a Session) -> Self {
        Self { session, known: HashMap::new(), space: None }
    }

    /// Where tracepoint `t` is.
    ///
    /// # Errors
    /// The history's.
    pub fn of(&mut self, t: u64) -> Result<Rc<Place>, StateError> {
        let session = self.session;
        let space = session.timeline.shared_space(t)?;
        if !self.space.as_ref().is_some_and(|known| Arc::ptr_eq(known, &space)) {
            self.known.clear();
            self.space = Some(space);
        }
        let pc = session.timeline.pc(t)?;
        let look = || session.locator.place(&session.timeline, t, CodeAddr::Pc(pc));
        Ok(self.known.entry(pc).or_insert_with(|| Rc::new(look())).clone())
    }
}

/// For serde: the place, as if it were not shared.
pub(super) fn serialize<S: serde::Serializer>(
    place: &Rc<Place>,
    out: S,
) -> Result<S::Ok, S::Error> {
    place.as_ref().serialize(out)
}
