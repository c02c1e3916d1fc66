//! Where the values of variables are (DWARF 5, 2.6): memory, registers, constants, or pieces
//! of all of these, as seen from one frame.

mod entry_value;
mod evaluate;
mod frame;
mod list;

pub use frame::{Fixed, Frame};

use evaluate::Needs;
use gimli::AttributeValue;
use list::List;
use std::ops::Range;

use super::dies::{DieRef, Dies, Entry, Expression, constant};
use super::guard::guarded;

/// Most entries of a location list looked at.
const MAX_ENTRIES: usize = 1 << 16;

/// Most pieces of one value.
const MAX_PIECES: usize = 4096;

/// Why (a part of) a value is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The program does not keep it here.
    #[error("optimized out")]
    OptimizedOut,
    /// Memory is not known.
    #[error("memory at {0:#x} is not known at this tracepoint")]
    Memory(u64),
    /// A register's content is not known in an outer frame.
    #[error("register {0} is not known in this frame")]
    Register(String),
    /// The caller does not say what it passed.
    #[error("its value at the call is not known")]
    EntryValue,
    /// The address depends on a thread's own storage that cannot be found.
    #[error("the address of this thread-local variable is not known")]
    ThreadLocal,
    /// The thread has no storage of its own yet, or none for this module.
    #[error("this thread's storage for its thread-local variables is not set up yet")]
    NotSetUp,
    /// Each object of a class has one of its own.
    #[error("{0} is a member of each object, and there is no object of that class here")]
    NoObject(String),
    /// Something else is where its module was, or will be.
    #[error("it is a variable of {0}, which is not loaded here")]
    NotLoaded(String),
    /// Only a frame has it.
    #[error("there is no frame to look in")]
    NoFrame,
    /// The debug information makes no sense, or uses what nobody specified.
    #[error("its place cannot be computed: {0}")]
    Unusable(String),
}

/// Where one piece of a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// In memory, at a run-time address.
    Memory(u64),
    /// In a register, by DWARF number.
    Register(u16),
    /// Nowhere, but known: little-endian bytes.
    Value(Vec<u8>),
    /// Nowhere: it points to another variable that may not be in memory.
    ImplicitPointer {
        /// The variable.
        die: DieRef,
        /// Bytes into it.
        offset: i64,
    },
    /// The program does not keep it.
    OptimizedOut,
    /// It could not be found out.
    Missing(Missing),
}

/// A piece of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How many bits; none: the whole value.
    pub bits: Option<u64>,
    /// From which bit of what is there.
    pub bit_offset: u64,
    /// What is there.
    pub at: At,
}

/// Where a value is: its pieces, lowest bits first. At least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(pub Vec<Piece>);

impl Location {
    /// All of it in one place.
    pub fn whole(at: At) -> Self {
        Self(vec![Piece { bits: None, bit_offset: 0, at }])
    }
}

impl Dies {
    /// Where the variable that `die` declares is, in `frame`, which may be no real one for
    /// variables with static storage.
    ///
    /// # Errors
    /// Why it is nowhere.
    pub fn locate(&self, die: DieRef, frame: &dyn Frame) -> Result<Location, Missing> {
        let located = guarded(|| Some(self.locate_unguarded(die, frame)));
        located.unwrap_or_else(|| Err(Missing::Unusable("malformed debug information".to_owned())))
    }

    fn locate_unguarded(&self, die: DieRef, frame: &dyn Frame) -> Result<Location, Missing> {
        let unreadable = || Missing::Unusable("malformed debug information".to_owned());
        let entry = self.entry(die).ok_or_else(unreadable)?;
        let constant = entry.inherited(|entry| entry.attribute(gimli::DW_AT_const_value));
        if let Some(constant) = constant {
            return constant_bytes(&entry, &constant)
                .map(|bytes| Location::whole(At::Value(bytes)));
        }
        let (owner, place) = placed(entry).ok_or(Missing::OptimizedOut)?;
        let expression = expression_at(&owner, place, frame)?;
        evaluate::locate(&owner, expression, frame)
    }
}

/// The entry that says where a variable is, itself or what it is a copy of, and what that says.
fn placed(entry: Entry<'_>) -> Option<(Entry<'_>, AttributeValue<super::Reader>)> {
    if let Some(place) = entry.attribute(gimli::DW_AT_location) {
        return Some((entry, place));
    }
    let origin = entry.origin()?;
    let place = origin.attribute(gimli::DW_AT_location)?;
    Some((origin, place))
}

/// The expression that holds in `frame`: the only one, or one of a location list. As in gdb, an
/// empty range where a function begins is about the moment at which it is entered: GCC makes those
/// where its first statements, which have no code, change the variable.
fn expression_at(
    entry: &Entry<'_>,
    value: AttributeValue<super::Reader>,
    frame: &dyn Frame,
) -> Result<Expression, Missing> {
    if let AttributeValue::Exprloc(expression) = value {
        return non_empty(entry, expression);
    }
    if let AttributeValue::Block(bytes) = value {
        return non_empty(entry, gimli::Expression(bytes));
    }
    let pc = frame.pc();
    let bad = |error: gimli::Error| Missing::Unusable(error.to_string());
    let list = List::of(entry, value).map_err(bad)?;
    let mut list = list.ok_or_else(|| Missing::Unusable("no location list".to_owned()))?;
    for _ in 0..MAX_ENTRIES {
        let Some((range, expression)) = list.next().map_err(bad)? else { break };
        let is_entered = || frame.is_entered_at(pc.wrapping_add(frame.bias()));
        if range.contains(&pc) || range.is_empty() && range.start == pc && is_entered() {
            return non_empty(entry, expression);
        }
    }
    Err(Missing::OptimizedOut)
}

/// An empty expression: optimised out (DWARF 5, 2.6.1.1.4).
fn non_empty(entry: &Entry<'_>, expression: Expression) -> Result<Expression, Missing> {
    match gimli::Reader::len(&expression.0) {
        0 => Err(Missing::OptimizedOut),
        length => Ok(without_uninit(entry, expression, length)),
    }
}

/// The same without DW_OP_GNU_uninit at its end, which says of the place that nothing may have
/// been put there yet (include/dwarf2.def of binutils).
fn without_uninit(entry: &Entry<'_>, expression: Expression, length: usize) -> Expression {
    const UNINIT: u8 = 0xf0;
    let mut operations = expression.clone().operations(entry.unit().encoding());
    while operations.offset_from(&expression) < length - 1 {
        if !matches!(operations.next(), Ok(Some(_))) {
            return expression;
        }
    }
    let ends = operations.offset_from(&expression) == length - 1;
    let mut last = expression.0.clone();
    match gimli::Reader::split(&mut last, length - 1) {
        Ok(before) if ends && gimli::Reader::read_u8(&mut last) == Ok(UNINIT) => {
            gimli::Expression(before)
        }
        _ => expression,
    }
}

/// The bytes of DW_AT_const_value, wide enough for any integer.
fn constant_bytes(
    entry: &Entry<'_>,
    value: &AttributeValue<super::Reader>,
) -> Result<Vec<u8>, Missing> {
    if let AttributeValue::Block(bytes) = value {
        return gimli::Reader::to_slice(bytes)
            .map(|bytes| bytes.to_vec())
            .map_err(|error| Missing::Unusable(error.to_string()));
    }
    if let Some(value) = constant(value) {
        return Ok(value.to_le_bytes().to_vec());
    }
    let text = entry.dwarf().attr_string(entry.unit(), value.clone());
    let text = text.map_err(|_| Missing::Unusable("unknown form of a constant".to_owned()))?;
    let text = gimli::Reader::to_slice(&text).map(|bytes| bytes.to_vec());
    text.map(|bytes| [bytes, vec![0]].concat()).map_err(|e| Missing::Unusable(e.to_string()))
}

/// A place of a location list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// A register, by its DWARF number.
    Register(u16),
    /// Memory, at an address that is the same as long as the frame is there.
    Memory(u64),
    /// A value that is computed of registers alone, by their DWARF numbers.
    Computed(Vec<u16>),
    /// Memory, at an address that is computed of registers, by their DWARF numbers.
    Indirect {
        /// The registers.
        registers: Vec<u16>,
        /// Whether they are all that it is computed of; else, of memory as well.
        whole: bool,
    },
    /// Several places, or what else is computed.
    Other,
}

fn listed(entry: &Entry<'_>, expression: Expression, frame: &dyn Frame) -> Listed {
    let encoding = entry.unit().encoding();
    if let Some(register) = evaluate::register(expression.clone(), encoding) {
        return Listed::Register(register);
    }
    let Some(needs) = evaluate::needs(expression.clone(), encoding) else { return Listed::Other };
    match needs {
        Needs { computes: true, reads: false, registers } => Listed::Computed(registers),
        Needs { computes: true, .. } => Listed::Other,
        Needs { reads: false, registers, .. } if registers.is_empty() => {
            let place = evaluate::locate(entry, expression, frame).ok();
            match place.as_ref().map(|place| place.0.as_slice()) {
                Some([Piece { at: At::Memory(address), bits: None, .. }]) => {
                    Listed::Memory(*address)
                }
                _ => Listed::Other,
            }
        }
        Needs { reads, registers, .. } => Listed::Indirect { registers, whole: !reads },
    }
}

/// The ranges of module addresses in which a variable with a location list is somewhere;
/// `None` if its place does not depend on the pc.
pub(super) fn lifetimes(entry: &Entry<'_>) -> Option<Vec<(u64, u64)>> {
    let value = entry.attribute(gimli::DW_AT_location)?;
    if matches!(value, AttributeValue::Exprloc(_) | AttributeValue::Block(_)) {
        return None;
    }
    let mut list = List::of(entry, value).ok()??;
    let mut found = Vec::new();
    while let Ok(Some((range, expression))) = list.next() {
        if !range.is_empty() && gimli::Reader::len(&expression.0) > 0 {
            found.push((range.start, range.end));
        }
        if found.len() >= MAX_ENTRIES {
            break;
        }
    }
    Some(found)
}

impl Dies {
    /// The places of a variable's location list, as they are seen from `frame`, and the module
    /// addresses where each holds, unless an earlier one does; `None` if its place does not
    /// change.
    pub fn listed_places(
        &self,
        die: DieRef,
        frame: &dyn Frame,
    ) -> Option<Vec<(Range<u64>, Listed)>> {
        guarded(|| {
            let (owner, place) = placed(self.entry(die)?)?;
            if matches!(place, AttributeValue::Exprloc(_) | AttributeValue::Block(_)) {
                return None;
            }
            let mut list = List::of(&owner, place).ok()??;
            let mut found = Vec::new();
            while let Ok(Some((range, expression))) = list.next()
                && found.len() < MAX_ENTRIES
            {
                let Ok(expression) = non_empty(&owner, expression) else { continue };
                found.push((range, listed(&owner, expression, frame)));
            }
            Some(found)
        })
    }

    /// The place of a variable that does not change as long as its block runs, as it is seen from
    /// `frame`; `None` if it has none, or one by location list.
    pub fn only_place(&self, die: DieRef, frame: &dyn Frame) -> Option<Listed> {
        guarded(|| {
            let (owner, place) = placed(self.entry(die)?)?;
            Some(listed(&owner, place.exprloc_value()?, frame))
        })
    }

    /// How many elements the dimension has that the subrange `die` describes.
    pub fn count(&self, die: DieRef, frame: &dyn Frame) -> Option<u64> {
        guarded(|| {
            let range = self.entry(die)?;
            let read = |name| self.computed(&range, range.attribute(name)?, frame);
            read(gimli::DW_AT_count).or_else(|| {
                let lower = range.unsigned(gimli::DW_AT_lower_bound).unwrap_or(0);
                read(gimli::DW_AT_upper_bound)?.wrapping_add(1).checked_sub(lower)
            })
        })
    }

    /// A number an attribute states: itself, an expression, or a variable that holds it.
    fn computed(
        &self,
        entry: &Entry<'_>,
        value: AttributeValue<super::Reader>,
        frame: &dyn Frame,
    ) -> Option<u64> {
        if let Some(number) = value.udata_value() {
            return Some(number);
        }
        let expression = match entry.resolve(value.clone()) {
            Some(variable) => return self.held(variable, frame),
            None => value.exprloc_value()?,
        };
        evaluate::number(entry, expression, frame, None, 0).ok()
    }

    /// The number a variable holds: the compiler's own, for the bound of an array.
    fn held(&self, variable: DieRef, frame: &dyn Frame) -> Option<u64> {
        let Location(pieces) = self.locate(variable, frame).ok()?;
        let [piece] = pieces.as_slice() else { return None };
        let word = |bytes: &[u8]| bytes.iter().take(8).rev().fold(0, |n, b| n << 8 | u64::from(*b));
        match &piece.at {
            At::Memory(address) => {
                let mut bytes = [0; 8];
                frame.memory(*address, &mut bytes).then(|| word(&bytes))
            }
            At::Register(number) => frame.register(*number).map(|bytes| word(&bytes)),
            At::Value(bytes) => Some(word(bytes)),
            _ => None,
        }
    }

    /// The address of the part of the object at `object` that the member `die` is.
    pub fn member_address(&self, die: DieRef, object: u64, frame: &dyn Frame) -> Option<u64> {
        guarded(|| {
            let entry = self.entry(die)?;
            let value = entry.attribute(gimli::DW_AT_data_member_location)?;
            evaluate::number(&entry, value.exprloc_value()?, frame, Some(object), 0).ok()
        })
    }
}
