//! What a name may mean at a place of the source, in the order in which its language looks:
//! blocks, the class of a method with its bases, namespaces or modules outwards (C++20,
//! [basic.lookup.unqual]; Rust goes by modules, of which the debug information has the same).

use std::sync::Arc;

use super::address::ModuleAddr;
use super::dies::{DieRef, Dies, Entry, Language};
use super::guard::guarded;
use super::module::ModuleSymbols;
use super::names::{first_component, tight};
use super::surroundings::{Level, joined};
use super::uses::{Use, Used};

/// Most meanings of one name.
const MAX_MEANINGS: usize = 256;

/// Deepest nesting of uses, and of base classes.
const MAX_DEPTH: usize = 16;

/// One thing that a name may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// What this block or class declares by the name.
    Inside(DieRef),
    /// What has this full name, which begins with `::`.
    Full(String),
}

impl ModuleSymbols {
    /// What a name may mean in a function (or inlined copy), at an address of it, if one is
    /// given; what comes first counts.
    pub fn meanings(
        &self,
        (function, address): (DieRef, Option<ModuleAddr>),
        name: &str,
    ) -> Vec<Meaning> {
        let dies = self.dies();
        let levels = dies.levels(function, address);
        let rooted = match dies.language_of(function) {
            Language::Rust => self.of_a_module(&levels, name),
            _ => None,
        };
        let name = rooted.as_deref().unwrap_or(name);
        let uses = dies.uses(function);
        let mut search = Search { dies, uses: &uses, found: Vec::new(), pending: Vec::new() };
        match name.strip_prefix("::") {
            Some(name) => search.within("", name, 0),
            None => search.outwards(&levels, name),
        }
        search.found
    }

    /// The full name of what Rust's `crate::`, `self::` and `super::` lead to.
    fn of_a_module(&self, levels: &[Level], name: &str) -> Option<String> {
        let (first, rest) = first_component(name);
        let mut rest = rest.filter(|_| matches!(first, "crate" | "self" | "super"))?;
        // What is in functions and `impl` blocks is in their module.
        let is_module = |space: &str| {
            !space.rsplit("::").next().is_some_and(|last| last.starts_with('{'))
                && self.addresses_of_function(&*format!("::{space}")).is_empty()
        };
        let mut spaces = levels.iter().filter_map(|level| match level {
            Level::Space(space) if !space.is_empty() => Some(&**space),
            _ => None,
        });
        let mut module = match first {
            "crate" => spaces.next_back()?,
            _ => spaces.find(|space| is_module(space))?,
        };
        if first == "super" {
            module = module.rsplit_once("::")?.0;
        }
        while let (outer, Some(inner)) = first_component(rest)
            && outer == "super"
        {
            module = module.rsplit_once("::")?.0;
            rest = inner;
        }
        Some(format!("::{}", joined(module, rest)))
    }
}

struct Search<'d> {
    dies: &'d Dies,
    uses: &'d [Use],
    found: Vec<Meaning>,
    /// Namespaces whose names are seen as if they stood in another: that one, and theirs
    /// ([namespace.udir]).
    pending: Vec<(String, Arc<str>)>,
}

impl Search<'_> {
    fn outwards(&mut self, levels: &[Level], name: &str) {
        let simple = first_component(name).1.is_none();
        let mut spaces = levels.iter().filter_map(|level| match level {
            Level::Block(_) => None,
            Level::Class(_, full) | Level::Space(full) => Some(&**full),
        });
        let innermost = spaces.next().unwrap_or_default();
        for level in levels {
            match level {
                Level::Block(place) => self.block(*place, innermost, name),
                Level::Class(place, full) => self.class((*place, full), (name, simple), 0),
                Level::Space(full) => self.space(full, name),
            }
        }
    }

    fn add(&mut self, meaning: Meaning) {
        if self.found.len() < MAX_MEANINGS {
            self.found.push(meaning);
        }
    }

    fn block(&mut self, place: DieRef, space: &str, name: &str) {
        let (first, rest) = first_component(name);
        if rest.is_none() {
            self.add(Meaning::Inside(place));
        }
        for used in self.dies.uses_of_block(place) {
            match used {
                Used::One(own, full) if *own == *first => self.instead(&full, rest, 0),
                Used::One(..) => {}
                Used::All(used) => self.pending.push((common(space, &used), used)),
            }
        }
    }

    fn class(&mut self, class: (DieRef, &str), (name, simple): (&str, bool), depth: usize) {
        let (place, full) = class;
        if simple {
            self.add(Meaning::Inside(place));
        }
        self.add(Meaning::Full(format!("::{}", joined(full, name))));
        if depth > MAX_DEPTH || self.found.len() >= MAX_MEANINGS {
            return;
        }
        for (base, full) in self.dies.bases_of(place) {
            self.class((base, &full), (name, simple), depth + 1);
        }
    }

    fn space(&mut self, space: &Arc<str>, name: &str) {
        self.add(Meaning::Full(format!("::{}", joined(space, name))));
        self.declared(space, name, 0);
        let here = self.uses.iter().filter(|one| one.space == *space);
        self.pending.extend(here.filter_map(|one| match &one.of {
            Used::All(used) => Some((common(space, used), Arc::clone(used))),
            Used::One(..) => None,
        }));
        let (seen, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(|(at, _)| *at == **space);
        self.pending = later;
        for (_, used) in seen {
            self.within(&used, name, 1);
        }
    }

    /// What a name means in a namespace that is named ([namespace.qual]).
    fn within(&mut self, space: &str, name: &str, depth: usize) {
        if depth > MAX_DEPTH || self.found.len() >= MAX_MEANINGS {
            return;
        }
        self.add(Meaning::Full(format!("::{}", joined(space, name))));
        self.declared(space, name, depth);
        for one in self.uses.iter().filter(|one| *one.space == *space) {
            if let Used::All(used) = &one.of {
                self.within(used, name, depth + 1);
            }
        }
    }

    /// What using-declarations and aliases in a namespace make of a name.
    fn declared(&mut self, space: &str, name: &str, depth: usize) {
        let (first, rest) = first_component(name);
        for one in self.uses.iter().filter(|one| *one.space == *space) {
            match &one.of {
                Used::One(own, full) if **own == *first => self.instead(full, rest, depth),
                _ => {}
            }
        }
        let inner = joined(space, first);
        let is_used = |one: &Use| *one.space == *inner;
        if let Some(rest) = rest
            && (rest.contains("::") || self.uses.iter().any(is_used))
        {
            self.within(&inner, rest, depth + 1);
        }
    }

    fn instead(&mut self, full: &str, rest: Option<&str>, depth: usize) {
        match rest {
            None => self.add(Meaning::Full(format!("::{full}"))),
            Some(rest) => self.within(full, rest, depth + 1),
        }
    }
}

/// The innermost namespace that contains both.
fn common(a: &str, b: &str) -> String {
    let same = a.split("::").zip(b.split("::")).take_while(|(a, b)| a == b);
    same.map(|(part, _)| part).collect::<Vec<_>>().join("::")
}

impl Dies {
    /// The type that a block or class declares by a name: also what a parameter of its template
    /// stands for, and the class itself.
    pub fn type_inside(&self, place: DieRef, name: &str) -> Option<DieRef> {
        guarded(|| {
            let entry = self.entry(self.entry(place)?.complete())?;
            let is = |own: &str| own == name || name.contains('<') && tight(own) == tight(name);
            let named = |entry: &Entry<'_>| entry.name().is_some_and(|own| is(&own));
            let found = entry.children().into_iter().find(|child| is_type(child) && named(child));
            match found {
                Some(child) if child.tag() == gimli::DW_TAG_template_type_parameter => {
                    child.type_place()
                }
                Some(child) => Some(child.place()),
                None => {
                    let own = entry.name()?;
                    let itself = is_class(&entry) && own.split('<').next() == Some(name);
                    itself.then(|| entry.place())
                }
            }
        })
    }

    /// The enumeration with a constant that is named without it in a block or class.
    pub fn constant_inside(&self, place: DieRef, name: &str) -> Option<DieRef> {
        guarded(|| {
            let entry = self.entry(self.entry(place)?.complete())?;
            let has = |child: &Entry<'_>| {
                child.tag() == gimli::DW_TAG_enumeration_type
                    && !child.flag(gimli::DW_AT_enum_class)
                    && child.children().iter().any(|one| one.name().as_deref() == Some(name))
            };
            entry.children().into_iter().find(has).map(|child| child.place())
        })
    }

    /// The parameter of a template that is a value.
    pub fn template_value(&self, place: DieRef, name: &str) -> Option<DieRef> {
        guarded(|| {
            let entry = self.entry(self.entry(place)?.complete())?;
            let is = |child: &Entry<'_>| {
                child.tag() == gimli::DW_TAG_template_value_parameter
                    && child.attribute(gimli::DW_AT_const_value).is_some()
                    && child.name().as_deref() == Some(name)
            };
            entry.children().into_iter().find(is).map(|child| child.place())
        })
    }

    /// The base classes of a class, with their full names.
    fn bases_of(&self, class: DieRef) -> Vec<(DieRef, Arc<str>)> {
        let read = || {
            let entry = self.entry(self.entry(class)?.complete())?;
            let bases = entry.children().into_iter();
            let bases = bases.filter(|child| child.tag() == gimli::DW_TAG_inheritance);
            let bases = bases.filter_map(|base| {
                let base = self.entry(self.aliased(base.type_place()?))?;
                let full = self.declared().qualified(base.place());
                Some((base.place(), full.or_else(|| base.name().map(Arc::from))?))
            });
            Some(bases.collect())
        };
        guarded(|| read().unwrap_or_default())
    }

    /// What typedefs lead to.
    fn aliased(&self, of: DieRef) -> DieRef {
        let mut place = of;
        for _ in 0..MAX_DEPTH {
            let Some(entry) = self.entry(place) else { break };
            let alias = entry.tag() == gimli::DW_TAG_typedef;
            match entry.type_place().filter(|_| alias) {
                Some(next) => place = next,
                None => break,
            }
        }
        place
    }
}

fn is_class(entry: &Entry<'_>) -> bool {
    let tag = entry.tag();
    tag == gimli::DW_TAG_structure_type || tag == gimli::DW_TAG_class_type
}

fn is_type(entry: &Entry<'_>) -> bool {
    let named = [
        gimli::DW_TAG_typedef,
        gimli::DW_TAG_union_type,
        gimli::DW_TAG_enumeration_type,
        gimli::DW_TAG_template_type_parameter,
    ];
    is_class(entry) || named.contains(&entry.tag())
}
