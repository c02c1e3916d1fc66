//! Calls as the debug information declares their functions: parameters, and the value returned.

use super::registers;
use super::{Call, Scene, Session};
use crate::symbols::CodeAddr;
use crate::symbols::Language;
use crate::symbols::datatypes::{Encoding, Member, Offset, Passing, Shape, Type};
use crate::timeline::{Direction, StateError};
use crate::values::{Bytes, Place, Value};
use std::cell::Cell;

/// Chunks of history in which a function's body is looked for behind its entry.
const BODY_CHUNKS: u32 = 2;

/// Inlined copies that may begin a function.
const MAX_LEVELS: usize = 64;

/// Bytes that the registers of returned values hold (System V ABI for x86-64, 3.2.3).
const IN_REGISTERS: u64 = 16;

/// Nesting of records looked into for their classes.
const MAX_DEPTH: u32 = 8;

impl Session {
    /// What the function of a call sees where its parameters are in place: behind its prologue,
    /// as a breakpoint at it stops. `None` without debug information, or if it was not reached.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn entered(&self, call: &Call) -> Result<Option<Scene<'_>>, StateError> {
        let timeline = &self.timeline;
        let pc = timeline.pc(call.tracepoint)?;
        let code = self.locator.line_code(timeline, call.tracepoint, pc);
        let Some(body) = code.map(|code| code.body.unwrap_or(pc)) else { return Ok(None) };
        let state = match body == pc {
            true => Some(call.tracepoint),
            false => self.first_at(body, call)?,
        };
        // Optimised code may return before: its locations hold at the entry as well.
        let state = state.or_else(|| call.end.map(|_| call.tracepoint));
        let Some(state) = state else { return Ok(None) };
        let scene = self.scene_of(call.thread, state, 0)?;
        let outer = (0..MAX_LEVELS).map(|level| scene.at_level(level));
        let own = outer.take_while(|scene| scene.view().is_some_and(|view| view.is_innermost()));
        Ok(own.last())
    }

    /// The first state of a call at address `body`.
    fn first_at(&self, body: u64, call: &Call) -> Result<Option<u64>, StateError> {
        let chunks = Cell::new(0);
        let enough = || self.interrupt.raised() || chunks.replace(chunks.get() + 1) >= BODY_CHUNKS;
        let (thread, from) = (Some(call.thread), call.tracepoint);
        let found = self.timeline.find_pc(thread, from, Direction::Forward, &[body], &enough);
        match found {
            Ok(state) => Ok(state.filter(|state| call.end.is_none_or(|end| *state < end))),
            Err(StateError::Interrupted) if !self.interrupt.raised() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a call returned, in its function's type, and what is seen where it returned to;
    /// `None` if that does not follow from registers. Of `void` it has no bytes.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn returned(&self, call: &Call) -> Result<Option<(Scene<'_>, Value)>, StateError> {
        let (Some(end), Some(_)) = (call.end, call.value) else { return Ok(None) };
        let Some((of, language)) = self.return_type(call)? else { return Ok(None) };
        let scene = self.scene_of(call.thread, end, 0)?;
        Ok(returned_value(&scene, &of, language).map(|value| (scene, value)))
    }

    /// What the function of a call is declared to return, and in which language.
    fn return_type(&self, call: &Call) -> Result<Option<(Type, Language)>, StateError> {
        let pc = CodeAddr::Pc(self.timeline.pc(call.tracepoint)?);
        let module = self.locator.module_at(&self.timeline, call.tracepoint, pc.value());
        let Some((symbols, bias)) = module else { return Ok(None) };
        let address = crate::symbols::ModuleAddr::of_runtime(pc.value(), bias);
        let Some(function) = symbols.function_dies(address, 0) else { return Ok(None) };
        let dies = symbols.dies();
        let Some(of) = Type::at(dies, function.physical) else { return Ok(None) };
        let returns = match of.shape() {
            Shape::Function { returns, .. } => Some(of.follow(returns)),
            _ => None,
        };
        Ok(returns.map(|returns| (returns, dies.language_of(function.physical))))
    }
}

/// Where a part of a value is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// In rax or rdx.
    Integer,
    /// In xmm0 or xmm1.
    Sse,
    /// In st0.
    X87,
}

fn returned_value(scene: &Scene<'_>, of: &Type, language: Language) -> Option<Value> {
    let stripped = of.stripped();
    let size = match stripped.shape() {
        Shape::Void => return Some(Value::computed(of.clone(), Vec::new())),
        _ => of.size()?,
    };
    let held = |name: &str| registers::read(scene.frames.registers(), name);
    let bytes = match stripped.shape() {
        // Functions return no other arrays than vectors.
        Shape::Array { .. } => held(vector_register(size)?)?.bytes,
        Shape::Record(record) => {
            let passing = record.passing.or_else(|| as_in_c(of, language))?;
            if passing == Passing::ByReference || size > IN_REGISTERS {
                return Some(Value::in_memory(of.clone(), held("rax")?.low()).kept(scene));
            }
            in_registers(of, held)?
        }
        _ => in_registers(of, held)?,
    };
    let bytes = bytes.get(..usize::try_from(size).ok()?)?.to_vec();
    Some(Value::with_bytes(of.clone(), Place::None, Bytes::known(bytes)))
}

/// How a record is returned that does not say so: C's, and what is like them; `None` if that
/// is not sure.
fn as_in_c(of: &Type, language: Language) -> Option<Passing> {
    let sure = match language {
        Language::C => true,
        Language::Cpp => is_plain(of, 0),
        Language::Rust => false,
    };
    sure.then_some(Passing::ByValue)
}

/// The bytes of a value that is returned in registers, and of what else is in the last.
fn in_registers(of: &Type, held: impl Fn(&str) -> Option<registers::Value>) -> Option<Vec<u8>> {
    let mut parts = [None; 2];
    classify(of, 0, 0, &mut parts)?;
    let (mut integers, mut vectors) = (["rax", "rdx"].iter(), ["xmm0", "xmm1"].iter());
    let mut bytes = Vec::new();
    for class in parts.into_iter().flatten() {
        let (name, length) = match class {
            Class::Integer => (*integers.next()?, 8),
            Class::Sse => (*vectors.next()?, 8),
            Class::X87 => ("st0", 16),
        };
        let mut part = held(name)?.bytes;
        part.resize(length, 0);
        bytes.extend(part);
    }
    Some(bytes)
}

/// Whether a type of C++ is copied byte by byte, without a function of its own or of a part.
fn is_plain(of: &Type, depth: u32) -> bool {
    let stripped = of.stripped();
    if depth > MAX_DEPTH {
        return false;
    }
    match stripped.shape() {
        Shape::Record(record) => {
            let part = |member: &Member| is_plain(&stripped.follow(&member.of), depth + 1);
            record.plain && !record.declaration && record.members.iter().all(part)
        }
        Shape::Array { .. } => {
            of.element().is_some_and(|(element, _)| is_plain(&element, depth + 1))
        }
        _ => true,
    }
}

/// Where a vector of this size is returned (System V ABI for x86-64, 3.2.3).
fn vector_register(size: u64) -> Option<&'static str> {
    match size {
        8 | 16 => Some("xmm0"),
        32 => Some("ymm0"),
        64 => Some("zmm0"),
        _ => None,
    }
}

/// Adds the classes of a type `offset` bytes from the start of the value.
fn classify(of: &Type, offset: u64, depth: u32, parts: &mut [Option<Class>; 2]) -> Option<()> {
    let stripped = of.stripped();
    let size = of.size()?;
    if depth > MAX_DEPTH || size == 0 {
        return None;
    }
    match stripped.shape() {
        Shape::Record(record) => {
            let one = |member: &Member| {
                let Offset::Bytes(bytes) = member.offset else { return None };
                let start = member.bits.map_or(bytes, |bits| bits.offset / 8);
                let of = stripped.follow(&member.of);
                classify(&of, offset.checked_add(start)?, depth + 1, parts)
            };
            record.members.iter().map(one).collect::<Option<Vec<()>>>()?;
            (!record.members.is_empty()).then_some(())
        }
        Shape::Array { .. } => {
            let (element, _) = of.element()?;
            let each = element.size().filter(|each| *each > 0)?;
            (0..size.min(IN_REGISTERS) / each)
                .map(|n| classify(&element, offset + n * each, depth + 1, parts))
                .collect()
        }
        Shape::Base { encoding: Encoding::Float, size: 10 | 16, .. } => {
            let whole = offset == 0 && *parts == [None; 2] && depth == 0;
            whole.then(|| parts[0] = Some(Class::X87))
        }
        Shape::Base { encoding: Encoding::Float, .. } => put(parts, offset, size, Class::Sse),
        Shape::Base { encoding: Encoding::Complex, .. } => None,
        Shape::Base { .. } | Shape::Pointer { .. } | Shape::Enumeration(_) => {
            put(parts, offset, size, Class::Integer)
        }
        _ => None,
    }
}

/// Of two classes in one eightbyte, INTEGER counts.
fn put(parts: &mut [Option<Class>; 2], offset: u64, size: u64, class: Class) -> Option<()> {
    let last = offset.checked_add(size)?.checked_sub(1)?;
    for index in offset / 8..=last / 8 {
        let part = parts.get_mut(usize::try_from(index).ok()?)?;
        *part = Some(if *part == Some(Class::Integer) { Class::Integer } else { class });
    }
    Some(())
}
