//! Expressions that are asked for again and again, parsed once for each place.

use super::{Scene, Session};
use crate::expression::{ExpressionError, Parsed};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Most that are kept.
const MOST: usize = 1024;

/// Where an expression was parsed: the module, if there is one, and the address.
type Where = (Option<u32>, u64);

/// Parsed expressions, by text and place.
#[derive(Default)]
pub(super) struct Parses {
    known: RefCell<HashMap<String, HashMap<Where, Rc<Parsed>>>>,
}

impl Session {
    /// `text`, parsed where the frame of `scene` is.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn parsed(&self, text: &str, scene: &Scene<'_>) -> Result<Rc<Parsed>, ExpressionError> {
        let pc = scene.view().map(|view| view.code().for_lookup()).unwrap_or_default();
        let place = (self.module_at(scene.state(), pc), pc);
        let mut known = self.parses.known.borrow_mut();
        if let Some(parsed) = known.get(text).and_then(|places| places.get(&place)) {
            return Ok(parsed.clone());
        }
        let parsed = Rc::new(Parsed::new(text, scene)?);
        if known.values().map(HashMap::len).sum::<usize>() >= MOST {
            known.clear();
        }
        known.entry(text.to_owned()).or_default().insert(place, parsed.clone());
        Ok(parsed)
    }
}
