//! What a subject held, as its type shows it.

use crate::session::{Scene, Session, Stop, Subject, Typed};
use crate::symbols::datatypes::{Bits, Shape, Type};
use crate::timeline::StateError;
use crate::values::{Bytes, Format, Place, Value};

/// Nesting of arrays whose elements are shown.
const DEPTH: u32 = 3;

impl Scene<'_> {
    /// What a subject of type `of` held, as text; `None` if the bytes do not tell.
    pub fn typed_text(&self, subject: &Subject, of: &Type, held: &[Option<u8>]) -> Option<String> {
        let mut known: Vec<u8> = held.iter().copied().collect::<Option<_>>()?;
        if !by_bytes(of, 0) {
            return None;
        }
        // Of a register, the variable may be a part.
        known.truncate(usize::try_from(of.size()?).unwrap_or(usize::MAX));
        let mut value = Value::with_bytes(of.clone(), Place::None, Bytes::known(known));
        value.bits = subject.bits().map(|bits| Bits { offset: 0, ..bits });
        Some(self.text(&value, Format::default()))
    }
}

impl Session {
    /// What a subject of type `of` holds at state `t`, as text: with what its bytes lead to.
    /// `None` if it is no memory, or a bit-field.
    ///
    /// # Errors
    /// When history cannot be read there, or somebody asked to stop.
    pub fn held_text(
        &self,
        subject: &Subject,
        of: &Type,
        t: u64,
    ) -> Result<Option<String>, StateError> {
        self.interrupt.check()?;
        let Subject::Memory { address, bits: None, .. } = subject else { return Ok(None) };
        let value = Value::in_memory(of.clone(), *address);
        Ok(Some(self.scene_at(t, 0)?.text(&value, Format::default())))
    }

    /// What a watchpoint's subject held before and afterwards, as its type shows it where the
    /// cursor is; `None` if it has none there.
    pub(in crate::session) fn watched_text(&self) -> Option<Typed> {
        let Stop::Watch { number, expression, old, new, .. } = &self.stop else { return None };
        let watched = self.breakpoints.get(*number)?.watch.as_ref()?;
        let (subject, of) = self.typed_subject(expression, None).ok()?;
        let of = of.filter(|_| subject == watched.subject)?;
        let scene = self.scene().ok()?;
        let text = |held: &[Option<u8>]| scene.typed_text(&subject, &of, held);
        Some(Typed { old_value: text(old)?, new_value: text(new)? })
    }
}

/// Whether a value's bytes say all that is shown of it.
fn by_bytes(of: &Type, depth: u32) -> bool {
    let stripped = of.stripped();
    match stripped.shape() {
        Shape::Base { .. } | Shape::Enumeration(_) => true,
        Shape::Pointer { .. } => {
            let target = of.target().map(|target| target.stripped());
            let is_char = |to: Type| to.size() == Some(1);
            !of.is_reference() && !target.is_some_and(is_char)
        }
        Shape::Array { .. } => {
            depth < DEPTH && of.element().is_some_and(|(element, _)| by_bytes(&element, depth + 1))
        }
        _ => false,
    }
}
