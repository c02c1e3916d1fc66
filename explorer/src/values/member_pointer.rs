//! Pointers to members, by their bytes (Itanium C++ ABI, 2.3).

use super::{Target, Value};
use crate::symbols::location::Missing;

/// What a pointer to a member leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberTarget {
    /// Data, so many bytes from the start of an object.
    Data(u64),
    /// A function that is not virtual.
    Function {
        /// Where it is.
        address: u64,
        /// Bytes that the part of an object it is called for begins behind the object.
        adjustment: i64,
    },
    /// A virtual function.
    Virtual {
        /// Bytes from the first function of the virtual table.
        place: u64,
        /// As of others.
        adjustment: i64,
    },
}

impl Value {
    /// What this pointer to a member leads to; `None` if it is null: of data, −1, of functions,
    /// no address.
    ///
    /// # Errors
    /// Why its bytes are not known.
    pub fn member_target(&self, target: &dyn Target) -> Result<Option<MemberTarget>, Missing> {
        let bytes = self.bytes(target);
        let bytes = bytes.all()?;
        let word = |at: usize| {
            let bytes = bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
            bytes.map(u64::from_le_bytes)
        };
        let first = word(0).unwrap_or(u64::MAX);
        let Some(second) = word(8) else {
            return Ok((first != u64::MAX).then_some(MemberTarget::Data(first)));
        };
        let adjustment = second.cast_signed();
        Ok(match (first, first & 1) {
            (0, _) => None,
            // The lowest bit tells that it is no address.
            (_, 1) => Some(MemberTarget::Virtual { place: first - 1, adjustment }),
            _ => Some(MemberTarget::Function { address: first, adjustment }),
        })
    }
}
