//! A value.

use super::Target;
use super::bytes::{Bytes, MAX_BYTES};
use crate::symbols::datatypes::{Bits, Type};
use crate::symbols::location::{At, Location, Missing};
use crate::symbols::{DieRef, Dies};
use std::sync::Arc;

/// Where a value is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: it was computed, or the program does not keep it.
    None,
    /// In memory, from this address on.
    Memory(u64),
    /// In the register of this name; of an outer frame, where that one's callees keep it.
    Register(String),
    /// In several places.
    Pieces(Location),
}

/// What a pointer of the program stands for that points to no memory.
#[derive(Clone, Debug)]
pub struct Implied {
    /// The module.
    pub dies: Arc<Dies>,
    /// The variable pointed to.
    pub die: DieRef,
    /// Bytes into it.
    pub offset: i64,
}

/// A value of the program, or of an expression over it.
#[derive(Clone, Debug)]
pub struct Value {
    /// Its type.
    pub of: Type,
    /// Where it is kept.
    pub place: Place,
    /// For a bit-field: its bits, from the first of its bytes on.
    pub bits: Option<Bits>,
    /// For a pointer that the program does not keep as one.
    pub implied: Option<Implied>,
    /// Its bytes; `None` while they stand in memory unread.
    bytes: Option<Arc<Bytes>>,
}

impl Value {
    /// A value that is computed.
    pub fn computed(of: Type, bytes: Vec<u8>) -> Self {
        Self::with_bytes(of, Place::None, Bytes::known(bytes))
    }

    /// A value with bytes that were read.
    pub fn with_bytes(of: Type, place: Place, bytes: Bytes) -> Self {
        Self { of, place, bits: None, implied: None, bytes: Some(Arc::new(bytes)) }
    }

    /// A value in memory, read when needed.
    pub fn in_memory(of: Type, address: u64) -> Self {
        Self { of, place: Place::Memory(address), bits: None, implied: None, bytes: None }
    }

    /// A value of which nothing is known.
    pub fn missing(of: Type, why: Missing) -> Self {
        let size = of.size().and_then(|size| usize::try_from(size).ok()).unwrap_or(1);
        let bytes = Bytes::missing(size.max(1), why);
        Self::with_bytes(of, Place::None, bytes)
    }

    /// Whether it is a class's member without an object: why it is not known.
    pub fn no_object(&self) -> Option<Missing> {
        let why = self.bytes.as_ref()?.wholly_missing()?;
        matches!(why, Missing::NoObject(_)).then(|| why.clone())
    }

    /// Why nothing of it is known; `None` if anything is.
    pub fn wholly_missing(&self, target: &dyn Target) -> Option<Missing> {
        let bytes = self.bytes(target);
        match self.bits {
            Some(bits) => bytes.bits(bits.offset, bits.size).err(),
            None => bytes.wholly_missing().cloned(),
        }
    }

    /// The address of a value in memory.
    pub fn address(&self) -> Option<u64> {
        match self.place {
            Place::Memory(address) => Some(address),
            _ => None,
        }
    }

    /// How many bytes it has; `None` if that is not known.
    pub fn size(&self) -> Option<u64> {
        match self.bits {
            Some(bits) => Some(bits.offset.checked_add(bits.size)?.div_ceil(8)),
            None => self.of.size(),
        }
    }

    /// Its bytes. Of very large values, the first 1 MiB.
    pub fn bytes(&self, target: &dyn Target) -> Bytes {
        if let Some(bytes) = &self.bytes {
            return Bytes::clone(bytes);
        }
        let size = self.size().and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        let size = size.min(MAX_BYTES);
        let address = self.address().unwrap_or_default();
        Bytes::of_memory(address, &target.memory(address, size))
    }

    /// The same with its bytes read: it stays what it is when the cursor moves.
    pub fn kept(&self, target: &dyn Target) -> Self {
        let bytes = Arc::new(self.bytes(target));
        Self { bytes: Some(bytes), ..self.clone() }
    }

    /// A part of it, `offset` bytes from its start.
    pub fn part(&self, of: Type, offset: u64, bits: Option<Bits>) -> Self {
        let place = match &self.place {
            Place::Memory(address) => Place::Memory(address.wrapping_add(offset)),
            Place::Register(name) if offset == 0 => Place::Register(name.clone()),
            _ => Place::None,
        };
        let mut part = Self { of, place, bits, implied: None, bytes: None };
        if let Some(bytes) = &self.bytes {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let size = part.size().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
            // A virtual base lies outside of the part that has it.
            if start.saturating_add(size) > bytes.len() && part.address().is_some() {
                return part;
            }
            part.bytes = Some(Arc::new(bytes.slice(start, size)));
        }
        part
    }

    /// The same bytes as another type, which may be longer or shorter.
    pub fn retyped(&self, of: Type) -> Self {
        Self { bits: None, implied: self.implied.clone(), ..self.part(of, 0, None) }
    }

    /// Its number, sign-extended: integers, characters, enumerations, pointers.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn integer(&self, target: &dyn Target) -> Result<i128, Missing> {
        let bytes = self.bytes(target);
        let (raw, bits) = match self.bits {
            Some(bits) => (bytes.bits(bits.offset, bits.size)?, bits.size),
            None => {
                let all = bytes.all()?;
                let value = all.iter().take(16).rev().fold(0, |n, byte| n << 8 | u128::from(*byte));
                (value, all.len().min(16) as u64 * 8)
            }
        };
        Ok(super::integer::extend(raw, bits, self.of.is_signed()))
    }
}

/// Bytes of an x87 register, and of a `long double` in memory.
const X87_BYTES: usize = 10;
const LONG_DOUBLE_BYTES: usize = 16;

/// The bytes of a value of `size` bytes at `location`, read by `register` and `memory`.
pub fn gather(
    location: &Location,
    size: usize,
    register: &dyn Fn(u16) -> Result<Vec<u8>, Missing>,
    memory: &dyn Fn(u64, usize) -> Vec<Option<u8>>,
) -> Bytes {
    let size = size.min(MAX_BYTES);
    let mut bytes = Bytes::default();
    let mut filled = 0usize;
    for piece in &location.0 {
        let wanted = piece.bits.unwrap_or(size as u64 * 8).min(MAX_BYTES as u64 * 8);
        let length =
            (piece.bit_offset.saturating_add(wanted)).div_ceil(8).min(MAX_BYTES as u64) as usize;
        let content = match &piece.at {
            At::Memory(address) => Bytes::of_memory(*address, &memory(*address, length)),
            At::Register(number) => match register(*number) {
                Ok(mut content) => {
                    // What a long double has more in memory is padding (System V ABI, 3.1.2).
                    if content.len() == X87_BYTES {
                        content.resize(X87_BYTES.max(length.min(LONG_DOUBLE_BYTES)), 0);
                    }
                    Bytes::known(content).slice(0, length)
                }
                Err(why) => Bytes::missing(length, why),
            },
            At::Value(content) => {
                let mut content = content.clone();
                content.resize(content.len().max(length), 0);
                Bytes::known(content)
            }
            At::OptimizedOut => Bytes::missing(length, Missing::OptimizedOut),
            At::Missing(why) => Bytes::missing(length, why.clone()),
            // Shown as a pointer that is not kept: `Implied` says where it leads.
            At::ImplicitPointer { .. } => Bytes::missing(length, Missing::OptimizedOut),
        };
        let aligned = filled.is_multiple_of(8) && piece.bit_offset == 0 && wanted % 8 == 0;
        if aligned {
            bytes.append(&content.slice(0, (wanted / 8) as usize));
        } else {
            // Bit by bit: such pieces are a few bits of packed structs.
            for bit in 0..wanted {
                let value = content.bits(piece.bit_offset + bit, 1).map(|value| value == 1);
                bytes.put_bit(filled + bit as usize, value);
            }
        }
        filled += wanted as usize;
        if filled >= size * 8 {
            break;
        }
    }
    bytes.slice(0, size)
}
