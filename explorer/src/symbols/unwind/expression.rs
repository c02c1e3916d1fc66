//! DWARF expressions in call frame information (DWARF 5, 6.4.2).

use gimli::{EvaluationResult, Expression, Location, Piece, Value};

use super::{FrameRegisters, Memory, UnwindEnd};
use crate::symbols::bytes::Slice;

/// Operations one expression may execute: it can loop.
const MAX_OPERATIONS: u32 = 10_000;

/// Evaluates `expression` with `initial` on the stack. The result is an
/// address or a value, as the rule has it.
pub(super) fn evaluate(
    expression: Expression<Slice<'_>>,
    encoding: gimli::Encoding,
    initial: Option<u64>,
    bias: u64,
    registers: &FrameRegisters,
    memory: Memory<'_>,
) -> Result<u64, UnwindEnd> {
    let bad = |_: gimli::Error| UnwindEnd::BadCfi(registers.rip().unwrap_or_default());
    let unusable = || UnwindEnd::BadCfi(registers.rip().unwrap_or_default());
    let mut evaluation = expression.evaluation(encoding);
    evaluation.set_max_iterations(MAX_OPERATIONS);
    if let Some(initial) = initial {
        evaluation.set_initial_value(initial);
    }
    let mut state = evaluation.evaluate().map_err(bad)?;
    loop {
        state = match state {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresMemory { address, size, space: None, .. } => {
                let value = read(address, size, memory)?;
                evaluation.resume_with_memory(Value::Generic(value)).map_err(bad)?
            }
            EvaluationResult::RequiresRegister { register, .. } => {
                let value = registers.get(register.0);
                let value = value.ok_or(UnwindEnd::RegisterUnknown(register.0))?;
                evaluation.resume_with_register(Value::Generic(value)).map_err(bad)?
            }
            EvaluationResult::RequiresRelocatedAddress(address) => {
                let address = address.wrapping_add(bias);
                evaluation.resume_with_relocated_address(address).map_err(bad)?
            }
            _ => return Err(unusable()),
        };
    }
    match evaluation.as_result() {
        [Piece { location: Location::Address { address }, .. }] => Ok(*address),
        [Piece { location: Location::Value { value: Value::Generic(value) }, .. }] => Ok(*value),
        _ => Err(unusable()),
    }
}

/// Up to eight little-endian bytes of memory.
pub(super) fn read(address: u64, size: u8, memory: Memory<'_>) -> Result<u64, UnwindEnd> {
    let mut bytes = [0; 8];
    let wanted = bytes.get_mut(..usize::from(size.min(8))).unwrap_or_default();
    if !memory(address, wanted) {
        return Err(UnwindEnd::MemoryUnknown(address));
    }
    Ok(u64::from_le_bytes(bytes))
}

/// A word of memory.
pub(super) fn word(address: u64, memory: Memory<'_>) -> Result<u64, UnwindEnd> {
    read(address, 8, memory)
}
