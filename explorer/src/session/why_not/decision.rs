//! What a branch went by: its condition, and what was compared.

use crate::dataflow::{self, Place, Source, Span};
use crate::session::why::{Visits, Writer};
use crate::session::{Bytes, Session, serialize_value};
use crate::timeline::StateError;
use serde::Serialize;

/// Moves of one operand that are followed to the variable it was loaded from.
const MOVES: usize = 4;

/// Something that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operand {
    /// The variable, register or address.
    pub name: String,
    /// What it held.
    #[serde(serialize_with = "serialize_value")]
    pub value: Bytes,
    /// The same as `print` shows it, if it is a variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
}

/// The condition of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// `<`, `==` …: what a jump is taken for, of the operands of a comparison.
    pub name: &'static str,
    /// Whether it held: the jump was taken.
    pub held: bool,
    /// The tracepoint that compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_at: Option<u64>,
    /// What it compared; constants are in the instruction.
    pub operands: Vec<Operand>,
}

impl Session {
    /// The condition of the branch at tracepoint `t`; none if it has no condition.
    pub(super) fn condition_of(&self, t: u64) -> Result<Option<Condition>, StateError> {
        let Some(instruction) = self.instruction_at(t)? else { return Ok(None) };
        let registers = self.timeline.registers(t)?;
        let Some(held) = dataflow::holds(&instruction, registers.rflags) else { return Ok(None) };
        let name = dataflow::condition_name(instruction.condition_code());
        let flags = dataflow::condition_flags(&instruction);
        let pieces = self.written_last(Span::flags(flags), (self.timeline.thread(t)?, t))?;
        let compared = pieces.into_iter().find_map(|piece| match piece.writer {
            Writer::Instruction { tracepoint, source } => Some((tracepoint, source)),
            _ => None,
        });
        let mut condition = Condition { name, held, compared_at: None, operands: Vec::new() };
        if let Some((at, source)) = compared {
            condition.compared_at = Some(at);
            let mut spans = source.spans().to_vec();
            spans.dedup();
            for span in spans {
                condition.operands.push(self.operand(span, at)?);
            }
        }
        Ok(Some(condition))
    }

    /// An operand of the comparison at `t`: the variable, if it was loaded just before.
    fn operand(&self, mut span: Span, t: u64) -> Result<Operand, StateError> {
        let (mut visits, mut state) = (Visits::new(self), t);
        let value = self.held(&span, t)?;
        let mut name = self.name_of(&span.into(), state)?;
        for _ in 0..MOVES {
            if name.value.is_some() || matches!(span.place, Place::Memory(_)) {
                break;
            }
            let pieces = self.written_last(span, (self.timeline.thread(state)?, state))?;
            let Some(Writer::Instruction { tracepoint, source: Source::Copy(from) }) =
                pieces.first().map(|piece| &piece.writer)
            else {
                break;
            };
            if !visits.is_same(*tracepoint, t)? {
                break;
            }
            (span, state) = (*from, *tracepoint);
            name = self.name_of(&span.into(), state)?;
        }
        Ok(Operand { name: name.text, value, shown: name.value })
    }
}
