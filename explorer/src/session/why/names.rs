//! What bytes are called, and what they hold, in the program's own terms.

use crate::dataflow::{Place as BytePlace, Span, register_name};
use crate::expression::Environment;
use crate::render::hex;
use crate::session::{Scene, Session, registers};
use crate::symbols::datatypes::Shape;
use crate::timeline::StateError;
use crate::values::{Format, Place, Value};
use rdb_schema::registers::Gpr;

/// Frames whose variables are looked through.
const FRAMES: usize = 4;

/// Deepest nesting of members that a name goes into.
const DEPTH: u32 = 8;

/// What bytes are called.
pub struct Name {
    /// `meter.scale`, `eax`, `0x7ffe…`.
    pub text: String,
    /// What a variable of that name holds, as `print` shows it.
    pub value: Option<String>,
}

impl Session {
    /// What `span` is called at state `t`.
    pub(in crate::session) fn name_of(&self, span: &Span, t: u64) -> Result<Name, StateError> {
        let scene = self.scene_at(t, FRAMES)?;
        for level in 0..FRAMES {
            let scene = scene.at_level(level);
            if let Some(name) = in_frame(&scene, span, level) {
                return Ok(name);
            }
        }
        let fixed = match span.place {
            BytePlace::Memory(address) => {
                self.of_static(&scene.at_level(0), address, span.length, t)
            }
            _ => None,
        };
        Ok(fixed.unwrap_or_else(|| self.plain_name_of(span, t)))
    }

    /// What `span` is called at state `t`, but for variables.
    pub(super) fn plain_name_of(&self, span: &Span, t: u64) -> Name {
        Name { text: self.bare_name(span, t), value: None }
    }

    /// The name of a variable outside functions.
    fn of_static(&self, scene: &Scene<'_>, address: u64, length: u32, t: u64) -> Option<Name> {
        let (symbol, _) = self.locator.symbol(&self.timeline, t, address)?;
        let value = scene.named(&symbol).ok()?;
        within(scene, symbol, &value, (address, length.into()))
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
fn in_frame(scene: &Scene<'_>, span: &Span, level: usize) -> Option<Name> {
    let variables = scene.variables()?;
    let in_scope = variables.iter().rev().filter(|variable| variable.in_scope);
    let values = in_scope.map(|variable| (variable.name.to_string(), scene.value_of(variable)));
    match span.place {
        BytePlace::Memory(address) => {
            let bytes = (address, span.length.into());
            let values: Vec<_> = values.collect();
            let own = |(name, value): &(String, Value)| within(scene, name.clone(), value, bytes);
            let found = values.iter().find_map(own);
            found.or_else(|| {
                values.iter().find_map(|(name, value)| behind(scene, name, value, bytes))
            })
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

/// The name of what a pointer points to, if that has the bytes.
fn behind(scene: &Scene<'_>, name: &str, value: &Value, bytes: (u64, u64)) -> Option<Name> {
    let pointee = value.pointee(scene)?;
    let found = within(scene, String::new(), &pointee, bytes)?;
    let text = match found.text.strip_prefix('.') {
        _ if value.of.is_reference() => format!("{name}{}", found.text),
        Some(member) => format!("{name}->{member}"),
        None => format!("*{name}{}", found.text),
    };
    Some(Name { text, ..found })
}

/// The name of the smallest part of a variable that has the bytes: address and length.
fn within(scene: &Scene<'_>, name: String, value: &Value, bytes: (u64, u64)) -> Option<Name> {
    let (mut text, mut value) = (name, value.clone());
    holds(&value, bytes).then_some(())?;
    for _ in 0..DEPTH {
        let Some((step, part)) = part_with(scene, &value, bytes) else { break };
        text += &step;
        value = part;
    }
    let whole = value.address() == Some(bytes.0) && value.size() == Some(bytes.1);
    if !whole {
        let first = bytes.0.saturating_sub(value.address()?);
        let last = first.saturating_add(bytes.1).saturating_sub(1);
        text += &if first == last {
            format!(" byte {first}")
        } else {
            format!(" bytes {first} to {last}")
        };
    }
    Some(Name { text, value: whole.then(|| shown(scene, &value)) })
}

/// The member or element of a value that has the bytes.
fn part_with(scene: &Scene<'_>, value: &Value, bytes: (u64, u64)) -> Option<(String, Value)> {
    let stripped = value.of.stripped();
    match stripped.shape() {
        Shape::Record(record) => record.members.iter().find_map(|member| {
            let part = value.member(member, scene)?;
            let fits = part.bits.is_none() && holds(&part, bytes);
            let name = member.name.as_deref().filter(|_| !member.base);
            fits.then(|| (name.map_or_else(String::new, |name| format!(".{name}")), part))
        }),
        Shape::Array { .. } => {
            let size = value.of.element()?.0.size().filter(|size| *size > 0)?;
            let index = bytes.0.checked_sub(value.address()?)? / size;
            let part = value.element(index.into())?;
            holds(&part, bytes).then(|| (format!("[{index}]"), part))
        }
        _ => None,
    }
}

fn holds(value: &Value, (address, length): (u64, u64)) -> bool {
    let (Some(start), Some(size)) = (value.address(), value.size()) else { return false };
    let end = start.saturating_add(size);
    start <= address && address.saturating_add(length) <= end
}

fn shown(scene: &Scene<'_>, value: &Value) -> String {
    scene.text(value, Format::default())
}
