//! Values of variables and expressions: a type, bytes of which some may not be known, and the
//! place they come from.

pub mod bytes;
mod exact;
mod float;
pub mod format;
mod integer;
mod member_pointer;
mod parts;
pub mod pretty;
pub(crate) mod python;
pub mod value;

pub use bytes::Bytes;
pub use exact::{Exact, Float, FloatFormat};
pub use float::float_text;
pub use format::{Format, Formatter, PlainNumber, TextStyle, Wide, character, quoted_bytes, units};
pub use member_pointer::MemberTarget;
pub(crate) use parts::Visits;
pub use value::{Place, Value};

/// What showing a value, and looking at what it points to, needs to know of a moment.
pub trait Target {
    /// Memory from an address: each byte, or `None` where it is not known.
    fn memory(&self, address: u64, length: usize) -> Vec<Option<u8>>;

    /// That nothing is mapped at an address whose memory is not known; `None` if something is.
    fn unmapped(&self, _address: u64) -> Option<String> {
        None
    }

    /// `<main+4>` of an address.
    fn symbol(&self, address: u64) -> Option<String>;

    /// CPython's version, as its `Py_Version` has it; `None` if there is no such variable.
    fn python_version(&self) -> Option<u64> {
        None
    }

    /// Where a virtual base of the object at `address` is, as `die` computes it.
    fn computed_offset(
        &self,
        dies: &crate::symbols::Dies,
        die: crate::symbols::DieRef,
        address: u64,
    ) -> Option<u64>;

    /// The value an implicit pointer points to: a variable that may not be in memory.
    fn implied(
        &self,
        dies: &std::sync::Arc<crate::symbols::Dies>,
        die: crate::symbols::DieRef,
    ) -> Option<Value>;
}
