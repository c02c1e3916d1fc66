//! The variables of a function, as seen from an address in it.

use std::collections::HashSet;
use std::sync::Arc;

use super::address::ModuleAddr;
use super::dies::{DieRef, Dies, Entry};
use super::guard::guarded;
use super::location::lifetimes;
use super::module::ModuleSymbols;
use super::path;

/// Most variables listed of one function.
const MAX_VARIABLES: usize = 1 << 16;

/// Most entries looked at for one function: blocks can share an abstract one.
const MAX_VISITED: usize = 1 << 20;

/// Deepest nesting of blocks.
const MAX_DEPTH: usize = 256;

/// A parameter or local variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: Arc<str>,
    /// Its DIE: says its type and place.
    pub die: DieRef,
    /// Whether it is a parameter.
    pub parameter: bool,
    /// How many blocks it is nested in; 0 for the function's own.
    pub depth: usize,
    /// Whether its block contains the address.
    pub in_scope: bool,
    /// Whether its name means one outside of the function at the address, as a block further in
    /// declares (C17, 6.2.2): `extern int x;`.
    pub hidden: bool,
}

impl Variable {
    /// Whether its name means a variable of the function at the address: it, or one further in.
    pub fn is_visible(&self) -> bool {
        self.in_scope && !self.hidden
    }
}

/// A function or inlined copy around an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionDies {
    /// The source frame's own.
    pub own: DieRef,
    /// The function whose code it is inlined in; the same if it is not.
    pub physical: DieRef,
}

impl ModuleSymbols {
    /// The DIEs of the source frame `level` steps out from the innermost at an address; 0 is
    /// the innermost inlined copy.
    pub fn function_dies(&self, address: ModuleAddr, level: usize) -> Option<FunctionDies> {
        self.units().at(address.0).find_map(|unit| {
            let scopes = self.units().scopes(unit)?;
            let chain = scopes.chain_at(address.0);
            let place = |index: usize| {
                let scope = scopes.all.get(*chain.get(index)?)?;
                let offset = self.units().offset(unit)?.checked_add(scope.die)?;
                Some(DieRef { supplementary: false, offset })
            };
            let own = place(chain.len().checked_sub(level + 1)?)?;
            Some(FunctionDies { own, physical: place(0)? })
        })
    }
}

impl ModuleSymbols {
    /// Whether the file that declares a DIE is one that the unit of a function is made of.
    pub fn is_of_files(&self, die: DieRef, function: DieRef) -> bool {
        let unit = self.units().around(self.dies().in_its_unit(function).offset);
        let files = unit.map(|unit| self.units().files(unit)).unwrap_or_default();
        self.file_of(die).is_some_and(|own| files.iter().any(|file| **file == *own))
    }

    /// Whether a variable is declared in a source file of this name.
    pub fn is_in_file(&self, die: DieRef, file: &str) -> bool {
        self.file_of(die).is_some_and(|own| path::matches(&own, file))
    }

    /// The absolute name of the source file that a DIE is declared in.
    pub fn file_of(&self, die: DieRef) -> Option<String> {
        guarded(|| {
            // Each unit numbers the files in its own way.
            let (number, place) = self.dies().entry(die)?.inherited(|entry| {
                let number = match entry.attribute(gimli::DW_AT_decl_file)? {
                    gimli::AttributeValue::FileIndex(number) => number,
                    other => other.udata_value()?,
                };
                Some((number, entry.place()))
            })?;
            if place.supplementary {
                return None;
            }
            let unit = self.units().around(place.offset)?;
            Some(self.units().file(unit, u32::try_from(number).ok()?)?.to_owned())
        })
    }

    /// The line that a DIE is declared in (DW_AT_decl_line).
    pub fn line_of(&self, die: DieRef) -> Option<u64> {
        let line = |entry: &Entry<'_>| entry.unsigned(gimli::DW_AT_decl_line);
        guarded(|| self.dies().entry(die)?.inherited(line))
    }

    /// Whether its line tables mention a source file of this name.
    pub fn has_source_file(&self, file: &str) -> bool {
        let units = self.units();
        (0..units.len()).any(|unit| units.files(unit).iter().any(|name| path::matches(name, file)))
    }
}

impl Dies {
    /// The code of a function, or of an inlined copy.
    pub fn code_of(&self, function: DieRef) -> Option<Vec<(u64, u64)>> {
        guarded(|| Some(self.entry(function)?.ranges()))
    }

    /// Whether a function may have been optimised: of all that were, and of some others, compilers
    /// tell the calls (DWARF 5, 3.4: DW_AT_call_all_calls, and GNU's names for it before).
    pub fn tells_calls(&self, function: DieRef) -> bool {
        const NAMES: [gimli::DwAt; 5] = [
            gimli::DW_AT_call_all_calls,
            gimli::DW_AT_call_all_source_calls,
            gimli::DW_AT_call_all_tail_calls,
            gimli::DW_AT_GNU_all_call_sites,
            gimli::DW_AT_GNU_all_tail_call_sites,
        ];
        let told = || {
            let entry = self.entry(function)?;
            Some(NAMES.iter().any(|name| entry.flag(*name)))
        };
        guarded(told).unwrap_or_default()
    }

    /// The code of the innermost block of `function` that declares a variable.
    pub fn block_of(&self, function: DieRef, variable: DieRef) -> Option<Vec<(u64, u64)>> {
        guarded(|| {
            let mut pending = vec![self.entry(function)?];
            let mut visited = 0;
            while let Some(block) = pending.pop() {
                let children = block.children();
                visited += children.len();
                if children.iter().any(|child| child.place() == variable) {
                    return Some(block.ranges());
                }
                let is_block = |child: &Entry<'_>| child.tag() == gimli::DW_TAG_lexical_block;
                pending.extend(children.into_iter().filter(is_block));
                if visited > MAX_VARIABLES {
                    break;
                }
            }
            None
        })
    }

    /// The innermost lexical block around `address` in the function (or inlined copy)
    /// `function`; itself where there is none.
    pub fn block_around(&self, function: DieRef, address: ModuleAddr) -> DieRef {
        self.blocks_around(function, address).first().copied().unwrap_or(function)
    }

    /// The lexical blocks around `address` in a function (or inlined copy), innermost first, and
    /// the function.
    pub fn blocks_around(&self, function: DieRef, address: ModuleAddr) -> Vec<DieRef> {
        let mut blocks = vec![function];
        let find = || {
            let mut block = self.entry(function)?;
            for _ in 0..MAX_DEPTH {
                let around = |child: &Entry<'_>| {
                    child.tag() == gimli::DW_TAG_lexical_block && child.covers(address.0)
                };
                block = block.children().into_iter().find(around)?;
                blocks.push(block.place());
            }
            None::<()>
        };
        guarded(find);
        blocks.reverse();
        blocks
    }

    /// The variables of the function (or inlined copy) `function` that has code at
    /// `address`: outer blocks first, each block's in the order of the source.
    pub fn variables(&self, function: DieRef, address: ModuleAddr) -> Vec<Variable> {
        guarded(|| {
            let mut found = Search { address, ..Search::default() };
            if let Some(entry) = self.entry(function) {
                found.block(&entry, 0, true);
            }
            found.all()
        })
    }

    /// The module addresses at which a variable has a place: `None` if wherever its block is.
    pub fn lifetimes(&self, die: DieRef) -> Option<Vec<(u64, u64)>> {
        guarded(|| lifetimes(&self.entry(die)?))
    }
}

#[derive(Default)]
struct Search {
    address: ModuleAddr,
    found: Vec<Variable>,
    /// Names that blocks around the address declare to be outside, and the blocks' depths.
    outside: Vec<(String, usize)>,
    /// What concrete entries complete.
    seen: HashSet<DieRef>,
    visited: usize,
}

impl Search {
    fn block(&mut self, block: &Entry<'_>, depth: usize, in_scope: bool) {
        if self.visited > MAX_VISITED {
            return;
        }
        let children = block.children();
        self.visited += 1 + children.len();
        self.seen.extend(children.iter().filter_map(|child| Some(child.origin()?.place())));
        let mut blocks = Vec::new();
        for child in children {
            match child.tag() {
                gimli::DW_TAG_formal_parameter | gimli::DW_TAG_variable => {
                    self.add(&child, depth, in_scope);
                }
                gimli::DW_TAG_lexical_block
                | gimli::DW_TAG_try_block
                | gimli::DW_TAG_catch_block
                    if depth < MAX_DEPTH =>
                {
                    blocks.push(child);
                }
                _ => {}
            }
        }
        for child in blocks {
            self.block(&child, depth + 1, in_scope && child.covers(self.address.0));
        }
        // What was optimised away altogether has entries only in the abstract function.
        let origin = block.reference(gimli::DW_AT_abstract_origin);
        for child in origin.and_then(|at| block.dies().entry(at)).iter().flat_map(Entry::children) {
            self.visited += 1;
            let variable =
                matches!(child.tag(), gimli::DW_TAG_formal_parameter | gimli::DW_TAG_variable);
            if variable && !self.seen.contains(&child.place()) {
                self.add(&child, depth, in_scope);
            }
        }
    }

    fn add(&mut self, child: &Entry<'_>, depth: usize, in_scope: bool) {
        if self.found.len() >= MAX_VARIABLES {
            return;
        }
        let Some(name) = child.name() else { return };
        // `extern int x;` inside a function means the one outside.
        if child.flag(gimli::DW_AT_declaration) {
            if in_scope && self.outside.len() < MAX_VARIABLES {
                self.outside.push((name, depth));
            }
            return;
        }
        self.found.push(Variable {
            name: name.into(),
            die: child.place(),
            parameter: child.tag() == gimli::DW_TAG_formal_parameter,
            depth,
            in_scope,
            hidden: false,
        });
    }

    fn all(mut self) -> Vec<Variable> {
        for (name, depth) in &self.outside {
            let outer = self.found.iter_mut().filter(|one| one.in_scope && one.depth <= *depth);
            outer.filter(|one| *one.name == **name).for_each(|one| one.hidden = true);
        }
        self.found
    }
}
