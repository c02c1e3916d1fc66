//! What a subject held, as its type shows it.

use crate::session::{Scene, Session, Stop, Subject, Typed};
use crate::symbols::datatypes::{Bits, Shape, Type};
use crate::timeline::StateError;
use crate::values::{Bytes, Format, Place, Value};

/// Frames in which a watchpoint's expression is looked for its subject: it may be of one
/// further out.
const MOST_FRAMES: usize = 32;

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

    /// What a subject of type `of` held, as text: of its bytes if they tell all of it, else as
    /// it stands at state `t` with what they lead to. `None` as of [`Self::held_text`].
    ///
    /// # Errors
    /// When history cannot be read there, or somebody asked to stop.
    pub fn value_held(
        &self,
        scene: &Scene<'_>,
        (subject, of): (&Subject, &Type),
        held: &[Option<u8>],
        t: u64,
    ) -> Result<Option<String>, StateError> {
        match scene.typed_text(subject, of, held) {
            None if subject.addresses().is_some() => self.held_text(subject, of, t),
            None => self.led_to(of, held, t),
            known => Ok(known),
        }
    }

    /// What bytes that no memory held mean at state `t`, with what they lead to.
    fn led_to(&self, of: &Type, held: &[Option<u8>], t: u64) -> Result<Option<String>, StateError> {
        self.interrupt.check()?;
        let known: Option<Vec<u8>> = held.iter().copied().collect();
        let Some(mut known) = known else { return Ok(None) };
        known.truncate(of.size().and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX));
        let value = Value::with_bytes(of.clone(), Place::None, Bytes::known(known));
        Ok(Some(self.scene_at(t, 0)?.text(&value, Format::default())))
    }

    /// What a watchpoint's subject held before and afterwards, as its type shows it; `None` if
    /// it has none in any frame of where the cursor is.
    pub(in crate::session) fn watched_text(&self, stop: &Stop) -> Option<Typed> {
        let Stop::Watch { number, expression, old, new, tracepoint, .. } = stop else {
            return None;
        };
        let watched = &self.breakpoints.get(*number)?.watch.as_ref()?.subject;
        let outermost = self.scene_of(self.thread().ok()?, self.cursor, MOST_FRAMES).ok()?;
        let frames = (0..MOST_FRAMES).map(|level| outermost.at_level(level));
        let mut frames = frames.take_while(|scene| scene.view().is_some());
        let (scene, of) = frames.find_map(|scene| {
            let (subject, of) = self.written_in(&scene, expression, None).ok()?;
            Some((scene, of.filter(|_| subject == *watched)?))
        })?;
        let text = |held: &[Option<u8>], t| {
            self.value_held(&scene, (watched, &of), held, t).ok().flatten()
        };
        let after = tracepoint.checked_add(1)?;
        Some(Typed { old_value: text(old, *tracepoint)?, new_value: text(new, after)? })
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
