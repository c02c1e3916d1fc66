//! The DWARF sections of a module, wherever they were found.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use gimli::{AttributeValue, DwarfSections, Unit};

use super::bytes::{Bytes, Reader, Slice};
use super::debug_file::DebugSearch;
use super::elf::Elf;
use super::scopes::Scope;
use super::table::SymbolTable;

/// gimli's view of the sections, borrowed, with what finds units in them.
pub(crate) struct Dwarf<'a> {
    sections: gimli::Dwarf<Slice<'a>>,
    starts: &'a Starts,
    supplementary: &'a Starts,
}

impl<'a> Deref for Dwarf<'a> {
    type Target = gimli::Dwarf<Slice<'a>>;

    fn deref(&self) -> &Self::Target {
        &self.sections
    }
}

impl DerefMut for Dwarf<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.sections
    }
}

/// Where the units of a `.debug_info` start, in order; read once, when a reference first leads
/// from one to another.
#[derive(Debug, Default)]
pub(crate) struct Starts(OnceLock<Vec<usize>>);

impl Starts {
    /// The unit that contains a place in `.debug_info`.
    fn unit_around<'a>(
        &self,
        dwarf: &gimli::Dwarf<Slice<'a>>,
        place: gimli::DebugInfoOffset,
    ) -> Option<(Unit<Slice<'a>>, gimli::UnitOffset)> {
        let starts = self.0.get_or_init(|| {
            let mut headers = dwarf.units();
            let next = || headers.next().ok().flatten();
            std::iter::from_fn(next)
                .filter_map(|header| Some(header.debug_info_offset()?.0))
                .collect()
        });
        let before = starts.partition_point(|start| *start <= place.0).checked_sub(1)?;
        let start = gimli::DebugInfoOffset(*starts.get(before)?);
        let header = dwarf.debug_info.header_from_offset(start).ok()?;
        let offset = place.to_unit_offset(&header)?;
        Some((dwarf.unit(header).ok()?, offset))
    }
}

/// Most abstract origins and specifications followed for one name.
const MAX_ORIGINS: usize = 16;

/// DWARF sections, with those of the supplementary file.
#[derive(Debug, Default)]
pub(crate) struct DebugInfo {
    main: DwarfSections<Bytes>,
    supplementary: Option<DwarfSections<Bytes>>,
    starts: Starts,
    supplementary_starts: Starts,
}

impl DebugInfo {
    /// Loads (and decompresses) the sections of `elf`.
    pub fn load(elf: &Elf, search: &DebugSearch, notices: &mut Vec<String>) -> Self {
        let main = sections(elf, notices);
        let supplementary = search.supplementary(elf).map(|sup| sections(&sup, notices));
        let info = Self { main, supplementary, ..Self::default() };
        if info.is_split() {
            notices.push(
                "most of its debug information is in .dwo files (split DWARF), which are not \
                 read: its variables and types are not known"
                    .to_owned(),
            );
        }
        info
    }

    /// Whether the first units are but skeletons of what split files hold (DWARF 5, 7.3.2;
    /// gcc's extension of DWARF 4).
    fn is_split(&self) -> bool {
        const LOOKED_AT: usize = 16;
        let dwarf = self.borrow();
        let mut headers = dwarf.units();
        let next = || headers.next().ok().flatten();
        std::iter::from_fn(next).take(LOOKED_AT).any(|header| {
            let unit = dwarf.unit(header).ok();
            unit.is_some_and(|unit| unit.dwo_name().is_ok_and(|name| name.is_some()))
        })
    }

    /// For use in here: cheap to make, no reference counts.
    pub fn borrow(&self) -> Dwarf<'_> {
        Dwarf {
            sections: self.main.borrow_with_sup(self.supplementary.as_ref(), Bytes::slice),
            starts: &self.starts,
            supplementary: &self.supplementary_starts,
        }
    }

    /// For those who keep it.
    pub fn share(&self) -> gimli::Dwarf<Reader> {
        self.main.borrow_with_sup(self.supplementary.as_ref(), Bytes::reader)
    }
}

fn sections(elf: &Elf, notices: &mut Vec<String>) -> DwarfSections<Bytes> {
    let load = |id: gimli::SectionId| -> Result<Bytes, std::convert::Infallible> {
        Ok(elf
            .section(id.name())
            .unwrap_or_else(|notice| {
                notices.push(notice);
                None
            })
            .unwrap_or_default())
    };
    match DwarfSections::load(load) {
        Ok(sections) => sections,
        Err(never) => match never {},
    }
}

/// The names a DIE gives a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DieNames {
    /// DW_AT_name.
    pub plain: Option<String>,
    /// DW_AT_linkage_name: mangled.
    pub linkage: Option<String>,
    /// The plain name behind those of the classes and namespaces around it.
    pub qualified: Option<String>,
    /// The DIEs of the unit that the names were looked for in, by their offsets.
    pub places: Vec<usize>,
}

impl DieNames {
    /// As [`DieNames::display`], for the scope these are the names of: the
    /// symbol table may know more about a function with code of its own.
    pub fn display_of(&self, scope: &Scope, table: &SymbolTable) -> Option<Arc<str>> {
        let plain = self.plain.as_deref().filter(|_| self.linkage.is_none());
        let plain = plain.filter(|_| scope.call.is_none());
        let qualified = plain.and_then(|plain| table.qualify(plain, scope.entry));
        qualified.map(Arc::from).or_else(|| self.display())
    }

    /// The name for people: qualified if the linkage name knows more.
    pub fn display(&self) -> Option<Arc<str>> {
        let demangled = self.linkage.as_deref().map(super::demangle::demangle_short);
        let demangled = demangled.filter(|name| Some(name) != self.linkage.as_ref());
        let plain = self.qualified.clone().or_else(|| self.plain.clone());
        demangled.or(plain).or_else(|| self.linkage.clone()).map(Arc::from)
    }
}

/// The names of the DIE at `offset` of `unit`, following abstract origins and
/// specifications, across units too.
pub(crate) fn die_names<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<Slice<'a>>,
    offset: gimli::UnitOffset,
) -> DieNames {
    let mut names = DieNames::default();
    let (starts, supplementary) = (dwarf.starts, dwarf.supplementary);
    let (mut dwarf, mut starts, mut offset) = (&dwarf.sections, starts, offset);
    let mut other: Option<Unit<Slice<'a>>> = None;
    for _ in 0..MAX_ORIGINS {
        let here = other.as_ref().unwrap_or(unit);
        let Ok(entry) = here.entry(offset) else { break };
        if other.is_none() {
            names.places.push(offset.0);
        }
        let text = |name| {
            let value = entry.attr_value(name)?;
            let text = dwarf.attr_string(here, value).ok()?;
            Some(text.to_string_lossy().into_owned())
        };
        names.plain = names.plain.or_else(|| text(gimli::DW_AT_name));
        names.linkage = names.linkage.or_else(|| text(gimli::DW_AT_linkage_name));
        names.linkage = names.linkage.or_else(|| text(gimli::DW_AT_MIPS_linkage_name));
        let origin = entry.attr_value(gimli::DW_AT_abstract_origin);
        match origin.or_else(|| entry.attr_value(gimli::DW_AT_specification)) {
            Some(AttributeValue::UnitRef(to)) => offset = to,
            Some(AttributeValue::DebugInfoRef(to)) => {
                let Some((unit, to)) = starts.unit_around(dwarf, to) else { break };
                (other, offset) = (Some(unit), to);
            }
            Some(AttributeValue::DebugInfoRefSup(to)) => {
                let Some(sup) = dwarf.sup() else { break };
                let Some((unit, to)) = supplementary.unit_around(sup, to) else { break };
                (dwarf, starts) = (sup, supplementary);
                (other, offset) = (Some(unit), to);
            }
            _ => break,
        }
    }
    names
}
