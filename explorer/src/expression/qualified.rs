//! `Class::member`: what a class has by a name, with an object of it and without.

use super::environment::{Environment, Tag};
use super::{Fault, classes};
use crate::symbols::datatypes::{Link, Member, Offset, Record, Shape, Type};
use crate::symbols::location::Missing;
use crate::symbols::{did_you_mean, nearest};
use crate::values::{Value, Visits};

/// Most components of a name that are looked up one by one.
const MAX_COMPONENTS: u32 = 32;

/// What a class has by a name.
pub(super) enum Found {
    /// Each object has one.
    Data(DataMember),
    /// All share it.
    Static(Value),
}

/// A member of each object of a class.
pub(super) struct DataMember {
    class: Type,
    of: Type,
    /// Bytes from the start of an object; `None` of a virtual base's.
    offset: Option<u64>,
    is_bits: bool,
}

impl DataMember {
    /// A pointer to it.
    pub fn pointer(self) -> Result<Value, Fault> {
        if self.is_bits {
            return Err(Fault::Operand("no pointer leads to a bit-field".to_owned()));
        }
        let offset = self.offset.ok_or_else(|| {
            let text =
                "where a virtual base is, each object tells: no pointer leads to its members";
            Fault::Operand(text.to_owned())
        })?;
        let (to, class) = (Link::Made(self.of), Link::Made(self.class));
        let of = Type::made(Shape::MemberPointer { to, class });
        Ok(Value::computed(of, offset.to_le_bytes().into()))
    }
}

/// What a name of several components means.
pub(super) fn value(name: &str, environment: &dyn Environment) -> Result<Value, Fault> {
    match find(name, environment) {
        Some(Found::Data(member)) => {
            let missing = || Missing::NoObject(name.to_owned());
            let of_this = of_this(name, environment).transpose()?;
            Ok(of_this.unwrap_or_else(|| Value::missing(member.of, missing())))
        }
        Some(Found::Static(value)) => Ok(value),
        None => environment.named(name).map_err(|fault| no_member(name, environment, fault)),
    }
}

/// The member of a class that a name means; none if it means no class's.
pub(super) fn find(name: &str, environment: &dyn Environment) -> Option<Found> {
    let (class, member) = split(name, environment)?;
    // In C, what stands before `::` is a function first.
    let is_c =
        matches!(class.shape(), Shape::Record(r) if r.language == crate::symbols::Language::C);
    if is_c && environment.named(name).is_ok() {
        return None;
    }
    member_of(&class, member, environment, (0, &Visits::new()))
}

/// A class and what stands behind it in a name.
fn split<'n>(name: &'n str, environment: &dyn Environment) -> Option<(Type, &'n str)> {
    let (class, member) = name.rsplit_once("::")?;
    Some((class_named(class, environment, 0)?, member))
}

fn class_named(name: &str, environment: &dyn Environment, depth: u32) -> Option<Type> {
    // A tag of C is no name of a type, but means nothing else before `::`.
    let tags = [Tag::Any, Tag::Struct, Tag::Union];
    let found = tags.into_iter().find_map(|tag| type_within(tag, name, environment, depth))?;
    let class = found.stripped();
    class.is_record().then_some(class)
}

/// A type of the program, also one that a class has from its bases.
pub(super) fn type_named(tag: Tag, name: &str, environment: &dyn Environment) -> Option<Type> {
    type_within(tag, name, environment, 0)
}

fn type_within(tag: Tag, name: &str, environment: &dyn Environment, depth: u32) -> Option<Type> {
    let inherited = || {
        let (class, inner) = name.rsplit_once("::").filter(|_| depth < MAX_COMPONENTS)?;
        let class = class_named(class, environment, depth + 1)?;
        inner_type(&class, (tag, inner), environment, (0, &Visits::new()))
    };
    environment.type_named(tag, name).or_else(inherited)
}

/// A type that is declared in a class or its bases.
fn inner_type(
    class: &Type,
    (tag, inner): (Tag, &str),
    environment: &dyn Environment,
    (depth, visits): (u32, &Visits),
) -> Option<Type> {
    let class = class.stripped();
    let Shape::Record(record) = class.shape() else { return None };
    let own = || environment.type_named(tag, &format!("{}::{inner}", record.name.as_deref()?));
    let deeper = (depth + 1, visits);
    let inherited = || {
        let mut bases = bases(record).map(|base| class.follow(&base.of));
        bases.find_map(|base| inner_type(&base, (tag, inner), environment, deeper))
    };
    if visits.go_on(depth) { own().or_else(inherited) } else { None }
}

fn bases(record: &Record) -> impl Iterator<Item = &Member> {
    record.members.iter().filter(|member| member.base)
}

fn member_of(
    class: &Type,
    name: &str,
    environment: &dyn Environment,
    (depth, visits): (u32, &Visits),
) -> Option<Found> {
    let class = class.stripped();
    let Shape::Record(record) = class.shape() else { return None };
    if !visits.go_on(depth) {
        return None;
    }
    if let Some(shared) = record.statics.iter().find(|one| &*one.name == name) {
        // Where it is defined says more than where it is declared.
        let full = record.name.as_deref().map(|class| format!("{class}::{name}"));
        let defined = full.and_then(|full| environment.named(&full).ok());
        let declared = || Value::in_memory(class.clone(), 0).static_member(shared, environment);
        return defined.or_else(declared).map(Found::Static);
    }
    let mut own = record.members.iter().filter(|member| !member.base);
    if let Some(member) = own.find(|member| member.name.as_deref() == Some(name)) {
        let (of, is_bits) = (class.follow(&member.of), member.bits.is_some());
        let class = class.clone();
        return Some(Found::Data(DataMember { class, of, offset: start(member), is_bits }));
    }
    let mut inner = record.members.iter().filter(|member| member.base || member.name.is_none());
    inner.find_map(|part| {
        let found = member_of(&class.follow(&part.of), name, environment, (depth + 1, visits))?;
        Some(match found {
            Found::Data(member) => {
                let offset = start(part).zip(member.offset).map(|(a, b)| a.wrapping_add(b));
                Found::Data(DataMember { class: class.clone(), offset, ..member })
            }
            shared => shared,
        })
    })
}

fn start(member: &Member) -> Option<u64> {
    match member.offset {
        Offset::Bytes(offset) => Some(offset),
        Offset::Computed(_) => None,
    }
}

/// The member of what the frame's method is called for, if that is an object of the class.
fn of_this(name: &str, environment: &dyn Environment) -> Option<Result<Value, Fault>> {
    let (class, member) = split(name, environment)?;
    let this = environment.named("this").ok()?;
    let object = this.pointee(environment)?;
    let part = classes::as_base(&object, &class, environment).transpose()?;
    let found = part.map(|part| part.member_named(member, environment));
    found.transpose()
}

/// Why there is no such name: of a class's, that the class has no such member.
fn no_member(name: &str, environment: &dyn Environment, fault: Fault) -> Fault {
    if !matches!(fault, Fault::Name(..)) {
        return fault;
    }
    let Some((class, member)) = split(name, environment) else { return fault };
    let Shape::Record(record) = class.shape() else { return fault };
    let statics = record.statics.iter().map(|one| &*one.name);
    let names = record.members.iter().filter_map(|member| member.name.as_deref()).chain(statics);
    let hint = did_you_mean(&nearest(member, names, 3));
    Fault::Member(class.name(), member.to_owned(), hint)
}
