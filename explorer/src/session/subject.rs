//! What a question about writes is about: a register, or a range of memory.

use super::{Session, registers};
use crate::expression::{ExpressionError, number};
use serde::Serialize;
use std::ops::Range;

/// Most bytes of a range that a question may be about.
pub const MAX_BYTES: u64 = 1 << 20;

/// What is written, or read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
}

impl Subject {
    /// The addresses of memory.
    pub fn addresses(&self) -> Option<Range<u64>> {
        match self {
            Self::Memory { address, bytes } => Some(*address..address.saturating_add(*bytes)),
            Self::Register { .. } => None,
        }
    }
}

impl Session {
    /// What `text` means at the cursor: `$rax`; a variable, with its own size; an
    /// address, of `size` bytes or else 8; or `FIRST..END`.
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
            let (address, end) = (self.evaluate(first)?, self.evaluate(end)?);
            return memory(address, i128::from(end) - i128::from(address));
        }
        let name = text.strip_prefix('&').unwrap_or(text).trim();
        let symbol = || self.locator.named(&self.timeline, name);
        let plain =
            !name.is_empty() && number(name).is_none() && !name.contains(['$', '+', '-', '*']);
        if let Some((address, own)) = plain.then(symbol).flatten() {
            return memory(address, size.unwrap_or(if own == 0 { 8 } else { own }).into());
        }
        memory(self.evaluate(text)?, size.unwrap_or(8).into())
    }
}

fn register(name: &str) -> Result<Subject, SubjectError> {
    match registers::read(&rdb_schema::registers::Registers::default(), name) {
        None => Err(ExpressionError::Register(name.to_owned()).into()),
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
