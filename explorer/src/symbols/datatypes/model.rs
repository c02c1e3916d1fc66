//! What types are made of.

use std::sync::Arc;

use super::Type;
use crate::symbols::dies::{DieRef, Language};

/// How the bytes of a base type are read (DWARF 5, 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Two's complement.
    Signed,
    /// A number from 0.
    Unsigned,
    /// IEEE 754 binary32 and binary64, or x87's 80 bits.
    Float,
    /// False or true.
    Bool,
    /// A character that is a signed number.
    SignedChar,
    /// A character that is an unsigned number.
    UnsignedChar,
    /// A code point of Unicode.
    Utf,
    /// Two floats: real and imaginary.
    Complex,
}

/// What a pointer-like type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerKind {
    /// `*`.
    Pointer,
    /// `&`.
    Reference,
    /// `&&`.
    RvalueReference,
}

/// Another type.
#[derive(Clone, Debug)]
pub enum Link {
    /// `void`.
    Void,
    /// In the same module.
    Die(DieRef),
    /// Made for an expression.
    Made(Type),
}

/// How many elements an array's dimension has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Fixed(u64),
    /// As the program computes it: the attribute of this subrange says so.
    Dynamic(DieRef),
    /// Not declared: `extern int a[];`.
    Unknown,
}

/// A record's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// `struct`.
    Struct,
    /// `class`.
    Class,
    /// `union`.
    Union,
}

impl RecordKind {
    /// Its keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Struct => "struct",
            Self::Class => "class",
            Self::Union => "union",
        }
    }
}

/// Where a member lies in its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// So many bytes from the start.
    Bytes(u64),
    /// As DW_AT_data_member_location of this DIE computes it from the record's address: a
    /// virtual base.
    Computed(DieRef),
}

/// Bits of a bit-field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bits {
    /// Bits from the start of the record.
    pub offset: u64,
    /// How many.
    pub size: u64,
}

/// A member of a record.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name; none for anonymous structs and unions.
    pub name: Option<Arc<str>>,
    /// Its type.
    pub of: Link,
    /// Where it is.
    pub offset: Offset,
    /// For a bit-field, its bits.
    pub bits: Option<Bits>,
    /// Whether it is a base class.
    pub base: bool,
    /// Whether the compiler put it there: `_vptr.Shape`.
    pub artificial: bool,
    /// What it is aligned to, if that is stated (DW_AT_alignment).
    pub alignment: Option<u64>,
}

/// A static member of a record.
#[derive(Clone, Debug)]
pub struct Static {
    /// Its name.
    pub name: Arc<str>,
    /// Its DIE in the record.
    pub die: DieRef,
    /// How many of [`Record::members`] are declared before it.
    pub behind: usize,
}

/// A member of a record, of each object or of all.
#[derive(Clone, Copy, Debug)]
pub enum Field<'r> {
    /// Each object has one.
    Member(&'r Member),
    /// All share it.
    Static(&'r Static),
}

/// One alternative of a Rust enum.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The discriminant that selects it; none for the default.
    pub discriminant: Option<u128>,
    /// Its content.
    pub member: Member,
}

/// The alternatives of a Rust enum.
#[derive(Clone, Debug)]
pub struct Variants {
    /// Where the discriminant is; none if there is one alternative only.
    pub discriminant: Option<Member>,
    /// All of them.
    pub all: Vec<Variant>,
}

/// A struct, class, union, or Rust enum with data.
#[derive(Clone, Debug)]
pub struct Record {
    /// Which.
    pub kind: RecordKind,
    /// Its qualified name.
    pub name: Option<Arc<str>>,
    /// Its DIE; none of one that was made.
    pub place: Option<DieRef>,
    /// Bytes.
    pub size: u64,
    /// What it is aligned to, if that is stated (DW_AT_alignment).
    pub alignment: Option<u64>,
    /// Base classes and members, in order.
    pub members: Vec<Member>,
    /// Static members, in order.
    pub statics: Vec<Static>,
    /// Rust's alternatives.
    pub variants: Option<Variants>,
    /// Template arguments that are types: name and type.
    pub arguments: Vec<(Arc<str>, Link)>,
    /// Whether only its name is known here.
    pub declaration: bool,
    /// The language it was written in.
    pub language: Language,
    /// How functions pass and return it, where its debug information says so.
    pub passing: Option<Passing>,
    /// No function of its own copies, moves or destroys it, and it has no virtual parts: as C's,
    /// if its members and bases are so too.
    pub plain: bool,
    /// It has a destructor of its own, which is not the default one.
    pub destructor: bool,
}

impl Record {
    /// Base classes, members and static members in the order of the source.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let statics = |behind: usize| {
            let here = self.statics.iter().filter(move |one| one.behind == behind);
            here.map(Field::Static)
        };
        let members = self.members.iter().enumerate();
        let each = members.flat_map(move |(index, member)| {
            statics(index).chain(std::iter::once(Field::Member(member)))
        });
        each.chain(statics(self.members.len()))
    }
}

/// How a record is passed (DWARF 5, 5.7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// As C's records are.
    ByValue,
    /// As the address of a place for it.
    ByReference,
}

/// An enumeration.
#[derive(Clone, Debug)]
pub struct Enumeration {
    /// Its qualified name.
    pub name: Option<Arc<str>>,
    /// Bytes.
    pub size: u64,
    /// Whether its values may be negative.
    pub signed: bool,
    /// Names and values, in order.
    pub constants: Vec<(Arc<str>, i128)>,
    /// What its constants' names begin with: `ns::`.
    pub space: Arc<str>,
    /// What its values are kept as, where that is known.
    pub underlying: Option<Arc<str>>,
    /// Whether only its name is known here.
    pub declaration: bool,
    /// The language it was written in.
    pub language: Language,
    /// `enum class`: its constants are named with it.
    pub scoped: bool,
}

/// What a type is made of.
#[derive(Clone, Debug)]
pub enum Shape {
    /// `void`.
    Void,
    /// A number or character.
    Base {
        /// `unsigned int`.
        name: Arc<str>,
        /// Bytes.
        size: u64,
        /// How they are read.
        encoding: Encoding,
    },
    /// A pointer or reference.
    Pointer {
        /// Which.
        kind: PointerKind,
        /// To what.
        to: Link,
        /// A name of its own: Rust's `&str` is a record, but `*const T` has one.
        name: Option<Arc<str>>,
    },
    /// An array.
    Array {
        /// Its elements.
        of: Link,
        /// The counts of its dimensions, outermost first: at least one.
        counts: Vec<Count>,
        /// The language it is shown in.
        language: Language,
        /// Whether it is a vector: passed and returned in one vector register.
        vector: bool,
    },
    /// A struct, class or union.
    Record(Record),
    /// An enumeration.
    Enumeration(Enumeration),
    /// A typedef.
    Alias {
        /// Its name.
        name: Arc<str>,
        /// What it stands for.
        to: Link,
        /// What it is aligned to, if that is stated (DW_AT_alignment).
        alignment: Option<u64>,
    },
    /// `const`, `volatile`, `restrict`, `_Atomic`.
    Qualified {
        /// Which.
        qualifier: &'static str,
        /// What is so qualified.
        to: Link,
    },
    /// A function.
    Function {
        /// What it returns.
        returns: Link,
        /// Its parameters.
        parameters: Vec<Link>,
        /// Whether more may follow.
        variadic: bool,
        /// Whether its parameters are declared at all.
        prototyped: bool,
    },
    /// A pointer to a member of a class.
    MemberPointer {
        /// The member's type; that of a function has the object's address as a parameter.
        to: Link,
        /// The class.
        class: Link,
    },
    /// What has a name and a size only.
    Opaque {
        /// `decltype(nullptr)`.
        name: Arc<str>,
        /// Bytes.
        size: u64,
    },
}
