//! The data types of a program, as its debug information declares them.
//!
//! A type refers to others by the place of their DIE: they are read when asked for, so that
//! cycles (a list's node) cost nothing, and malformed ones end.

mod alignment;
mod class;
mod definition;
mod member_pointer;
mod model;
mod name;
mod read;
mod record;
mod rust;

pub(crate) use read::canonical;

pub use model::{
    Bits, Count, Encoding, Enumeration, Field, Link, Member, Offset, Passing, PointerKind, Record,
    RecordKind, Shape, Static, Variant, Variants,
};

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::dies::{DieRef, Dies, Language};

/// Most typedefs and qualifiers looked through.
const MAX_ALIASES: usize = 64;

/// Bytes of a pointer: x86-64.
pub const POINTER_SIZE: u64 = 8;

/// A type. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Type {
    dies: Option<Arc<Dies>>,
    shape: Arc<Shape>,
}

/// Shapes by place.
#[derive(Debug, Default)]
pub(crate) struct TypeCache(RwLock<HashMap<DieRef, Arc<Shape>>>);

impl TypeCache {
    fn get(&self, die: DieRef) -> Option<Arc<Shape>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&die).cloned()
    }

    fn put(&self, die: DieRef, shape: Arc<Shape>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(die, shape);
    }
}

impl Type {
    /// A type of no module.
    pub fn made(shape: Shape) -> Self {
        Self { dies: None, shape: Arc::new(shape) }
    }

    /// `void`.
    pub fn void() -> Self {
        Self::made(Shape::Void)
    }

    /// A base type.
    pub fn base(name: &str, size: u64, encoding: Encoding) -> Self {
        Self::made(Shape::Base { name: name.into(), size, encoding })
    }

    /// The type a DIE declares; `None` if it declares none, or makes no sense.
    pub fn at(dies: &Arc<Dies>, die: DieRef) -> Option<Self> {
        let shape = match dies.types.get(die) {
            Some(shape) => shape,
            None => {
                let read = || read::shape(&dies.entry(dies.entry(die)?.complete())?);
                let shape = Arc::new(super::guard::guarded(read)?);
                dies.types.put(die, Arc::clone(&shape));
                shape
            }
        };
        Some(Self { dies: Some(Arc::clone(dies)), shape })
    }

    /// What it is made of.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The entries of its module; none for one that was made.
    pub fn dies(&self) -> Option<&Arc<Dies>> {
        self.dies.as_ref()
    }

    /// The type a part of this one links to; `void` where that cannot be read.
    pub fn follow(&self, link: &Link) -> Self {
        let found = match link {
            Link::Void => None,
            Link::Made(made) => Some(made.clone()),
            Link::Die(die) => self.dies.as_ref().and_then(|dies| Self::at(dies, *die)),
        };
        found.unwrap_or_else(Self::void)
    }

    /// A pointer to it.
    pub fn pointer(&self) -> Self {
        let to = Link::Made(self.clone());
        Self::made(Shape::Pointer { kind: PointerKind::Pointer, to, name: None })
    }

    /// An array of `count` of it.
    pub fn array(&self, count: u64) -> Self {
        let counts = vec![Count::Fixed(count)];
        let of = Link::Made(self.clone());
        Self::made(Shape::Array { of, counts, language: Language::C, vector: false })
    }

    /// The same array with other counts.
    pub fn with_counts(&self, counts: Vec<Count>) -> Self {
        let Shape::Array { of, language, vector, .. } = self.shape() else { return self.clone() };
        let (language, vector) = (*language, *vector);
        let shape = Shape::Array { of: of.clone(), counts, language, vector };
        Self { dies: self.dies.clone(), shape: Arc::new(shape) }
    }

    /// Without typedefs and qualifiers around it, and completed by its definition where only
    /// a declaration is here.
    pub fn stripped(&self) -> Self {
        let mut stripped = self.clone();
        for _ in 0..MAX_ALIASES {
            let to = match stripped.shape() {
                Shape::Alias { to, .. } | Shape::Qualified { to, .. } => to.clone(),
                _ => break,
            };
            stripped = stripped.follow(&to);
        }
        stripped.definition().unwrap_or(stripped)
    }

    /// A type that is declared in this record.
    pub fn inner(&self, name: &str) -> Option<Self> {
        let stripped = self.stripped();
        let Shape::Record(Record { name: Some(own), .. }) = stripped.shape() else { return None };
        let dies = stripped.dies()?;
        let found = dies.declared().types_named(&format!("{own}::{name}"));
        found.into_iter().find_map(|die| Self::at(dies, die))
    }

    /// The definition of what is only declared here, from elsewhere in its module.
    fn definition(&self) -> Option<Self> {
        let (name, kinds) = match self.shape() {
            Shape::Record(record) if record.declaration => (record.name.as_ref()?, true),
            Shape::Enumeration(e) if e.declaration => (e.name.as_ref()?, true),
            _ => return None,
        };
        let dies = self.dies.as_ref()?;
        let found = dies.declared().types_named(name);
        found.into_iter().filter(|_| kinds).find_map(|die| {
            let candidate = Self::at(dies, die)?;
            let complete = match candidate.shape() {
                Shape::Record(record) => !record.declaration,
                Shape::Enumeration(e) => !e.declaration,
                _ => false,
            };
            complete.then_some(candidate)
        })
    }

    /// Bytes of a value; `None` if that is not known.
    pub fn size(&self) -> Option<u64> {
        let stripped = self.stripped();
        match stripped.shape() {
            Shape::Base { size, .. } | Shape::Opaque { size, .. } => Some(*size),
            Shape::Pointer { .. } => Some(POINTER_SIZE),
            Shape::MemberPointer { to, .. } => {
                // Of a function, its address and what is added to the object's.
                let function = stripped.follow(to).is_function();
                Some(if function { 2 * POINTER_SIZE } else { POINTER_SIZE })
            }
            Shape::Record(record) if record.declaration => None,
            Shape::Record(record) => Some(record.size),
            Shape::Enumeration(e) => Some(e.size),
            Shape::Array { of, counts, .. } => {
                let element = stripped.follow(of).depth_limited_size()?;
                counts.iter().try_fold(element, |size, count| match count {
                    Count::Fixed(count) => size.checked_mul(*count),
                    _ => None,
                })
            }
            Shape::Void | Shape::Function { .. } => Some(1),
            Shape::Alias { .. } | Shape::Qualified { .. } => None,
        }
    }

    /// An element's size: arrays of arrays of arrays … end.
    fn depth_limited_size(&self) -> Option<u64> {
        let mut element = self.stripped();
        let mut factor = 1u64;
        for _ in 0..MAX_ALIASES {
            let Shape::Array { of, counts, .. } = element.shape() else {
                return element.size()?.checked_mul(factor);
            };
            for count in counts {
                let Count::Fixed(count) = count else { return None };
                factor = factor.checked_mul(*count)?;
            }
            element = element.follow(of).stripped();
        }
        None
    }

    /// What it points or refers to.
    pub fn target(&self) -> Option<Self> {
        let stripped = self.stripped();
        match stripped.shape() {
            Shape::Pointer { to, .. } => Some(stripped.follow(to)),
            _ => None,
        }
    }

    /// The type of an array's elements, and how many it has.
    pub fn element(&self) -> Option<(Self, Count)> {
        let stripped = self.stripped();
        let Shape::Array { of, counts, .. } = stripped.shape() else { return None };
        let (first, rest) = counts.split_first()?;
        let element = match rest {
            [] => stripped.follow(of),
            rest => stripped.with_counts(rest.to_vec()),
        };
        Some((element, *first))
    }

    /// Whether it is a reference.
    pub fn is_reference(&self) -> bool {
        let stripped = self.stripped();
        matches!(stripped.shape(), Shape::Pointer { kind, .. } if *kind != PointerKind::Pointer)
    }

    /// The language it is shown in.
    pub fn language(&self) -> Language {
        match self.shape() {
            Shape::Record(record) => record.language,
            Shape::Enumeration(enumeration) => enumeration.language,
            Shape::Array { language, .. } => *language,
            _ => Language::C,
        }
    }
}

impl Dies {
    /// The type of the variable that `die` declares; `void` if it states none.
    pub fn type_of(self: &Arc<Self>, die: DieRef) -> Type {
        let declared = || Type::at(self, self.entry(die)?.type_place()?);
        super::guard::guarded(declared).unwrap_or_else(Type::void)
    }

    /// The language of an entry's unit.
    pub fn language_of(&self, die: DieRef) -> Language {
        let language = || Some(self.entry(self.in_its_unit(die))?.language());
        super::guard::guarded(language).unwrap_or_default()
    }

    /// Whether a function does not keep to the calling convention (DW_CC_nocall; DWARF 5,
    /// 3.3.1.1).
    pub fn is_unconventional(&self, die: DieRef) -> bool {
        let convention = || self.entry(die)?.attribute(gimli::DW_AT_calling_convention);
        let nocall = || {
            let nocall = gimli::AttributeValue::CallingConvention(gimli::DW_CC_nocall);
            Some(convention()? == nocall)
        };
        super::guard::guarded(nocall).unwrap_or_default()
    }

    /// Whether an entry's unit is assembly: its functions are said to have no parameters and to
    /// return nothing, whatever they do.
    pub fn is_assembly(&self, die: DieRef) -> bool {
        super::guard::guarded(|| Some(self.entry(die)?.is_assembly())).unwrap_or_default()
    }

    /// What a variable is called.
    pub fn name_of(&self, die: DieRef) -> Option<String> {
        super::guard::guarded(|| self.entry(die)?.name())
    }

    /// Whether a DIE only declares what is defined elsewhere.
    pub fn is_declaration(&self, die: DieRef) -> bool {
        let declares = || Some(self.entry(die)?.flag(gimli::DW_AT_declaration));
        super::guard::guarded(declares).unwrap_or(false)
    }
}
