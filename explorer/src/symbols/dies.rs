//! The entries (DIEs) of a module's debug information, by their place.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use gimli::{AttributeValue, DebuggingInformationEntry, UnitOffset};

use super::bytes::Reader;
use super::datatypes::TypeCache;
use super::declared::Declared;
use super::guard::guarded;
use super::surroundings::Surroundings;
use super::uses::Uses;

/// Most abstract origins and specifications followed for one attribute.
const MAX_ORIGINS: usize = 16;

/// Most children looked at below one entry.
const MAX_CHILDREN: usize = 1 << 18;

/// gimli's view of the sections, owned.
pub(crate) type SharedDwarf = gimli::Dwarf<Reader>;
/// A parsed unit, owned.
pub(crate) type SharedUnit = gimli::Unit<Reader>;
/// The header of a unit, owned.
type Header = gimli::UnitHeader<Reader>;
/// The value of an attribute.
pub(crate) type Attribute = AttributeValue<Reader>;
/// A DWARF expression.
pub(crate) type Expression = gimli::Expression<Reader>;

/// A constant, if that is what an attribute holds. Its form's size says nothing of its type
/// (DWARF 5, 7.5.5), and its sign is only known where the form has one: compilers write
/// 200 as `DW_FORM_data1`, whatever the type, and what is negative as `DW_FORM_sdata`.
pub(crate) fn constant(value: &Attribute) -> Option<i128> {
    match value {
        AttributeValue::Data1(value) => Some((*value).into()),
        AttributeValue::Data2(value) => Some((*value).into()),
        AttributeValue::Data4(value) => Some((*value).into()),
        // Wide enough for any type's sign.
        AttributeValue::Data8(value) => Some(value.cast_signed().into()),
        AttributeValue::Sdata(value) => Some((*value).into()),
        other => other.udata_value().map(i128::from),
    }
}

/// The place of a DIE in a module's `.debug_info`, or in its `.debug_types` (DWARF 4,
/// 7.5.1.2), which counts as if it stood behind that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DieRef {
    /// Whether it is in the supplementary file (DWARF 5, 7.3.6).
    pub supplementary: bool,
    /// Offset in the sections.
    pub offset: usize,
}

/// One unit, parsed when first needed.
#[derive(Debug)]
struct Held {
    start: usize,
    /// Of one in `.debug_types`: they are found one behind the other only.
    header: Option<Box<Header>>,
    unit: OnceLock<Option<SharedUnit>>,
}

/// The units of one file.
#[derive(Debug)]
struct File {
    dwarf: Arc<SharedDwarf>,
    units: Vec<Held>,
    /// Type units by signature, ascending (DWARF 5, 7.5.1.3): the type's offset.
    signatures: Vec<(u64, usize)>,
}

/// The type that a type unit is about: its signature and offset, if `header`, at `start`,
/// is one's.
fn signature(header: &Header, start: usize) -> Option<(u64, usize)> {
    match header.type_() {
        gimli::UnitType::Type { type_signature, type_offset }
        | gimli::UnitType::SplitType { type_signature, type_offset } => {
            Some((type_signature.0, start.saturating_add(type_offset.0)))
        }
        _ => None,
    }
}

impl File {
    fn new(dwarf: Arc<SharedDwarf>) -> Self {
        let (mut units, mut signatures) = (Vec::new(), Vec::new());
        let mut headers = dwarf.units();
        while let Ok(Some(header)) = headers.next() {
            let Some(start) = header.debug_info_offset() else { continue };
            signatures.extend(signature(&header, start.0));
            units.push(Held { start: start.0, header: None, unit: OnceLock::new() });
        }
        let behind = gimli::Reader::len(gimli::Section::reader(&dwarf.debug_info));
        let mut headers = dwarf.type_units();
        while let Ok(Some(header)) = headers.next() {
            let Some(offset) = header.debug_types_offset() else { continue };
            let start = behind.saturating_add(offset.0);
            signatures.extend(signature(&header, start));
            units.push(Held { start, header: Some(Box::new(header)), unit: OnceLock::new() });
        }
        signatures.sort_unstable();
        Self { dwarf, units, signatures }
    }

    /// The unit around an offset, and where it starts.
    fn around(&self, offset: usize) -> Option<(&SharedUnit, usize)> {
        let after = self.units.partition_point(|held| held.start <= offset);
        let held = self.units.get(after.checked_sub(1)?)?;
        let parse = || {
            let of_info = || self.dwarf.unit_header(gimli::DebugInfoOffset(held.start)).ok();
            let header = held.header.as_deref().cloned().or_else(of_info)?;
            self.dwarf.unit(header).ok()
        };
        Some((held.unit.get_or_init(parse).as_ref()?, held.start))
    }
}

/// All entries of a module. Units stay parsed once one of their entries was asked for.
#[derive(Debug)]
pub struct Dies {
    main: File,
    supplementary: Option<File>,
    /// What symbols call the thread-local variables at the beginning of a thread's storage, if
    /// there are symbols.
    pub(super) first_thread_locals: Option<HashSet<String>>,
    pub(super) declared: OnceLock<Declared>,
    pub(super) types: TypeCache,
    pub(super) surroundings: Surroundings,
    pub(super) uses: Uses,
}

impl Dies {
    /// Of these sections; with the names of the thread-local variables that symbols have at the
    /// beginning of a thread's storage.
    pub(crate) fn new(
        dwarf: Arc<SharedDwarf>,
        first_thread_locals: Option<HashSet<String>>,
    ) -> Self {
        let supplementary = dwarf.sup.as_ref().map(|sup| File::new(Arc::clone(sup)));
        Self {
            main: File::new(dwarf),
            supplementary,
            first_thread_locals,
            declared: OnceLock::new(),
            types: TypeCache::default(),
            surroundings: Surroundings::default(),
            uses: Uses::default(),
        }
    }

    fn file(&self, supplementary: bool) -> Option<&File> {
        if supplementary { self.supplementary.as_ref() } else { Some(&self.main) }
    }

    /// The entry at a place.
    pub(crate) fn entry(&self, die: DieRef) -> Option<Entry<'_>> {
        let file = self.file(die.supplementary)?;
        let (unit, start) = file.around(die.offset)?;
        let entry = unit.entry(UnitOffset(die.offset.checked_sub(start)?)).ok()?;
        Some(Entry { dies: self, file, unit, start, supplementary: die.supplementary, entry })
    }

    /// Whether a variable is seen outside of its unit (DWARF 5, 4.1); in Rust, visibility is no
    /// matter of units.
    pub fn is_shared(&self, die: DieRef) -> bool {
        let external = |entry: &Entry<'_>| entry.flag(gimli::DW_AT_external).then_some(());
        self.entry(die).is_some_and(|entry| {
            entry.language() == Language::Rust || entry.inherited(external).is_some()
        })
    }

    /// The entry of a function or variable in the unit of its source: what its abstract origins
    /// lead to. Link-time optimisation puts code and places into units of its own.
    pub fn in_its_unit(&self, die: DieRef) -> DieRef {
        let mut place = die;
        guarded(|| {
            for _ in 0..MAX_ORIGINS {
                place = self.entry(place)?.reference(gimli::DW_AT_abstract_origin)?;
            }
            Some(())
        });
        place
    }

    /// The entry that has the place of a variable with static storage.
    pub fn defined(&self, die: DieRef) -> DieRef {
        self.declared().definition(die).unwrap_or(die)
    }

    /// Whether nothing says where a variable is, as of one that is defined elsewhere (DWARF 5,
    /// 4.1).
    pub fn is_placeless(&self, die: DieRef) -> bool {
        guarded(|| {
            let placed = |entry: &Entry<'_>| {
                let place = entry.attribute(gimli::DW_AT_location);
                place.or_else(|| entry.attribute(gimli::DW_AT_const_value))
            };
            Some(self.entry(self.defined(die))?.inherited(placed).is_none())
        })
        .unwrap_or_default()
    }

    /// The name by which the linker knows a variable, if others see it (DWARF 5, 4.1).
    pub fn linker_name(&self, die: DieRef) -> Option<String> {
        guarded(|| {
            let entry = self.entry(self.defined(die))?;
            let shared = |entry: &Entry<'_>| entry.flag(gimli::DW_AT_external).then_some(());
            entry.inherited(shared)?;
            let linkage = entry.inherited(|entry| entry.own_text(gimli::DW_AT_linkage_name));
            linkage.or_else(|| entry.name())
        })
    }

    /// Whether two entries are of one unit, as the source has them.
    pub fn same_unit(&self, a: DieRef, b: DieRef) -> bool {
        let (a, b) = (self.in_its_unit(a), self.in_its_unit(b));
        let start = |die: DieRef| Some(self.file(die.supplementary)?.around(die.offset)?.1);
        a.supplementary == b.supplementary && start(a).is_some() && start(a) == start(b)
    }

    /// Where each unit of the module's own file starts.
    pub(crate) fn unit_starts(&self) -> impl Iterator<Item = usize> + '_ {
        self.main.units.iter().map(|held| held.start)
    }

    /// The unit that starts at an offset of the module's own file.
    pub(crate) fn unit(&self, start: usize) -> Option<&SharedUnit> {
        self.main.around(start).map(|(unit, _)| unit)
    }

    /// The sections of the module's own file.
    pub(crate) fn dwarf(&self) -> &SharedDwarf {
        &self.main.dwarf
    }
}

/// An entry with all that is needed to read it.
pub(crate) struct Entry<'d> {
    dies: &'d Dies,
    file: &'d File,
    unit: &'d SharedUnit,
    start: usize,
    supplementary: bool,
    entry: DebuggingInformationEntry<Reader>,
}

impl<'d> Entry<'d> {
    /// Its place.
    pub fn place(&self) -> DieRef {
        self.at(self.entry.offset().0)
    }

    /// The place of an offset of its unit.
    pub fn at(&self, offset: usize) -> DieRef {
        let offset = self.start.saturating_add(offset);
        DieRef { supplementary: self.supplementary, offset }
    }

    /// What it describes.
    pub fn tag(&self) -> gimli::DwTag {
        self.entry.tag()
    }

    /// Its unit.
    pub fn unit(&self) -> &'d SharedUnit {
        self.unit
    }

    /// The sections its unit is in.
    pub fn dwarf(&self) -> &'d SharedDwarf {
        &self.file.dwarf
    }

    /// All entries of its module.
    pub fn dies(&self) -> &'d Dies {
        self.dies
    }

    /// An attribute of its own.
    pub fn attribute(&self, name: gimli::DwAt) -> Option<Attribute> {
        self.entry.attr_value(name)
    }

    /// The place an attribute refers to.
    pub fn reference(&self, name: gimli::DwAt) -> Option<DieRef> {
        self.resolve(self.attribute(name)?)
    }

    /// The place a value refers to.
    pub fn resolve(&self, value: Attribute) -> Option<DieRef> {
        match value {
            AttributeValue::UnitRef(to) => Some(self.at(to.0)),
            AttributeValue::DebugInfoRef(to) => {
                Some(DieRef { supplementary: self.supplementary, offset: to.0 })
            }
            AttributeValue::DebugInfoRefSup(to) => {
                Some(DieRef { supplementary: true, offset: to.0 })
            }
            AttributeValue::DebugTypesRef(signature) => {
                let known = &self.file.signatures;
                let found = known.binary_search_by_key(&signature.0, |(known, _)| *known).ok()?;
                let offset = known.get(found)?.1;
                Some(DieRef { supplementary: self.supplementary, offset })
            }
            _ => None,
        }
    }

    /// The type that it only stands for, with nothing but that one's signature (DWARF 5,
    /// 5.7.1); its own place if it is a type itself.
    pub fn complete(&self) -> DieRef {
        self.reference(gimli::DW_AT_signature).unwrap_or_else(|| self.place())
    }

    /// Whether it only stands for a type, whose unit is not there.
    pub fn is_bodiless(&self) -> bool {
        self.attribute(gimli::DW_AT_signature).is_some()
    }

    /// The entry this one completes: its abstract origin, or its specification.
    pub fn origin(&self) -> Option<Entry<'d>> {
        let origin = self.reference(gimli::DW_AT_abstract_origin);
        self.dies.entry(origin.or_else(|| self.reference(gimli::DW_AT_specification))?)
    }

    /// What `read` finds in it, or in what it completes.
    pub fn inherited<T>(&self, read: impl Fn(&Entry<'d>) -> Option<T>) -> Option<T> {
        if let Some(found) = read(self) {
            return Some(found);
        }
        let mut next = self.origin();
        for _ in 0..MAX_ORIGINS {
            let entry = next?;
            if let Some(found) = read(&entry) {
                return Some(found);
            }
            next = entry.origin();
        }
        None
    }

    /// Its name, or that of what it completes.
    pub fn name(&self) -> Option<String> {
        self.inherited(|entry| entry.own_text(gimli::DW_AT_name))
    }

    /// A text of its own.
    pub fn own_text(&self, name: gimli::DwAt) -> Option<String> {
        let text = self.file.dwarf.attr_string(self.unit, self.attribute(name)?).ok()?;
        let text = gimli::Reader::to_string_lossy(&text).ok()?;
        Some(text.into_owned())
    }

    /// An unsigned number of its own.
    pub fn unsigned(&self, name: gimli::DwAt) -> Option<u64> {
        self.attribute(name)?.udata_value()
    }

    /// A number of its own that may be negative; `None` as well where it is no constant.
    pub fn number(&self, name: gimli::DwAt) -> Option<i128> {
        constant(&self.attribute(name)?)
    }

    /// Whether a flag is set.
    pub fn flag(&self, name: gimli::DwAt) -> bool {
        matches!(self.attribute(name), Some(AttributeValue::Flag(true)))
    }

    /// Its type, or that of what it completes.
    pub fn type_place(&self) -> Option<DieRef> {
        self.inherited(|entry| entry.reference(gimli::DW_AT_type))
    }

    /// Its direct children.
    pub fn children(&self) -> Vec<Entry<'d>> {
        let mut found = Vec::new();
        let Ok(mut tree) = self.unit.entries_tree(Some(self.entry.offset())) else { return found };
        let Ok(root) = tree.root() else { return found };
        let mut children = root.children();
        while let Ok(Some(child)) = children.next() {
            found.push(self.sibling(child.entry().clone()));
            if found.len() >= MAX_CHILDREN {
                break;
            }
        }
        found
    }

    fn sibling(&self, entry: DebuggingInformationEntry<Reader>) -> Entry<'d> {
        let Self { dies, file, unit, start, supplementary, .. } = *self;
        Entry { dies, file, unit, start, supplementary, entry }
    }

    /// Whether its code contains a module address; without ranges of its own, yes.
    pub fn covers(&self, address: u64) -> bool {
        let ranges = self.ranges();
        ranges.is_empty() || ranges.iter().any(|(begin, end)| (*begin..*end).contains(&address))
    }

    /// Its code: (first address, first address after).
    pub fn ranges(&self) -> Vec<(u64, u64)> {
        const MAX_RANGES: usize = 1 << 16;
        let mut found = Vec::new();
        let Ok(mut ranges) = self.file.dwarf.die_ranges(self.unit, &self.entry) else {
            return found;
        };
        while let Ok(Some(range)) = ranges.next() {
            if range.begin < range.end {
                found.push((range.begin, range.end));
            }
            if found.len() >= MAX_RANGES {
                break;
            }
        }
        found
    }

    /// The language of its unit.
    pub fn language(&self) -> Language {
        Language::of(self.unit)
    }

    /// Whether its unit is assembly.
    pub fn is_assembly(&self) -> bool {
        let root = self.unit.entry(self.unit.header.root_offset());
        let language = root.ok().and_then(|root| root.attr_value(gimli::DW_AT_language));
        matches!(language, Some(AttributeValue::Language(gimli::DW_LANG_Mips_Assembler)))
    }
}

/// Languages whose values look different.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// C, and what is shown like it.
    #[default]
    C,
    /// C++: type names without `struct`.
    Cpp,
    /// Rust.
    Rust,
}

impl Language {
    fn of(unit: &SharedUnit) -> Self {
        let Ok(root) = unit.entry(unit.header.root_offset()) else { return Self::C };
        match root.attr_value(gimli::DW_AT_language) {
            Some(AttributeValue::Language(gimli::DW_LANG_Rust)) => Self::Rust,
            Some(AttributeValue::Language(
                gimli::DW_LANG_C_plus_plus
                | gimli::DW_LANG_C_plus_plus_03
                | gimli::DW_LANG_C_plus_plus_11
                | gimli::DW_LANG_C_plus_plus_14
                | gimli::DW_LANG_C_plus_plus_17
                | gimli::DW_LANG_C_plus_plus_20,
            )) => Self::Cpp,
            _ => Self::C,
        }
    }
}
