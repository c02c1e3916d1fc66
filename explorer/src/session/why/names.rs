//! What bytes are called, and what they hold, in the program's own terms.

use super::Extent;
use crate::dataflow::{Place as BytePlace, Span, register_name};
use crate::render::hex;
use crate::session::{Scene, Session, registers};
use crate::symbols::datatypes::{Bits, Encoding, Shape, Type};
use crate::timeline::StateError;
use crate::values::{Format, Place, Value};
use rdb_schema::registers::Gpr;

/// Frames whose variables are looked through.
const FRAMES: usize = 4;

/// Deepest nesting of members that a name goes into.
const DEPTH: u32 = 8;

/// Bytes of memory that are looked for in variables.
#[derive(Clone, Copy)]
struct Bytes {
    address: u64,
    length: u64,
    /// Which of their bits are meant, if not all.
    bits: Option<Bits>,
}

impl Bytes {
    fn new(of: &Extent, address: u64) -> Self {
        Self { address, length: of.span.length.into(), bits: of.bits }
    }
}

/// ` bits 3 to 7`.
fn of_bits(bits: Bits) -> String {
    let last = bits.offset.saturating_add(bits.size).saturating_sub(1);
    match bits.size {
        1 => format!(" bit {last}"),
        _ => format!(" bits {} to {last}", bits.offset),
    }
}

/// What bytes are called.
pub struct Name {
    /// `meter.scale`, `eax`, `0x7ffe…`.
    pub text: String,
    /// What a variable of that name holds, as `print` shows it.
    pub value: Option<String>,
}

impl Session {
    /// What bytes, or bits of them, are called at state `t`.
    pub(in crate::session) fn name_of(&self, of: &Extent, t: u64) -> Result<Name, StateError> {
        let found = self.variable_of(of, (self.timeline.thread(t)?, t))?;
        Ok(found.unwrap_or_else(|| self.name_without_variables(of, t)))
    }

    /// The variable, or the part of one, that bytes or bits of them are in a thread's frames at
    /// state `t`.
    pub(super) fn variable_of(
        &self,
        of: &Extent,
        (thread, t): (u32, u64),
    ) -> Result<Option<Name>, StateError> {
        let scene = self.scene_of(thread, t, FRAMES)?;
        let levels = || (0..FRAMES).map(|level| (scene.at_level(level), level));
        let own = levels().find_map(|(scene, level)| in_frame(&scene, of, level));
        let BytePlace::Memory(address) = of.span.place else { return Ok(own) };
        let fixed = || self.of_static(&scene.at_level(0), Bytes::new(of, address), t);
        let bytes = Bytes::new(of, address);
        let of_thread = |scene: &Scene<'_>| {
            let (name, value) = scene.thread_local_at(address)?;
            within(scene, name, &value, bytes)
        };
        let local = || levels().find_map(|(scene, _)| of_thread(&scene));
        let pointed = || levels().find_map(|(scene, _)| pointed_to(&scene, of));
        Ok(own.or_else(fixed).or_else(local).or_else(pointed))
    }

    /// The same of no variable.
    pub(super) fn name_without_variables(&self, of: &Extent, t: u64) -> Name {
        let (span, bits) = of.in_register();
        let name = self.plain_name_of(&span, t);
        Name { text: name.text + &bits.map_or_else(String::new, of_bits), ..name }
    }

    /// What `span` is called at state `t`, but for variables.
    pub(super) fn plain_name_of(&self, span: &Span, t: u64) -> Name {
        Name { text: self.bare_name(span, t), value: None }
    }

    /// The name of a variable outside functions.
    fn of_static(&self, scene: &Scene<'_>, bytes: Bytes, t: u64) -> Option<Name> {
        let (symbol, _) = self.locator.symbol(&self.timeline, t, bytes.address)?;
        let value = scene.static_at(&symbol, bytes.address)?;
        within(scene, symbol, &value, bytes)
    }

    fn bare_name(&self, span: &Span, t: u64) -> String {
        match span.place {
            BytePlace::Memory(address) => {
                self.symbol_at(t, address).unwrap_or_else(|| hex(address))
            }
            _ => register_name(span).unwrap_or_else(|| "registers".to_owned()),
        }
    }
}

/// The variable of a frame that has the bytes.
fn in_frame(scene: &Scene<'_>, of: &Extent, level: usize) -> Option<Name> {
    let (span, variables) = (&of.span, scene.variables()?);
    let in_scope = variables.iter().rev().filter(|variable| variable.in_scope);
    let values = in_scope.map(|variable| (variable.name.to_string(), scene.value_of(variable)));
    match span.place {
        BytePlace::Memory(address) => {
            let bytes = Bytes::new(of, address);
            let mut values = values;
            values.find_map(|(name, value)| within(scene, name, &value, bytes))
        }
        BytePlace::Register(offset) if level == 0 && offset < 16 * 8 => {
            let mut values = values;
            let (number, inside) = (usize::from(offset / 8), offset % 8);
            let (name, value) = values.find(|(_, value)| match &value.place {
                Place::Register(name) => {
                    inside == 0 && registers::part(name).is_some_and(|part| part.0 == number)
                }
                _ => false,
            })?;
            let register = Gpr::new(number as u8).map_or("", Gpr::name);
            let shown = (value.size() == Some(span.length.into())).then(|| shown(scene, &value));
            Some(Name { text: format!("{name} in {register}"), value: shown })
        }
        _ => None,
    }
}

/// What a variable of a frame points to that has the bytes.
fn pointed_to(scene: &Scene<'_>, of: &Extent) -> Option<Name> {
    let BytePlace::Memory(address) = of.span.place else { return None };
    let variables = scene.variables()?;
    let bytes = Bytes::new(of, address);
    variables.iter().rev().filter(|variable| variable.in_scope).find_map(|variable| {
        behind(scene, variable.name.as_ref(), &scene.value_of(variable), bytes)
    })
}

/// The name of what a pointer points to, if that has the bytes.
fn behind(scene: &Scene<'_>, name: &str, value: &Value, bytes: Bytes) -> Option<Name> {
    let mut pointee = value.pointee(scene)?;
    if matches!(pointee.of.stripped().shape(), Shape::Void) {
        // It has no values; of the byte there, a cast tells one.
        pointee = pointee.retyped(Type::base("char", 1, Encoding::SignedChar));
        return within(scene, format!("*(char *){name}"), &pointee, bytes);
    }
    let found = within(scene, String::new(), &pointee, bytes)?;
    let text = match found.text.strip_prefix('.') {
        _ if value.of.is_reference() => format!("{name}{}", found.text),
        Some(member) => format!("{name}->{member}"),
        None => format!("*{name}{}", found.text),
    };
    Some(Name { text, ..found })
}

/// The name of the smallest part of a variable that has the bytes.
fn within(scene: &Scene<'_>, name: String, value: &Value, bytes: Bytes) -> Option<Name> {
    let (mut text, mut value) = (name, value.clone());
    holds(&value, bytes).then_some(())?;
    for _ in 0..DEPTH {
        let Some((step, part)) = part_with(scene, &value, bytes) else { break };
        text += &step;
        value = part;
    }
    let (address, size) = (value.address()?, value.size());
    let whole = address == bytes.address
        && value.bits == bytes.bits
        && (bytes.bits.is_some() || size == Some(bytes.length));
    if let Some(bits) = bytes.bits.filter(|_| !whole) {
        let before = bytes.address.saturating_sub(address).saturating_mul(8);
        text += &of_bits(Bits { offset: bits.offset.saturating_add(before), ..bits });
    } else if !whole {
        let first = bytes.address.saturating_sub(address);
        let last = first.saturating_add(bytes.length).saturating_sub(1);
        text += &if first == last {
            format!(" byte {first}")
        } else {
            format!(" bytes {first} to {last}")
        };
    }
    Some(Name { text, value: whole.then(|| shown(scene, &value)) })
}

/// The member or element of a value that has the bytes.
fn part_with(scene: &Scene<'_>, value: &Value, bytes: Bytes) -> Option<(String, Value)> {
    let stripped = value.of.stripped();
    match stripped.shape() {
        Shape::Record(record) => record.members.iter().find_map(|member| {
            let part = value.member(member, scene)?;
            let fits =
                part.bits == bytes.bits.filter(|_| part.bits.is_some()) && holds(&part, bytes);
            let name = member.name.as_deref().filter(|_| !member.base);
            fits.then(|| (name.map_or_else(String::new, |name| format!(".{name}")), part))
        }),
        Shape::Array { .. } => {
            let size = value.of.element()?.0.size().filter(|size| *size > 0)?;
            let index = bytes.address.checked_sub(value.address()?)? / size;
            let part = value.element(index.into())?;
            holds(&part, bytes).then(|| (format!("[{index}]"), part))
        }
        _ => None,
    }
}

fn holds(value: &Value, Bytes { address, length, .. }: Bytes) -> bool {
    let (Some(start), Some(size)) = (value.address(), value.size()) else { return false };
    let end = start.saturating_add(size);
    start <= address && address.saturating_add(length) <= end
}

fn shown(scene: &Scene<'_>, value: &Value) -> String {
    scene.text(value, Format::default())
}
