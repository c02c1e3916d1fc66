//! Values as text, the way gdb writes them.

mod array;
mod member_pointer;
mod number;
mod record;
mod scalar;
mod text;
mod wide;

pub use number::PlainNumber;
pub use text::{TextStyle, character, quoted_bytes};
pub use wide::{Wide, units};

use super::{Target, Value, pretty};
use crate::symbols::datatypes::{Shape, Type};
use crate::symbols::location::Missing;
use std::cell::{Cell, RefCell};

/// Elements of arrays and characters of strings shown (gdb's `print elements`).
const ELEMENTS: usize = 200;

/// Equal elements in a row that are shown once (gdb's `print repeats`).
const REPEATS: usize = 10;

/// Nesting shown (gdb's `print max-depth`).
const MAX_DEPTH: u32 = 20;

/// Parts shown of one value, at most.
const MAX_PARTS: usize = 20_000;

/// Values up to this size are read once, not part by part, bytes.
const READ_WHOLE: u64 = 1 << 16;

/// How `print/FMT` shows scalars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// `x d u o t z c a f s`; none: by type.
    pub letter: Option<char>,
    /// `r`: without pretty printers.
    pub raw: bool,
}

impl Format {
    /// Reads `x` or `rx`.
    ///
    /// # Errors
    /// What is no format.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut format = Self::default();
        for c in text.chars() {
            match c {
                'r' => format.raw = true,
                'x' | 'd' | 'u' | 'o' | 't' | 'z' | 'c' | 'a' | 'f' | 's' => {
                    format.letter = Some(c)
                }
                other => return Err(format!("{other:?} is no format of a value")),
            }
        }
        Ok(format)
    }
}

impl std::fmt::Display for Format {
    /// As [`Self::parse`] reads it.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let raw = self.raw.then_some('r');
        raw.into_iter().chain(self.letter).try_for_each(|letter| write!(out, "{letter}"))
    }
}

/// Shows values at one moment.
pub struct Formatter<'a> {
    target: &'a dyn Target,
    format: Format,
    /// Parts still shown.
    left: Cell<usize>,
    /// Addresses of virtual bases shown: an object has each once.
    virtual_bases: RefCell<Vec<u64>>,
}

impl<'a> Formatter<'a> {
    /// With the memory and names of `target`.
    pub fn new(target: &'a dyn Target, format: Format) -> Self {
        let (left, virtual_bases) = (Cell::new(MAX_PARTS), RefCell::default());
        Self { target, format, left, virtual_bases }
    }

    /// The value of an expression: pointers with their type.
    pub fn top(&self, value: &Value) -> String {
        let prefix = match self.reads_through(value) {
            true => String::new(),
            false => self.type_prefix(&value.of),
        };
        prefix + &self.show(value, 0)
    }

    /// A value among others.
    pub fn inner(&self, value: &Value) -> String {
        self.show(value, 0)
    }

    /// `(int *) `, where a bare address would say too little. As in gdb, not for `char *`.
    fn type_prefix(&self, of: &Type) -> String {
        let stripped = of.stripped();
        let Shape::Pointer { name, .. } = stripped.shape() else { return String::new() };
        let boxed = !self.format.raw && name.as_deref().is_some_and(is_box_name);
        if self.format.letter.is_some() || boxed {
            return String::new();
        }
        let target = of.target();
        let is_char = |to: Type| {
            let plain = to.stripped();
            Wide::of(&to).is_some()
                || matches!(plain.shape(), Shape::Base { name, .. } if &**name == "char")
        };
        let named = matches!(of.shape(), Shape::Alias { .. });
        match !named && target.is_some_and(is_char) && !of.is_reference() {
            true => String::new(),
            false => format!("({}) ", of.name()),
        }
    }

    fn show(&self, value: &Value, depth: u32) -> String {
        if depth > MAX_DEPTH {
            return "{...}".to_owned();
        }
        let Some(left) = self.left.get().checked_sub(1) else { return "...".to_owned() };
        self.left.set(left);
        self.by_type(value, depth)
    }

    /// The value with its bytes, if it is small enough to be read at once.
    fn loaded(&self, value: &Value) -> Value {
        match value.size().is_some_and(|size| size <= READ_WHOLE) {
            true => value.kept(self.target),
            false => value.clone(),
        }
    }

    /// Why none of a value with parts is known. As in gdb, of one whose other parts are kept,
    /// each part is said to be optimised out.
    fn why_missing(&self, value: &Value, depth: u32) -> Option<Missing> {
        let whole = value.size().is_some_and(|size| (1..=READ_WHOLE).contains(&size));
        let missing = || value.bytes(self.target).wholly_missing().cloned();
        let why = whole.then(missing).flatten();
        why.filter(|why| depth == 0 || *why != Missing::OptimizedOut)
    }

    fn by_type(&self, value: &Value, depth: u32) -> String {
        let stripped = value.of.stripped();
        if !self.format.raw
            && let Some(shown) = pretty::show(value, self.target)
        {
            return self.pretty(&shown, depth);
        }
        match stripped.shape() {
            Shape::Void => "void".to_owned(),
            Shape::Array { .. } => self.array(value, depth),
            Shape::Record(record) => self.record(value, record, depth),
            Shape::Pointer { .. } if stripped.is_reference() => self.reference(value, depth),
            Shape::Function { .. } => self.function(value),
            Shape::Pointer { name: Some(name), .. } if is_box_name(name) => {
                self.boxed(value, depth)
            }
            _ => self.scalar(value).unwrap_or_else(|why| self.missing(&why)),
        }
    }

    /// What stands for a value that is not there.
    fn missing(&self, why: &Missing) -> String {
        let unmapped = match why {
            Missing::Memory(address) => self.target.unmapped(*address),
            _ => None,
        };
        unmapped.map_or_else(|| format!("<{why}>"), |text| format!("<{text}>"))
    }

    /// Whether a value is a reference to one that a pretty printer shows.
    fn reads_through(&self, value: &Value) -> bool {
        let pretty = |to: Value| pretty::show(&to, self.target).is_some();
        !self.format.raw
            && value.of.is_reference()
            && value.pointee(self.target).is_some_and(pretty)
    }

    fn reference(&self, value: &Value, depth: u32) -> String {
        if let Some(to) = value.pointee(self.target).filter(|_| self.reads_through(value)) {
            return self.show(&to, depth + 1);
        }
        let address = value.integer(self.target).map(|address| format!("@{address:#x}"));
        let address = address.unwrap_or_else(|why| self.missing(&why));
        match value.pointee(self.target) {
            Some(to) if !to.of.is_function() => {
                format!("{address}: {}", self.show(&to, depth + 1))
            }
            _ => address,
        }
    }

    /// A box of Rust's, by its content.
    fn boxed(&self, value: &Value, depth: u32) -> String {
        match value.pointee(self.target).filter(|_| !self.format.raw) {
            Some(content) => format!("Box({})", self.show(&content, depth + 1)),
            None => self.scalar(value).unwrap_or_else(|why| self.missing(&why)),
        }
    }

    fn function(&self, value: &Value) -> String {
        let address = value.address().unwrap_or_default();
        let symbol = self.target.symbol(address).map(|symbol| format!(" {symbol}"));
        format!("{{{}}} {address:#x}{}", value.of.name(), symbol.unwrap_or_default())
    }
}

/// Whether a pointer of Rust's is a box.
pub(super) fn is_box_name(name: &str) -> bool {
    name.starts_with("alloc::boxed::Box<")
}
