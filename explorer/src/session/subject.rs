//! What a question about writes is about: a register, or a range of memory.

use super::{Session, registers};
use crate::expression::ExpressionError;
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
        /// Its name.
        name: String,
    },
    /// Memory.
    Memory {
        /// First address.
        #[serde(serialize_with = "crate::render::serialize_hex")]
        #[serde(deserialize_with = "crate::render::deserialize_hex")]
        address: u64,
        /// How many bytes.
        bytes: u64,
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
    /// A variable in several places.
    #[error("{0:?} is kept in several places here: name one of them, a register or an address")]
    Pieces(String),
}

impl Subject {
    /// Whether it is one that [`Session::subject`] could give.
    pub fn is_possible(&self) -> bool {
        match self {
            Self::Register { name } => register(name).as_ref() == Ok(self),
            Self::Memory { address, bytes } => memory(*address, (*bytes).into()).is_ok(),
        }
    }

    /// The addresses of memory.
    pub fn addresses(&self) -> Option<Range<u64>> {
        match self {
            Self::Memory { address, bytes } => Some(*address..address.saturating_add(*bytes)),
            Self::Register { .. } => None,
        }
    }
}

impl Session {
    /// What `text` means at the cursor: `$rax`; a variable or a part of one, with its own
    /// size or `size`; an address, of what it points to or else of 8 bytes; or
    /// `FIRST..END`.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub fn subject(&self, text: &str, size: Option<u64>) -> Result<Subject, SubjectError> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix('$')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return register(name);
        }
        if let Some((first, end)) = text.split_once("..") {
            let (address, end) = (self.address(first)?, self.address(end)?);
            return memory(address, i128::from(end) - i128::from(address));
        }
        let value = self.evaluate(text)?;
        match &value.place {
            Place::Memory(address) => {
                memory(*address, size.or(value.size()).unwrap_or(WORD).into())
            }
            Place::Register(name) => register(name),
            Place::Pieces(_) => Err(SubjectError::Pieces(text.to_owned())),
            Place::None => {
                let bytes = size.or(pointed_to(&value)).unwrap_or(WORD);
                memory(self.address(text)?, bytes.into())
            }
        }
    }
}

/// Bytes of what a pointer points to, if that is known.
fn pointed_to(pointer: &Value) -> Option<u64> {
    pointer.of.target()?.size().filter(|bytes| *bytes > 0)
}

fn register(name: &str) -> Result<Subject, SubjectError> {
    match registers::read(&rdb_schema::registers::Registers::default(), name) {
        None => Err(SubjectError::Register(name.to_owned())),
        Some(value) if value.name.ends_with("ip") => Err(SubjectError::Always(name.to_owned())),
        Some(value) => Ok(Subject::Register { name: value.name }),
    }
}

fn memory(address: u64, bytes: i128) -> Result<Subject, SubjectError> {
    match u64::try_from(bytes) {
        Ok(bytes @ 1..=MAX_BYTES) => Ok(Subject::Memory { address, bytes }),
        _ => Err(SubjectError::Range(bytes)),
    }
}
