//! What a module declares outside functions, by name: types, variables, constants.

use std::collections::HashMap;
use std::sync::Arc;

use gimli::{AttributeSpecification, AttributeValue, EntriesRaw, Operation};

use super::address::ModuleAddr;
use super::bytes::Reader;
use super::dies::{DieRef, Dies, SharedUnit};
use super::guard::{Budget, guarded};
use super::names::{Fit, fit, key};

/// DIEs of one module read here.
const BUDGET: u64 = 100_000_000;

/// Names of one module kept, each long one counted several times: some 400 MB.
const NAMES: u64 = 4_000_000;

/// Deepest nesting of namespaces and classes.
const MAX_NESTING: usize = 256;

/// What linkers write for addresses of what they throw away: ld writes 0, as gdb knows, and lld
/// the highest (-z dead-reloc-in-nonalloc).
const TOMBSTONES: [u64; 3] = [0, u64::MAX, u64::MAX - 1];

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A type.
    Type,
    /// A variable with static storage.
    Variable,
    /// A constant of an enumeration; its DIE is the enumeration.
    Constant,
    /// A variable that is defined elsewhere.
    Declaration,
    /// A parameter or local variable, named with its function.
    Local,
}

#[derive(Debug)]
struct Item {
    kind: Kind,
    name: Arc<str>,
    offset: usize,
    /// Whether a function declares it, for itself.
    inside: bool,
}

/// All names of a module, each by its last component.
#[derive(Debug, Default)]
pub struct Declared {
    items: Vec<Item>,
    by_key: HashMap<Box<str>, Vec<u32>>,
    /// Items by offset, where the name is qualified.
    qualified: HashMap<usize, u32>,
    /// Full names of namespaces.
    spaces: HashMap<usize, Arc<str>>,
    /// What namespaces use of others: the unit, the namespace, the DIE that says so.
    uses: Vec<(usize, Arc<str>, usize)>,
    /// The DIE that has the place of a variable, by the one that names it, where these differ.
    definitions: HashMap<usize, usize>,
    /// Where the function is entered that is said to be the program's first (DW_AT_main_subprogram).
    main: Option<u64>,
}

impl Dies {
    /// The names the module declares: all units are read once.
    pub fn declared(&self) -> &Declared {
        self.declared.get_or_init(|| guarded(|| Declared::read(self)))
    }
}

impl Declared {
    fn read(dies: &Dies) -> Self {
        let mut declared = Self::default();
        let (budget, names) = (Budget::new(BUDGET), Budget::new(NAMES));
        for start in dies.unit_starts() {
            let Some(unit) = dies.unit(start) else { continue };
            let Ok(entries) = unit.entries_raw(None) else { continue };
            let (open, text) = (Vec::new(), None);
            let (budget, names) = (&budget, &names);
            let mut walk = Walk { dies, unit, start, entries, budget, names, open, text };
            while walk.step(&mut declared).is_some() {}
        }
        declared
    }

    fn add(&mut self, kind: Kind, name: Arc<str>, offset: usize, inside: bool) {
        let number = self.items.len() as u32;
        let last = key(&name);
        if last.len() != name.len() && kind != Kind::Constant {
            self.qualified.insert(offset, number);
        }
        match self.by_key.get_mut(last) {
            Some(numbers) => numbers.push(number),
            None => {
                self.by_key.insert(last.into(), vec![number]);
            }
        }
        self.items.push(Item { kind, name, offset, inside });
    }

    /// The name of a DIE with the namespaces and classes around it.
    pub fn qualified(&self, die: DieRef) -> Option<Arc<str>> {
        let number = self.qualified.get(&die.offset)?;
        Some(Arc::clone(&self.items.get(*number as usize)?.name))
    }

    /// The full name of a namespace.
    pub fn space(&self, die: DieRef) -> Option<Arc<str>> {
        self.spaces.get(&die.offset).filter(|_| !die.supplementary).cloned()
    }

    /// The DIEs of a unit by which namespaces use names of others, and the namespaces' names.
    pub(crate) fn uses(&self, unit: usize) -> impl Iterator<Item = (&Arc<str>, usize)> {
        let own = self.uses.iter().filter(move |(start, ..)| *start == unit);
        own.map(|(_, space, offset)| (space, *offset))
    }

    /// The DIE that has the place of a variable with static storage, if that is not `die`, which
    /// names it: link-time optimisation leaves names and types in the units of the sources, and
    /// puts places into units of its own (DW_AT_abstract_origin).
    pub fn definition(&self, die: DieRef) -> Option<DieRef> {
        let offset = *self.definitions.get(&die.offset).filter(|_| !die.supplementary)?;
        Some(DieRef { supplementary: false, offset })
    }

    /// Where the function is entered that the user's part of the program begins with, if a unit
    /// says so: Rust's `main` is not the one that the C library calls.
    pub fn main(&self) -> Option<ModuleAddr> {
        self.main.map(ModuleAddr)
    }

    /// The DIEs a typed name may mean: those it names exactly, else those whose last
    /// components it names. What functions declare for themselves counts where there is nothing
    /// else, and never for what begins with `::`.
    pub fn find(&self, kind: Kind, wanted: &str) -> Vec<DieRef> {
        let rooted = wanted.starts_with("::");
        let numbers = self.by_key.get(key(wanted)).into_iter().flatten();
        let items = numbers.filter_map(|number| self.items.get(*number as usize));
        let of_kind = items.filter(|item| item.kind == kind);
        let fits: Vec<_> = of_kind
            .filter(|item| !(rooted && item.inside))
            .filter_map(|item| Some(((item.inside, fit_exactly(&item.name, wanted)?), item.offset)))
            .collect();
        let best = fits.iter().map(|(rank, _)| *rank).min();
        let chosen = fits.into_iter().filter(|(rank, _)| Some(*rank) == best);
        chosen.map(|(_, offset)| DieRef { supplementary: false, offset }).collect()
    }

    /// The full name of a constant of the enumeration that a DIE declares.
    pub fn constant(&self, enumeration: DieRef, name: &str) -> Option<&str> {
        let numbers = self.by_key.get(key(name)).into_iter().flatten();
        let mut items = numbers.filter_map(|number| self.items.get(*number as usize));
        let is = |item: &&Item| item.kind == Kind::Constant && item.offset == enumeration.offset;
        items.find(is).filter(|_| !enumeration.supplementary).map(|item| &*item.name)
    }

    /// Types of a name.
    pub fn types_named(&self, name: &str) -> Vec<DieRef> {
        self.find(Kind::Type, name)
    }

    /// The full names of local variables called `name`: `function::name`.
    pub fn locals_named(&self, name: &str) -> impl Iterator<Item = &str> {
        let numbers = self.by_key.get(key(name)).into_iter().flatten();
        let items = numbers.filter_map(|number| self.items.get(*number as usize));
        let locals = items.filter(|item| item.kind == Kind::Local).map(|item| &*item.name);
        locals.filter(move |full| full.rsplit("::").next() == Some(name))
    }

    /// What is of a kind, in no order: names, and the DIEs that have them.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = (&str, DieRef)> {
        let items = self.items.iter().filter(move |item| item.kind == kind);
        items.map(|item| (&*item.name, DieRef { supplementary: false, offset: item.offset }))
    }

    /// Names of a kind, in no order.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.all(kind).map(|(name, _)| name)
    }
}

/// A name typed whole, template arguments included, beats one without.
fn fit_exactly(name: &str, wanted: &str) -> Option<(bool, Fit)> {
    if name == wanted || wanted.strip_prefix("::") == Some(name) {
        return Some((false, Fit::Exact));
    }
    // Only template arguments and such may be written in several ways.
    let is_plain = !name.contains(['<', '(', '{', '[']);
    if wanted.starts_with("::") && is_plain {
        return None;
    }
    fit(name, wanted).map(|fit| (true, fit))
}

/// What encloses the next DIE.
struct Open {
    depth: isize,
    /// Where it is.
    place: usize,
    /// The prefix of the names in it, `ns::Class::`.
    prefix: Arc<str>,
    /// The function, if it is code: variables in it are no module's.
    function: Option<Arc<str>>,
}

struct Walk<'w> {
    dies: &'w Dies,
    unit: &'w SharedUnit,
    start: usize,
    entries: EntriesRaw<'w, Reader>,
    budget: &'w Budget,
    names: &'w Budget,
    open: Vec<Open>,
    text: Option<String>,
}

/// What of a DIE's attributes matters.
#[derive(Default)]
struct Seen {
    declaration: bool,
    scoped: bool,
    /// Whether its names count as if they stood beside it.
    exported: bool,
    located: bool,
    /// Whether its place is an address, whatever the program counter.
    fixed: bool,
    /// Whether the linker threw away what was to be there.
    discarded: bool,
    completes: Option<DieRef>,
    /// What names it.
    origin: Option<DieRef>,
    /// Whether the user's part of the program begins with it.
    main: bool,
    /// Where its code begins.
    entry: Option<u64>,
    /// Where it is in a thread's storage.
    thread_offset: Option<u64>,
}

impl Walk<'_> {
    /// Reads one DIE; `None` at the end, or where the bytes make no sense.
    fn step(&mut self, declared: &mut Declared) -> Option<()> {
        if self.entries.is_empty() || !self.budget.take(1) {
            return None;
        }
        let (offset, depth) = (self.entries.next_offset().0, self.entries.next_depth());
        let Some(abbreviation) = self.entries.read_abbreviation().ok()? else { return Some(()) };
        while self.open.last().is_some_and(|open| open.depth >= depth) {
            self.open.pop();
        }
        let (tag, attributes) = (abbreviation.tag(), abbreviation.attributes());
        let what = role(tag);
        if what == Role::None {
            self.entries.skip_attributes(attributes).ok()?;
            return Some(());
        }
        let mut seen = self.attributes(attributes)?;
        seen.discarded |= seen.thread_offset.is_some_and(|offset| self.is_no_thread_local(offset));
        if seen.main && declared.main.is_none() {
            declared.main = seen.entry;
        }
        let place = self.start.saturating_add(offset);
        self.define(declared, what, &seen, place);
        let full = seen.completes.and_then(|completes| declared.qualified(completes));
        self.declare(declared, what, &seen, (place, full.as_ref()));
        self.note_use(declared, what, &seen, place);
        if abbreviation.has_children() && what.holds_names() && self.open.len() < MAX_NESTING {
            self.enter(what, seen.scoped, depth, (place, full));
            if what == Role::Space && self.names.take(1) {
                let name = self.prefix().trim_end_matches("::").into();
                declared.spaces.insert(place, name);
            }
        }
        Some(())
    }

    /// Notes that a namespace uses names of another, or of one inside it.
    fn note_use(&self, declared: &mut Declared, what: Role, seen: &Seen, place: usize) {
        let uses = what == Role::Use || what == Role::Space && seen.exported;
        let inside_code = self.open.iter().any(|open| open.function.is_some());
        if uses && !inside_code && self.names.take(1) {
            let space = self.prefix().trim_end_matches("::").into();
            declared.uses.push((self.start, space, place));
        }
    }

    fn attributes(&mut self, attributes: &[AttributeSpecification]) -> Option<Seen> {
        let mut seen = Seen::default();
        self.text = None;
        for spec in attributes {
            let attribute = self.entries.read_attribute(*spec).ok()?;
            match attribute.name() {
                gimli::DW_AT_name => {
                    let text = self.dies.dwarf().attr_string(self.unit, attribute.value()).ok();
                    self.text = text.and_then(|text| {
                        Some(gimli::Reader::to_string_lossy(&text).ok()?.into_owned())
                    });
                }
                gimli::DW_AT_declaration => seen.declaration = true,
                gimli::DW_AT_enum_class => seen.scoped = true,
                gimli::DW_AT_export_symbols => seen.exported = true,
                gimli::DW_AT_location | gimli::DW_AT_const_value => {
                    seen.located = true;
                    let address = self.address(&attribute.value());
                    seen.fixed = address.is_some();
                    seen.discarded = address.is_some_and(|address| TOMBSTONES.contains(&address));
                    seen.thread_offset = self.thread_offset(&attribute.value());
                }
                gimli::DW_AT_main_subprogram => {
                    seen.main = attribute.value() == AttributeValue::Flag(true);
                }
                gimli::DW_AT_low_pc => {
                    let value = attribute.value();
                    seen.entry = self.dies.dwarf().attr_address(self.unit, value).ok().flatten();
                }
                gimli::DW_AT_specification => seen.completes = self.place(&attribute.value()),
                gimli::DW_AT_abstract_origin => seen.origin = self.place(&attribute.value()),
                _ => {}
            }
        }
        Some(seen)
    }

    /// The address that a place begins with: of DW_OP_addr or DW_OP_addrx.
    fn address(&self, value: &AttributeValue<Reader>) -> Option<u64> {
        let AttributeValue::Exprloc(expression) = value else { return None };
        match expression.clone().operations(self.unit.encoding()).next().ok()?? {
            Operation::Address { address } => Some(address),
            Operation::AddressIndex { index } => self.dies.dwarf().address(self.unit, index).ok(),
            _ => None,
        }
    }

    /// Where a variable is in a thread's storage: a constant, and DW_OP_form_tls_address.
    fn thread_offset(&self, value: &AttributeValue<Reader>) -> Option<u64> {
        let AttributeValue::Exprloc(expression) = value else { return None };
        let mut operations = expression.clone().operations(self.unit.encoding());
        let offset = match operations.next().ok()?? {
            Operation::UnsignedConstant { value } => value,
            Operation::SignedConstant { value } => value.cast_unsigned(),
            Operation::Address { address } => address,
            Operation::AddressIndex { index } | Operation::ConstantIndex { index } => {
                self.dies.dwarf().address(self.unit, index).ok()?
            }
            _ => return None,
        };
        matches!(operations.next().ok()??, Operation::TLS).then_some(offset)
    }

    /// Whether the linker threw away the thread-local variable that was just read, which is said
    /// to be at an offset: what ld writes for that is the offset of the first, so that only
    /// symbols tell them apart.
    fn is_no_thread_local(&self, offset: u64) -> bool {
        match (offset, &self.text, &self.dies.first_thread_locals) {
            (0, Some(name), Some(first)) => !first.contains(name),
            (0, ..) => false,
            _ => TOMBSTONES.contains(&offset),
        }
    }

    fn place(&self, value: &AttributeValue<Reader>) -> Option<DieRef> {
        let offset = match value {
            AttributeValue::UnitRef(to) => self.start.checked_add(to.0)?,
            AttributeValue::DebugInfoRef(to) => to.0,
            _ => return None,
        };
        Some(DieRef { supplementary: false, offset })
    }

    /// Notes where the place is of a variable that another DIE names. Variables of functions
    /// count if they are static.
    fn define(&self, declared: &mut Declared, what: Role, seen: &Seen, place: usize) {
        let Some(origin) = seen.origin.filter(|_| what == Role::Variable && seen.located) else {
            return;
        };
        let inside_code = self.open.iter().any(|open| open.function.is_some());
        if seen.discarded {
            return;
        }
        if (seen.fixed || !inside_code) && !origin.supplementary && self.names.take(1) {
            declared.definitions.entry(origin.offset).or_insert(place);
        }
    }

    fn declare(
        &self,
        declared: &mut Declared,
        what: Role,
        seen: &Seen,
        (place, full): (usize, Option<&Arc<str>>),
    ) {
        let function = self.open.iter().rev().find_map(|open| open.function.clone());
        let inside_code = function.is_some();
        let kind = match what {
            _ if seen.discarded => return,
            Role::Variable | Role::Parameter if inside_code => Kind::Local,
            Role::Type | Role::Record | Role::Enumeration => Kind::Type,
            Role::Constant => Kind::Constant,
            Role::Variable if seen.located || !seen.declaration => Kind::Variable,
            // A static member, before DWARF 5.
            Role::Member if seen.located && seen.declaration => Kind::Variable,
            Role::Variable | Role::Member if seen.declaration => Kind::Declaration,
            _ => return,
        };
        let qualified = match (&self.text, seen.completes) {
            (Some(text), _) if kind == Kind::Local => {
                function.filter(|name| !name.is_empty()).map(|f| format!("{f}::{text}").into())
            }
            // A type unit's type and a static member's definition name their declarations.
            (_, Some(_)) if full.is_some() => full.cloned(),
            (Some(text), _) => Some(Arc::from(format!("{}{text}", self.prefix()))),
            (None, Some(completes)) => {
                self.dies.entry(completes).and_then(|entry| entry.name().map(Arc::from))
            }
            _ => None,
        };
        if let Some(name) = qualified.filter(|name| self.names.take(1 + name.len() as u64 / 64)) {
            let enumeration = self.open.last().map_or(place, |open| open.place);
            let place = if kind == Kind::Constant { enumeration } else { place };
            declared.add(kind, name, place, inside_code);
        }
    }

    fn prefix(&self) -> &str {
        self.open.last().map_or("", |open| &open.prefix)
    }

    fn enter(
        &mut self,
        what: Role,
        scoped: bool,
        depth: isize,
        (place, full): (usize, Option<Arc<str>>),
    ) {
        let outer = self.prefix();
        let prefix: Arc<str> = match (what, &self.text) {
            // What a type unit's type completes names it.
            (Role::Record, _) if full.is_some() => {
                format!("{}::", full.as_deref().unwrap_or_default()).into()
            }
            (Role::Enumeration, _) if full.is_some() => {
                let name = full.as_deref().unwrap_or_default();
                let space = name.rsplit_once("::").map_or("", |(space, _)| space);
                let around = if scoped { name } else { space };
                if around.is_empty() { "".into() } else { format!("{around}::").into() }
            }
            // The constants of an unscoped enumeration stand beside it.
            (Role::Enumeration, _) if !scoped => outer.into(),
            (Role::Space | Role::Record | Role::Enumeration, Some(name)) => {
                format!("{outer}{name}::").into()
            }
            (Role::Space, None) => format!("{outer}(anonymous namespace)::").into(),
            (Role::Code, _) => "".into(),
            _ => outer.into(),
        };
        let name = || format!("{outer}{}", self.text.as_deref().unwrap_or_default()).into();
        let function = (what == Role::Code).then(name);
        self.open.push(Open { depth, place, prefix, function });
    }
}

/// What a DIE is, for names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    None,
    Space,
    Record,
    Enumeration,
    Type,
    Variable,
    Parameter,
    Member,
    Constant,
    Code,
    Use,
}

impl Role {
    fn holds_names(self) -> bool {
        matches!(self, Self::Space | Self::Record | Self::Enumeration | Self::Code)
    }
}

fn role(tag: gimli::DwTag) -> Role {
    match tag {
        gimli::DW_TAG_namespace | gimli::DW_TAG_module => Role::Space,
        gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type | gimli::DW_TAG_union_type => {
            Role::Record
        }
        gimli::DW_TAG_enumeration_type => Role::Enumeration,
        gimli::DW_TAG_base_type | gimli::DW_TAG_typedef | gimli::DW_TAG_unspecified_type => {
            Role::Type
        }
        gimli::DW_TAG_variable => Role::Variable,
        gimli::DW_TAG_formal_parameter => Role::Parameter,
        gimli::DW_TAG_member => Role::Member,
        gimli::DW_TAG_enumerator => Role::Constant,
        gimli::DW_TAG_subprogram => Role::Code,
        gimli::DW_TAG_imported_module | gimli::DW_TAG_imported_declaration => Role::Use,
        _ => Role::None,
    }
}
