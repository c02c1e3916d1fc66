//! What calls returned, in the types of their functions, where the calling convention tells.

use super::abi::{self, Class};
use super::locate::Found;
use super::registers;
use super::{Call, Scene, Session};
use crate::symbols::datatypes::{Member, Passing, Record, Shape, Type};
use crate::symbols::{DieRef, Dies, Language};
use crate::timeline::StateError;
use crate::values::{Bytes, Place, Value, Visits};
use std::sync::Arc;

/// Bytes that two registers of returned values hold (System V ABI for x86-64, 3.2.3).
const IN_REGISTERS: u64 = 16;

/// What a call returned.
pub enum Returned<'s> {
    /// A value in its function's type, of `void` without bytes, and what is seen where it
    /// returned to.
    Known(Box<(Scene<'s>, Value)>),
    /// Something of a type that does not tell for sure where it is returned.
    Unsure,
    /// Nothing is known of its type; or it did not return.
    Untyped,
}

impl Session {
    /// What a call returned.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn returned(&self, call: &Call) -> Result<Returned<'_>, StateError> {
        let (Some(end), Some(_)) = (call.end, call.value) else { return Ok(Returned::Untyped) };
        let Some((of, language)) = self.return_type(call)? else { return Ok(Returned::Untyped) };
        let scene = self.scene_of(call.thread, end, 0)?;
        let hidden = call.value == call.arguments.first().copied();
        let value = match self.is_narrowed(call)? && of.size() != Some(0) {
            true => None,
            false => Returning { scene: &scene, language, hidden }.value(&of),
        };
        Ok(value.map_or(Returned::Unsure, |value| Returned::Known(Box::new((scene, value)))))
    }

    /// Whether what was called is a copy of a function of which the compiler left out parameters
    /// or the value where nobody uses them: what registers hold is no value for sure. GCC names
    /// such copies (-fipa-sra); others say DW_CC_nocall of them (DWARF 5, 3.3.1.1).
    fn is_narrowed(&self, call: &Call) -> Result<bool, StateError> {
        let pc = self.timeline.pc(call.tracepoint)?;
        if let Some((dies, function)) = self.function_called(call)?
            && dies.is_unconventional(function)
        {
            return Ok(true);
        }
        let symbol = self.locator.symbol(&self.timeline, call.tracepoint, pc);
        Ok(symbol.is_some_and(|(name, _)| name.contains(".isra.")))
    }

    /// What the function of a call is declared to return, and in which language.
    fn return_type(&self, call: &Call) -> Result<Option<(Type, Language)>, StateError> {
        let Some((dies, function)) = self.function_called(call)? else { return Ok(None) };
        if dies.is_assembly(function) {
            return Ok(None);
        }
        let Some(of) = Type::at(dies, function) else { return Ok(None) };
        let returns = match of.shape() {
            Shape::Function { returns, .. } => Some(of.follow(returns)),
            _ => None,
        };
        Ok(returns.map(|returns| (returns, dies.language_of(function))))
    }

    /// The DIE of the function of a call, and those of its module.
    fn function_called(&self, call: &Call) -> Result<Option<(&Arc<Dies>, DieRef)>, StateError> {
        let pc = self.timeline.pc(call.tracepoint)?;
        let found = self.found_at(call.tracepoint, pc);
        Ok(found.and_then(|Found { symbols, address, .. }| {
            Some((symbols.dies(), symbols.function_dies(address, 0)?.physical))
        }))
    }
}

/// The state behind a call, and what is known of its function.
struct Returning<'a> {
    scene: &'a Scene<'a>,
    language: Language,
    /// Whether rax holds what rdi held at the entry: the address of a place for the value.
    hidden: bool,
}

impl Returning<'_> {
    fn value(&self, of: &Type) -> Option<Value> {
        let stripped = of.stripped();
        let size = match stripped.shape() {
            Shape::Void => return Some(Value::computed(of.clone(), Vec::new())),
            _ => of.size()?,
        };
        let bytes = match stripped.shape() {
            Shape::Record(record) => match self.record(of, record, size)? {
                Way::Memory => return self.in_memory(of),
                Way::Vector => self.vector(size)?,
                Way::Registers => self.in_registers(of)?,
            },
            Shape::Array { vector: true, .. } => self.vector(size)?,
            // Those of Rust: C's functions return none.
            Shape::Array { .. } => {
                return self.is_rusts_in_memory(of, size).then(|| self.in_memory(of))?;
            }
            _ => self.in_registers(of)?,
        };
        let bytes = bytes.get(..usize::try_from(size).ok()?)?.to_vec();
        Some(Value::with_bytes(of.clone(), Place::None, Bytes::known(bytes)))
    }

    /// How a record is returned, if that is sure.
    fn record(&self, of: &Type, record: &Record, size: u64) -> Option<Way> {
        if self.language == Language::Rust {
            return self.is_rusts_in_memory(of, size).then_some(Way::Memory);
        }
        if record.passing == Some(Passing::ByReference) {
            return Some(Way::Memory);
        }
        let by_value = record.passing.is_some()
            || self.language == Language::C
            || is_plain(of, 0, &Visits::new());
        if abi::is_lone_vector(of) {
            return by_value.then_some(Way::Vector);
        }
        // Whether or not it could be copied byte by byte.
        if size > IN_REGISTERS || (self.hidden && has_destructor(of, 0, &Visits::new())) {
            return Some(Way::Memory);
        }
        by_value.then_some(Way::Registers)
    }

    /// Rust does not specify how its functions return: what is larger than two registers is
    /// stored where rdi says, whose value rax has then; three hold a value with an integer of
    /// 128 bits.
    fn is_rusts_in_memory(&self, of: &Type, size: u64) -> bool {
        let rust = self.language == Language::Rust;
        rust && size > IN_REGISTERS && self.hidden && !abi::has_wide_scalar(of)
    }

    fn in_memory(&self, of: &Type) -> Option<Value> {
        let address = self.held("rax")?.low();
        Some(Value::in_memory(of.clone(), address).kept(self.scene))
    }

    /// A vector (System V ABI for x86-64, 3.2.3). Code that is compiled without AVX returns
    /// those that xmm0 does not hold in memory, as a place that rax tells.
    fn vector(&self, size: u64) -> Option<Vec<u8>> {
        let register = match size {
            8 | 16 => "xmm0",
            32 if !self.hidden => "ymm0",
            64 if !self.hidden => "zmm0",
            _ => return None,
        };
        Some(self.held(register)?.bytes)
    }

    /// The bytes of a value that is returned in registers, and of what else is in the last.
    fn in_registers(&self, of: &Type) -> Option<Vec<u8>> {
        let (mut integers, mut vectors) = (["rax", "rdx"].iter(), ["xmm0", "xmm1"].iter());
        let mut upper: Option<Vec<u8>> = None;
        let mut bytes = Vec::new();
        for class in abi::classes(of)? {
            let mut part = match (class, upper.take()) {
                (Class::SseUp, Some(upper)) => upper,
                (Class::Integer, _) => self.held(integers.next()?)?.bytes,
                (Class::Sse | Class::SseUp, _) => {
                    let mut whole = self.held(vectors.next()?)?.bytes;
                    upper = whole.get(8..16).map(<[u8]>::to_vec);
                    whole.truncate(8);
                    whole
                }
                (Class::X87, _) => self.held("st0")?.bytes,
            };
            part.resize(if class == Class::X87 { 16 } else { 8 }, 0);
            bytes.extend(part);
        }
        Some(bytes)
    }

    fn held(&self, name: &str) -> Option<registers::Value> {
        registers::read(self.scene.frames.registers(), name)
    }
}

/// How a record is returned.
enum Way {
    /// Where rax points to.
    Memory,
    /// As the vector that it is around.
    Vector,
    /// In up to two registers.
    Registers,
}

/// Whether a type of C++ is copied byte by byte, without a function of its own or of a part.
fn is_plain(of: &Type, depth: u32, visits: &Visits) -> bool {
    let stripped = of.stripped();
    if !visits.go_on(depth) {
        return false;
    }
    match stripped.shape() {
        Shape::Record(record) => {
            let part = |member: &Member| is_plain(&stripped.follow(&member.of), depth + 1, visits);
            record.plain && !record.declaration && record.members.iter().all(part)
        }
        Shape::Array { .. } => {
            of.element().is_some_and(|(element, _)| is_plain(&element, depth + 1, visits))
        }
        _ => true,
    }
}

/// Whether a type, or a part of it, has a destructor: it is not trivial for the purposes of
/// calls, and returned in memory (Itanium C++ ABI, 3.1.2.3).
fn has_destructor(of: &Type, depth: u32, visits: &Visits) -> bool {
    let stripped = of.stripped();
    match stripped.shape() {
        Shape::Record(record) if visits.go_on(depth) => {
            let part =
                |member: &Member| has_destructor(&stripped.follow(&member.of), depth + 1, visits);
            record.destructor || record.members.iter().any(part)
        }
        _ => false,
    }
}
