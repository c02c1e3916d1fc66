//! Functions by their addresses, as numbered names.

use crate::session::Session;
use crate::symbols::CodeAddr;
use crate::timeline::StateError;
use rdb_schema::space::AddressSpace;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// A function at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The number of its name.
    pub function: u32,
    /// Whether the address is that of its first instruction.
    pub entry: bool,
}

/// The functions met so far.
pub struct Names<'s> {
    session: &'s Session,
    all: Vec<Rc<str>>,
    numbers: HashMap<Rc<str>, u32>,
    known: HashMap<u64, At>,
    space: Option<Arc<AddressSpace>>,
    /// States for which `known` holds.
    states: Range<u64>,
}

impl<'s> Names<'s> {
    /// None met yet.
    pub fn new(session: &'s Session) -> Self {
        Self {
            session,
            all: Vec::new(),
            numbers: HashMap::new(),
            known: HashMap::new(),
            space: None,
            states: 0..0,
        }
    }

    /// The name of a number.
    pub fn name(&self, function: u32) -> &str {
        self.all.get(function as usize).map_or("", |name| name)
    }

    /// The function that `pc` lies in at `state`: no inlined one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn at(&mut self, state: u64, pc: u64) -> Result<At, StateError> {
        if !self.states.contains(&state) {
            self.enter(state)?;
        }
        if let Some(at) = self.known.get(&pc) {
            return Ok(*at);
        }
        let timeline = self.session.timeline();
        let frames = self.session.locator().places(timeline, state, CodeAddr::Pc(pc));
        let place = frames.last();
        let function = place.and_then(|place| place.function.clone());
        let entry = function.is_some() && place.and_then(|place| place.offset) == Some(0);
        let module = || {
            let path = place.and_then(|place| place.module.as_deref());
            let file = path.map(|path| path.rsplit('/').next().unwrap_or(path));
            format!("[{}]", file.unwrap_or("unknown"))
        };
        let name = function.unwrap_or_else(module);
        let at = At { function: self.number(&name), entry };
        self.known.insert(pc, at);
        Ok(at)
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let (name, number) = (Rc::<str>::from(name), self.all.len() as u32);
        self.all.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// Forgets what stands at addresses if the mappings at `state` are others.
    fn enter(&mut self, state: u64) -> Result<(), StateError> {
        let timeline = self.session.timeline();
        let space = timeline.shared_space(state)?;
        if self.space.as_ref().is_none_or(|known| *known != space) {
            self.known.clear();
            self.space = Some(space);
        }
        self.states = timeline.same_space(state)?;
        Ok(())
    }
}
