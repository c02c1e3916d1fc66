//! What a question about writes is about: a register, or a range of memory.

use super::{Kept, Scene, Session, registers};
use crate::expression::{self, ExpressionError, Operand, Parsed};
use crate::index::register_bits;
use crate::symbols::datatypes::{Bits, Type};
use crate::symbols::location::Missing;
use crate::values::{Place, Value};
use serde::Serialize;
use std::ops::Range;

/// Most bytes of a range that a question may be about.
pub const MAX_BYTES: u64 = 1 << 20;

/// Bytes of what only an address is known of.
const WORD: u64 = 8;

/// What is written, or read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Subject {
    /// A register, by its name without `$`.
    Register {
        /// Whose, if there are several threads.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<u32>,
        /// Its name.
        name: String,
    },
    /// A variable whose place changes.
    Variable(Kept),
    /// Memory.
    Memory {
        /// First address.
        #[serde(serialize_with = "crate::render::serialize_hex")]
        #[serde(deserialize_with = "crate::render::deserialize_hex")]
        address: u64,
        /// How many bytes.
        bytes: u64,
        /// Of a bit-field: which of their bits it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bits: Option<Bits>,
    },
}

/// Why text names no subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Not an expression.
    #[error("{0}")]
    Expression(#[from] ExpressionError),
    /// A range that ends before it starts, or is too large.
    #[error("{0} bytes are not a range that can be asked about (1 to {MAX_BYTES})")]
    Range(i128),
    /// The program counter.
    #[error("every instruction writes ${0}")]
    Always(String),
    /// No such register.
    #[error("no register ${0}")]
    Register(String),
    /// A value that is computed of others.
    #[error("{0} is computed, and kept nowhere: ask about what it is made of, {1}")]
    Computed(String, String),
    /// A variable that is kept nowhere.
    #[error("{0} has no place here: its value is known, but kept in no memory and no register")]
    Nowhere(String),
    /// A variable of which nothing is known.
    #[error("{}", unknown(.0, .1))]
    Unknown(String, Missing),
    /// A variable in several places.
    #[error("{0:?} is kept in several places here: name one of them, a register or an address")]
    Pieces(String),
}

/// That a variable has no place, and why.
fn unknown(name: &str, why: &Missing) -> String {
    match why {
        Missing::OptimizedOut => format!("{name} is optimized out here"),
        why => format!("{name} has no place here: {why}"),
    }
}

impl Subject {
    /// Whether it is one that [`Session::subject`] could give.
    pub fn is_possible(&self) -> bool {
        match self {
            Self::Register { name, .. } => {
                matches!(register(name), Ok(Self::Register { name: own, .. }) if own == *name)
            }
            Self::Memory { address, bytes, bits } => {
                let fits = |bits: &Bits| field_bytes(*bits) == Some(*bytes);
                memory(*address, (*bytes).into()).is_ok() && bits.as_ref().is_none_or(fits)
            }
            Self::Variable(kept) => kept.is_possible(),
        }
    }

    /// The bits of a register, as the index knows them; none if there is no such register.
    pub(super) fn bits_of(name: &str) -> u64 {
        register_bits(|all| registers::read(all, name))
    }

    /// The addresses of memory.
    pub fn addresses(&self) -> Option<Range<u64>> {
        match self {
            Self::Memory { address, bytes, .. } => Some(*address..address.saturating_add(*bytes)),
            Self::Register { .. } | Self::Variable(_) => None,
        }
    }

    /// Which bits of memory a bit-field is.
    pub fn bits(&self) -> Option<Bits> {
        match self {
            Self::Memory { bits, .. } => *bits,
            Self::Register { .. } | Self::Variable(_) => None,
        }
    }
}

impl Session {
    /// What `text` means at the cursor: `$rax`; a variable or a part of one, with its own
    /// size or `size`; an address, of what it points to or else of 8 bytes; or
    /// `FIRST..END`. What is computed of variables and is no pointer is no address.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub fn subject(&self, text: &str, size: Option<u64>) -> Result<Subject, SubjectError> {
        self.typed_subject(text, size).map(|(subject, _)| subject)
    }

    /// The same, with its type if it has one.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub fn typed_subject(
        &self,
        text: &str,
        size: Option<u64>,
    ) -> Result<(Subject, Option<Type>), SubjectError> {
        let scene = self.scene().map_err(|error| super::state_fault(text, &error))?;
        self.subject_in(&scene, text, size)
    }

    /// What a question about the writes of `text` is about: as [`Self::typed_subject`], but that
    /// a variable is followed from place to place.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub fn written_subject(
        &self,
        text: &str,
        size: Option<u64>,
    ) -> Result<(Subject, Option<Type>), SubjectError> {
        let scene = self.scene().map_err(|error| super::state_fault(text, &error))?;
        self.written_in(&scene, text, size)
    }

    /// What a question about the reads of `text` is about: as [`Self::written_subject`], but that
    /// a variable whose one place is its own in its block alone is that place.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub fn read_subject(
        &self,
        text: &str,
        size: Option<u64>,
    ) -> Result<(Subject, Option<Type>), SubjectError> {
        match self.written_subject(text, size)? {
            (Subject::Variable(kept), _) if kept.in_block => self.typed_subject(text, size),
            other => Ok(other),
        }
    }

    /// The same, of what `text` means in a scene.
    pub(super) fn written_in(
        &self,
        scene: &Scene<'_>,
        text: &str,
        size: Option<u64>,
    ) -> Result<(Subject, Option<Type>), SubjectError> {
        if size.is_none()
            && let Some((kept, variable)) = scene.kept_variable(text.trim())
        {
            let of = scene.value_of(&variable).of;
            return Ok((Subject::Variable(kept), Some(of)));
        }
        self.subject_in(scene, text, size)
    }

    /// What a watchpoint is of: as [`Self::written_subject`], but that what is computed of
    /// variables and registers is no address.
    ///
    /// # Errors
    /// [`SubjectError`]; of a computed value, with what to watch instead.
    pub fn watched_subject(&self, text: &str, size: Option<u64>) -> Result<Subject, SubjectError> {
        let scene = self.scene().map_err(|error| super::state_fault(text, &error))?;
        let kept = scene.kept_variable(text.trim());
        let range = text.contains("..");
        if !range && kept.is_none() {
            refuse_computed(&scene, text.trim(), |_| true)?;
        }
        match kept.filter(|_| size.is_none()) {
            Some((kept, _)) => Ok(Subject::Variable(kept)),
            None => self.subject_in(&scene, text, size).map(|(subject, _)| subject),
        }
    }

    /// The same as [`Self::typed_subject`], of what `text` means in a scene.
    pub(super) fn subject_in(
        &self,
        scene: &Scene<'_>,
        text: &str,
        size: Option<u64>,
    ) -> Result<(Subject, Option<Type>), SubjectError> {
        let text = text.trim();
        let address_of = |text: &str| expression::address(text, scene);
        if let Some(name) = text.strip_prefix('$')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Ok((self.own(register(name)?), None));
        }
        if let Some((first, end)) = text.split_once("..") {
            let (address, end) = (address_of(first)?, address_of(end)?);
            return Ok((memory(address, i128::from(end) - i128::from(address))?, None));
        }
        // A reference is what it refers to.
        let value = scene.evaluate(text)?.value.referent(scene);
        if let (Some(bits), Some(address), None) = (value.bits, value.address(), size) {
            return Ok((field(address, bits)?, Some(value.of)));
        }
        let own = value.size().filter(|_| value.bits.is_none()).map(|_| value.of.clone());
        let (address, of) = match &value.place {
            Place::Memory(address) => (*address, own),
            Place::Register(name) => return Ok((self.own(register(name)?), own)),
            Place::Pieces(_) => return Err(SubjectError::Pieces(text.to_owned())),
            Place::None => {
                if Parsed::new(text, scene)?.is_name() {
                    return Err(nowhere(scene, text, &value));
                }
                let of = value.of.target();
                if of.is_none() {
                    refuse_computed(scene, text, |operand| operand.named)?;
                }
                (address_of(text)?, of)
            }
        };
        let known = if of.is_some() { of.as_ref().and_then(Type::size) } else { value.size() };
        let bytes = size.or(known.filter(|bytes| *bytes > 0)).unwrap_or(WORD);
        Ok((memory(address, bytes.into())?, of.filter(|of| of.size() == Some(bytes))))
    }
}

impl Session {
    /// A register as the selected thread's.
    fn own(&self, subject: Subject) -> Subject {
        match subject {
            Subject::Register { name, .. } => {
                let thread = self.thread().ok().filter(|_| self.has_threads());
                Subject::Register { name, thread }
            }
            other => other,
        }
    }
}

/// Parts of a computed value that are told.
const MOST_PARTS: usize = 4;

/// That a value is kept nowhere, or not known.
fn nowhere(scene: &Scene<'_>, text: &str, value: &Value) -> SubjectError {
    let text = text.to_owned();
    match value.wholly_missing(scene) {
        Some(why) => SubjectError::Unknown(text, why),
        None => SubjectError::Nowhere(text),
    }
}

/// Refuses what is computed, if some of what it is computed of is `telling`.
fn refuse_computed(
    scene: &Scene<'_>,
    text: &str,
    telling: impl Fn(&Operand) -> bool,
) -> Result<(), SubjectError> {
    let parsed = Parsed::new(text, scene)?;
    let value = parsed.evaluate(scene)?.value;
    if value.place != Place::None {
        return Ok(());
    }
    let operands = parsed.operands(scene)?;
    let mut told: Vec<String> = operands.iter().filter_map(kept_as).collect();
    told.dedup();
    told.truncate(MOST_PARTS);
    match (operands.iter().any(telling), told.is_empty()) {
        (false, _) => Ok(()),
        (true, true) => Err(nowhere(scene, text, &value)),
        (true, false) => Err(SubjectError::Computed(text.to_owned(), told.join(", "))),
    }
}

/// What is kept where an operand is, as an expression.
fn kept_as(Operand { value, .. }: &Operand) -> Option<String> {
    match &value.place {
        Place::Memory(address) => Some(format!("*({} *) {address:#x}", value.of.name())),
        Place::Register(name) => Some(format!("${name}")),
        Place::None | Place::Pieces(_) => None,
    }
}

fn register(name: &str) -> Result<Subject, SubjectError> {
    match registers::read(&rdb_schema::registers::Registers::default(), name) {
        None => Err(SubjectError::Register(name.to_owned())),
        Some(value) if value.name.ends_with("ip") => Err(SubjectError::Always(name.to_owned())),
        Some(value) => Ok(Subject::Register { name: value.name, thread: None }),
    }
}

fn memory(address: u64, bytes: i128) -> Result<Subject, SubjectError> {
    match u64::try_from(bytes) {
        Ok(bytes @ 1..=MAX_BYTES) => Ok(Subject::Memory { address, bytes, bits: None }),
        _ => Err(SubjectError::Range(bytes)),
    }
}

/// Most bits of a field: what integers have.
const MAX_BITS: u64 = 64;

/// How many bytes a field lies in that begins in the first of them.
fn field_bytes(bits: Bits) -> Option<u64> {
    let possible = bits.offset < 8 && (1..=MAX_BITS).contains(&bits.size);
    possible.then(|| (bits.offset + bits.size).div_ceil(8))
}

fn field(address: u64, bits: Bits) -> Result<Subject, SubjectError> {
    let bytes = field_bytes(bits).ok_or(SubjectError::Range(bits.size.into()))?;
    Ok(Subject::Memory { address, bytes, bits: Some(bits) })
}
