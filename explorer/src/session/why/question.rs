//! From an expression to the bytes whose origin is asked about.

use super::{Extent, padding};
use crate::dataflow::{Place as BytePlace, Span};
use crate::expression::Parsed;
use crate::session::{Session, Subject};
use crate::symbols::datatypes::Type;
use crate::values::{Place, Value};

/// Most operands of an expression that are followed.
const MAX_OPERANDS: usize = 16;

/// What an expression asks about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The bytes, or bits of them.
    pub asked: Vec<Extent>,
    /// How many bytes between them are padding.
    pub padding: u64,
    /// Whether the expression's value is kept nowhere, and they are its operands'.
    pub operands: bool,
}

impl Session {
    /// The bytes that `text` means at the cursor, as [`Session::subject`] has it; of a value that
    /// is only computed, those of its operands.
    ///
    /// # Errors
    /// Why it means none.
    pub fn question(&self, text: &str, size: Option<u64>) -> Result<Question, String> {
        let operands = match size {
            None => self.operands(text)?,
            Some(_) => Vec::new(),
        };
        if !operands.is_empty() {
            let mut question = Question { operands: true, ..Question::default() };
            for value in operands.iter().take(MAX_OPERANDS) {
                question.add_value(value)?;
            }
            return Ok(question);
        }
        let (subject, of) = self.typed_subject(text, size).map_err(|error| error.to_string())?;
        if let Subject::Memory { address, .. } = &subject
            && of.is_none()
            && self.timeline.shared_space(self.cursor).is_ok_and(|all| all.find(*address).is_none())
            && text.trim().starts_with(|first: char| first.is_ascii_digit())
        {
            let at = crate::render::hex(*address);
            return Err(format!(
                "a constant has no origin, and nothing is mapped at {at} that could have one"
            ));
        }
        let mut question = Question::default();
        match subject.bits() {
            Some(bits) => question.asked.push(Extent { span: subject.span()?, bits: Some(bits) }),
            None => question.add(subject.span()?, of.as_ref()),
        }
        Ok(question)
    }

    /// The operands of an expression whose value is kept nowhere.
    fn operands(&self, text: &str) -> Result<Vec<Value>, String> {
        let none = Vec::new();
        let Ok(scene) = self.scene() else { return Ok(none) };
        let Ok(parsed) = Parsed::new(text, &scene) else { return Ok(none) };
        match parsed.evaluate(&scene) {
            Ok(found) if found.value.place == Place::None => {
                if found.value.wholly_missing(&scene).is_some() {
                    return Ok(none);
                }
                let operands = parsed.operands(&scene).map_err(|error| error.to_string())?;
                let values = operands.into_iter().map(|operand| operand.value);
                Ok(values.filter(|value| value.place != Place::None).collect())
            }
            _ => Ok(none),
        }
    }
}

impl Question {
    fn add_value(&mut self, value: &Value) -> Result<(), String> {
        let subject = match &value.place {
            Place::Memory(address) => {
                let bytes = value.size().filter(|bytes| *bytes > 0);
                Subject::Memory { address: *address, bytes: bytes.unwrap_or(1), bits: None }
            }
            Place::Register(name) => Subject::Register { thread: None, name: name.clone() },
            Place::Pieces(_) => {
                return Err(
                    "an operand is kept in several places here: ask about one of them".to_owned()
                );
            }
            Place::None => return Ok(()),
        };
        match value.bits {
            Some(bits) => self.asked.push(Extent { span: subject.span()?, bits: Some(bits) }),
            None => self.add(subject.span()?, Some(&value.of)),
        }
        Ok(())
    }

    /// Adds the bytes of a span that mean something as the type has it.
    fn add(&mut self, span: Span, of: Option<&Type>) {
        let size = of.and_then(Type::size).and_then(|size| u32::try_from(size).ok());
        let span = match (span.place, size) {
            // Of a register, the variable may be a part.
            (BytePlace::Register(_), Some(size @ 1..)) if size < span.length => span.part(0, size),
            _ => span,
        };
        let same = |of: &&Type| of.size() == Some(span.length.into());
        let Some(meant) = of.filter(same).and_then(padding::meant) else {
            return self.asked.push(span.into());
        };
        let part = |range: &std::ops::Range<u64>| {
            span.part(range.start as u32, (range.end - range.start) as u32)
        };
        let bytes: u64 = meant.iter().map(|range| range.end - range.start).sum();
        self.padding += u64::from(span.length).saturating_sub(bytes);
        self.asked.extend(meant.iter().map(|range| Extent::from(part(range))));
    }
}
