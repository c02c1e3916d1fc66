//! DWARF expressions of variables (DWARF 5, 2.5 and 2.6), in a frame.

use gimli::{AttributeValue, EvaluationResult, Value, ValueType};

use super::{At, Frame, Location, MAX_PIECES, Missing, Piece, entry_value, expression_at};
use crate::symbols::bytes::Reader;
use crate::symbols::dies::{DieRef, Entry, Expression};
use crate::symbols::unwind::register_name;

/// Operations one expression may execute: it can loop.
const MAX_OPERATIONS: u32 = 10_000;

/// Deepest nesting of expressions that need others.
const MAX_DEPTH: u32 = 8;

/// Where the value of an expression of `entry`'s unit is.
pub(super) fn locate(
    entry: &Entry<'_>,
    expression: Expression,
    frame: &dyn Frame,
) -> Result<Location, Missing> {
    let whole = Machine { entry, frame, depth: 0 }.run(expression.clone(), None);
    let pieces = match whole {
        Ok(pieces) => pieces.into_iter().map(|piece| of_piece(entry, piece)).collect(),
        Err(why) => one_by_one(entry, &expression, frame).ok_or(why)?,
    };
    Ok(Location(pieces.into_iter().take(MAX_PIECES).collect()))
}

/// The pieces of an expression of which not all can be evaluated; `None` if it has no pieces.
fn one_by_one(entry: &Entry<'_>, expression: &Expression, frame: &dyn Frame) -> Option<Vec<Piece>> {
    let mut operations = expression.clone().operations(entry.unit().encoding());
    let (mut pieces, mut start) = (Vec::new(), 0);
    while let Some(operation) = operations.next().ok()?.filter(|_| pieces.len() < MAX_PIECES) {
        let gimli::Operation::Piece { size_in_bits, bit_offset } = operation else { continue };
        let end = operations.offset_from(expression);
        let mut part = expression.0.clone();
        gimli::Reader::skip(&mut part, start).ok()?;
        gimli::Reader::truncate(&mut part, end - start).ok()?;
        let lost = |why| Piece {
            bits: Some(size_in_bits),
            bit_offset: bit_offset.unwrap_or(0),
            at: At::Missing(why),
        };
        match (Machine { entry, frame, depth: 0 }).run(gimli::Expression(part), None) {
            Ok(found) => pieces.extend(found.into_iter().map(|piece| of_piece(entry, piece))),
            Err(why) => pieces.push(lost(why)),
        }
        start = end;
    }
    (!pieces.is_empty()).then_some(pieces)
}

/// The one value that an expression computes: an offset, a count, a frame base, a parameter.
pub(super) fn number(
    entry: &Entry<'_>,
    expression: Expression,
    frame: &dyn Frame,
    initial: Option<u64>,
    depth: u32,
) -> Result<u64, Missing> {
    let machine = Machine { entry, frame, depth };
    let pieces = machine.run(expression, initial)?;
    match pieces.as_slice() {
        [gimli::Piece { location: gimli::Location::Address { address }, .. }] => Ok(*address),
        [gimli::Piece { location: gimli::Location::Value { value }, .. }] => {
            value.to_u64(u64::MAX).map_err(bad)
        }
        [gimli::Piece { location: gimli::Location::Register { register }, .. }] => {
            machine.register(register.0)
        }
        [gimli::Piece { location: gimli::Location::Empty, .. }] | [] => Err(Missing::OptimizedOut),
        _ => Err(unusable("several pieces where a number is needed")),
    }
}

/// The value that an expression leaves on the stack, with its type: what a call passes.
pub(super) fn value(
    entry: &Entry<'_>,
    expression: Expression,
    frame: &dyn Frame,
    depth: u32,
) -> Result<Value, Missing> {
    let is_number = number(entry, expression.clone(), frame, None, depth);
    if let Ok(number) = is_number {
        return Ok(Value::Generic(number));
    }
    // As an address, a floating-point number makes no sense.
    let bytes = gimli::Reader::to_slice(&expression.0).map_err(bad)?;
    let bytes = [&bytes[..], &[gimli::DW_OP_stack_value.0]].concat();
    let on_stack = gimli::Expression(Reader::new(bytes.as_slice().into(), gimli::LittleEndian));
    let pieces = Machine { entry, frame, depth }.run(on_stack, None)?;
    match pieces.as_slice() {
        [gimli::Piece { location: gimli::Location::Value { value }, .. }] => Ok(*value),
        _ => Err(unusable("no value where one is needed")),
    }
}

fn of_piece(entry: &Entry<'_>, piece: gimli::Piece<Reader>) -> Piece {
    let at = match piece.location {
        gimli::Location::Empty => At::OptimizedOut,
        gimli::Location::Register { register } => At::Register(register.0),
        gimli::Location::Address { address } => At::Memory(address),
        gimli::Location::Value { value } => At::Value(value_bytes(value)),
        gimli::Location::Bytes { value } => match gimli::Reader::to_slice(&value) {
            Ok(bytes) => At::Value(bytes.to_vec()),
            Err(error) => At::Missing(bad(error)),
        },
        gimli::Location::ImplicitPointer { value, byte_offset } => {
            let supplementary = entry.place().supplementary;
            let die = DieRef { supplementary, offset: value.0 };
            At::ImplicitPointer { die, offset: byte_offset }
        }
    };
    Piece { bits: piece.size_in_bits, bit_offset: piece.bit_offset.unwrap_or(0), at }
}

/// The bytes of a value, little-endian.
pub(super) fn value_bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Generic(value) | Value::U64(value) => value.to_le_bytes().to_vec(),
        Value::I64(value) => value.to_le_bytes().to_vec(),
        Value::I8(value) => value.to_le_bytes().to_vec(),
        Value::U8(value) => vec![value],
        Value::I16(value) => value.to_le_bytes().to_vec(),
        Value::U16(value) => value.to_le_bytes().to_vec(),
        Value::I32(value) => value.to_le_bytes().to_vec(),
        Value::U32(value) => value.to_le_bytes().to_vec(),
        Value::F32(value) => value.to_le_bytes().to_vec(),
        Value::F64(value) => value.to_le_bytes().to_vec(),
    }
}

fn bad(error: gimli::Error) -> Missing {
    Missing::Unusable(error.to_string())
}

fn unusable(why: &str) -> Missing {
    Missing::Unusable(why.to_owned())
}

/// An evaluation's surroundings.
struct Machine<'m, 'd> {
    entry: &'m Entry<'d>,
    frame: &'m dyn Frame,
    depth: u32,
}

impl Machine<'_, '_> {
    fn run(
        &self,
        expression: Expression,
        initial: Option<u64>,
    ) -> Result<Vec<gimli::Piece<Reader>>, Missing> {
        if self.depth > MAX_DEPTH {
            return Err(unusable("expressions nest too deeply"));
        }
        let mut evaluation = expression.evaluation(self.entry.unit().encoding());
        evaluation.set_max_iterations(MAX_OPERATIONS);
        if let Some(initial) = initial {
            evaluation.set_initial_value(initial);
            evaluation.set_object_address(initial);
        }
        let mut state = evaluation.evaluate().map_err(bad)?;
        while state != EvaluationResult::Complete {
            state = self.answer(&mut evaluation, state)?;
        }
        Ok(evaluation.result())
    }

    /// Gives an evaluation what it asks for.
    fn answer(
        &self,
        evaluation: &mut gimli::Evaluation<Reader>,
        asked: EvaluationResult<Reader>,
    ) -> Result<EvaluationResult<Reader>, Missing> {
        match asked {
            EvaluationResult::RequiresMemory { address, size, space: None, base_type } => {
                let mut bytes = [0; 16];
                let wanted = bytes.get_mut(..usize::from(size).min(8)).unwrap_or_default();
                if !self.frame.memory(address, wanted) {
                    return Err(Missing::Memory(address));
                }
                let value = self.typed(base_type.0, &bytes)?;
                evaluation.resume_with_memory(value)
            }
            EvaluationResult::RequiresRegister { register, base_type } => {
                let mut bytes = self.register_bytes(register.0)?;
                bytes.resize(bytes.len().max(16), 0);
                let value = self.typed(base_type.0, &bytes)?;
                evaluation.resume_with_register(value)
            }
            EvaluationResult::RequiresFrameBase => {
                evaluation.resume_with_frame_base(self.frame_base()?)
            }
            EvaluationResult::RequiresTls(offset) => {
                let address = self.frame.thread_local(offset)?;
                evaluation.resume_with_tls(address)
            }
            EvaluationResult::RequiresCallFrameCfa => {
                let cfa = self.frame.cfa().ok_or_else(|| self.no_cfa())?;
                evaluation.resume_with_call_frame_cfa(cfa)
            }
            EvaluationResult::RequiresEntryValue(expression) => {
                let (bytes, base_type) =
                    entry_value::at_entry(self.entry, &expression, self.frame, self.depth)?;
                evaluation.resume_with_entry_value(self.typed(base_type, &bytes)?)
            }
            EvaluationResult::RequiresParameterRef(parameter) => {
                let parameter = self.entry.at(parameter.0);
                let value =
                    entry_value::parameter(self.entry.dies(), parameter, self.frame, self.depth)?;
                evaluation.resume_with_parameter_ref(value)
            }
            EvaluationResult::RequiresRelocatedAddress(address) => {
                let address = address.wrapping_add(self.frame.bias());
                evaluation.resume_with_relocated_address(address)
            }
            EvaluationResult::RequiresIndexedAddress { index, relocate } => {
                let address = self.entry.dwarf().address(self.entry.unit(), index).map_err(bad)?;
                let bias = if relocate { self.frame.bias() } else { 0 };
                evaluation.resume_with_indexed_address(address.wrapping_add(bias))
            }
            EvaluationResult::RequiresBaseType(offset) => {
                evaluation.resume_with_base_type(self.base_type(offset.0)?)
            }
            EvaluationResult::RequiresAtLocation(die) => {
                evaluation.resume_with_at_location(self.called(die)?)
            }
            _ => return Err(unusable("an operation that x86-64 does not have")),
        }
        .map_err(bad)
    }

    fn no_cfa(&self) -> Missing {
        if self.frame.is_real() { Missing::Register("cfa".to_owned()) } else { Missing::NoFrame }
    }

    fn register_bytes(&self, number: u16) -> Result<Vec<u8>, Missing> {
        let missing = || match self.frame.is_real() {
            true => Missing::Register(register_name(number)),
            false => Missing::NoFrame,
        };
        self.frame.register(number).ok_or_else(missing)
    }

    fn register(&self, number: u16) -> Result<u64, Missing> {
        let bytes = self.register_bytes(number)?;
        Ok(bytes.iter().take(8).rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Bytes as a value of a base type of the unit; offset 0 is the generic type.
    fn typed(&self, base_type: usize, bytes: &[u8]) -> Result<Value, Missing> {
        if base_type == 0 {
            let word = bytes.iter().take(8).rev().fold(0, |v, byte| v << 8 | u64::from(*byte));
            return Ok(Value::Generic(word));
        }
        let value_type = self.base_type(base_type)?;
        let reader = Reader::new(bytes.into(), gimli::LittleEndian);
        Value::parse(value_type, reader).map_err(bad)
    }

    fn base_type(&self, offset: usize) -> Result<ValueType, Missing> {
        if offset == 0 {
            return Ok(ValueType::Generic);
        }
        let unknown = || unusable("a number wider than 64 bits");
        let entry = self.entry.dies().entry(self.entry.at(offset)).ok_or_else(unknown)?;
        let Some(AttributeValue::Encoding(encoding)) = entry.attribute(gimli::DW_AT_encoding)
        else {
            return Err(unknown());
        };
        let size = entry.unsigned(gimli::DW_AT_byte_size).unwrap_or(0);
        ValueType::from_encoding(encoding, size).ok_or_else(unknown)
    }

    /// The frame base of the function that executes (DWARF 5, 3.3.5).
    fn frame_base(&self) -> Result<u64, Missing> {
        let missing =
            || if self.frame.is_real() { unusable("no frame base") } else { Missing::NoFrame };
        let function = self.frame.function().ok_or_else(missing)?;
        let entry = self.entry.dies().entry(function).ok_or_else(missing)?;
        let value = entry.attribute(gimli::DW_AT_frame_base).ok_or_else(missing)?;
        let expression = expression_at(&entry, value, self.frame)?;
        number(&entry, expression, self.frame, None, self.depth + 1)
    }

    /// The expression of a DIE that DW_OP_call calls; none if it has none.
    fn called(&self, die: gimli::DieReference) -> Result<Reader, Missing> {
        let place = match die {
            gimli::DieReference::UnitRef(to) => self.entry.at(to.0),
            gimli::DieReference::DebugInfoRef(to) => {
                DieRef { supplementary: self.entry.place().supplementary, offset: to.0 }
            }
        };
        let empty = || Reader::new([].into(), gimli::LittleEndian);
        let Some(entry) = self.entry.dies().entry(place) else { return Ok(empty()) };
        match entry.attribute(gimli::DW_AT_location) {
            Some(value) => Ok(expression_at(&entry, value, self.frame)?.0),
            None => Ok(empty()),
        }
    }
}

/// The register that an expression names, if it names one and nothing else.
pub(super) fn register(expression: Expression, encoding: gimli::Encoding) -> Option<u16> {
    let mut operations = expression.operations(encoding);
    match (operations.next(), operations.next()) {
        (Ok(Some(gimli::Operation::Register { register })), Ok(None)) => Some(register.0),
        _ => None,
    }
}

/// What an expression takes to say where a variable is, or what it holds.
pub(super) struct Needs {
    /// The registers, by their DWARF numbers.
    pub registers: Vec<u16>,
    /// Whether it computes the value, not an address of it.
    pub computes: bool,
    /// Whether it reads memory.
    pub reads: bool,
}

/// What `expression` takes; `None` if that is not registers and memory alone.
pub(super) fn needs(expression: Expression, encoding: gimli::Encoding) -> Option<Needs> {
    use gimli::Operation as O;
    let mut operations = expression.operations(encoding);
    let mut needs = Needs { registers: Vec::new(), computes: false, reads: false };
    while let Some(operation) = operations.next().ok()? {
        match operation {
            O::RegisterOffset { register, .. } => needs.registers.push(register.0),
            O::StackValue => needs.computes = true,
            O::Deref { .. } => needs.reads = true,
            O::EntryValue { .. }
            | O::Call { .. }
            | O::Piece { .. }
            | O::ImplicitValue { .. }
            | O::ImplicitPointer { .. }
            | O::ParameterRef { .. }
            | O::TLS => return None,
            _ => {}
        }
    }
    Some(needs)
}
