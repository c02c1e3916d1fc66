//! Breakpoints.

use super::Subject;
use crate::symbols::Arrival;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A place of a breakpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Run-time address.
    #[serde(serialize_with = "crate::render::serialize_hex")]
    #[serde(deserialize_with = "crate::render::deserialize_hex")]
    pub address: u64,
    /// Index of the module it belongs to; another may stand there at other
    /// times. `None`: it is a bare address.
    #[serde(skip)]
    pub module: Option<u32>,
    /// How many inlined copies are around it that are inside of what was asked for: it stops
    /// outside of them.
    #[serde(skip)]
    pub outside: usize,
    /// How a thread has to come there.
    #[serde(skip)]
    pub arrival: Arrival,
    /// The function there.
    pub function: Option<String>,
    /// The indirect function (STT_GNU_IFUNC) that was asked for, if this one was chosen for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indirect: Option<String>,
    /// The file name of its module, if that is not the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// Its source file.
    pub file: Option<String>,
    /// Its line.
    pub line: Option<u32>,
}

impl Target {
    /// In words: `0x401136 in f at f.c:3`, `0x7ffff7f3 in __strlen_evex (strlen) of libc.so.6`.
    pub fn describe(&self) -> String {
        let mut text = crate::render::hex(self.address);
        if let Some(function) = &self.function {
            text += &format!(" in {function}");
        }
        if let Some(asked) =
            self.indirect.as_ref().filter(|name| Some(*name) != self.function.as_ref())
        {
            text += &format!(" ({asked})");
        }
        if let (Some(file), Some(line)) = (&self.file, self.line) {
            text += &format!(" at {file}:{line}");
        }
        if let Some(library) = &self.library {
            text += &format!(" of {library}");
        }
        text
    }

    /// Whether it is at `pc`, where `module` is mapped.
    pub fn is_at(&self, pc: u64, module: Option<u32>) -> bool {
        self.address == pc && (self.module.is_none() || self.module == module)
    }
}

/// How many inlined copies what stops at `pc` of a module is outside of, for some places.
pub(super) fn outside(targets: &[Target], pc: u64, module: Option<u32>) -> usize {
    let here = targets.iter().filter(|target| target.is_at(pc, module));
    here.map(|target| target.outside).min().unwrap_or(0)
}

/// What a watchpoint stops at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Writes that change it.
    Write,
    /// Reads.
    Read,
    /// Reads, and writes whether or not they change it.
    Any,
}

/// What a watchpoint watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// A register, or memory.
    pub subject: Subject,
    /// Which accesses to it.
    pub access: Access,
    /// How long it is there, if it is a local variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// The life of the frame that a watched variable belongs to: the states after `begin` and
/// before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The state from which its function was called; none: before history.
    pub begin: Option<u64>,
    /// The state in which it was left; none: after history.
    pub end: Option<u64>,
}

impl Scope {
    /// The part of `times` at which what has this scope is there.
    pub fn within(&self, times: Range<u64>) -> Range<u64> {
        let start = self.begin.map_or(times.start, |begin| times.start.max(begin));
        start..self.end.map_or(times.end, |end| times.end.min(end))
    }
}

/// A breakpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakpoint {
    /// Its number, from 1.
    pub number: u32,
    /// As typed.
    pub location: String,
    /// Whether history stops there.
    pub enabled: bool,
    /// History stops there only where this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// History stops there only for the thread of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u32>,
    /// It is of this process's history only: what it watches is in its address space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
    /// How often history passes it by before it stops there again.
    #[serde(default, skip_serializing_if = "crate::render::is_zero")]
    pub ignore: u64,
    /// It is deleted where history stops there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub temporary: bool,
    /// It is disabled where history stops there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// How often history stopped there or passed it by, in either direction.
    pub hits: u64,
    /// Where it is.
    pub targets: Vec<Target>,
    /// What it watches, if it is a watchpoint; it is then nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
}

impl Breakpoint {
    pub(super) fn is_at(&self, pc: u64, module: Option<u32>) -> bool {
        self.targets.iter().any(|target| target.is_at(pc, module))
    }
}

/// All breakpoints of a session.
#[derive(Debug, Default)]
pub struct Breakpoints {
    list: Vec<Breakpoint>,
    last: u32,
    /// The selected process.
    process: u32,
}

/// Where breakpoints are, ascending, each address once.
pub(super) fn addresses_of<'a>(all: impl Iterator<Item = &'a Breakpoint>) -> Vec<u64> {
    let targets = all.flat_map(|one| &one.targets);
    let mut addresses: Vec<u64> = targets.map(|target| target.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

impl Breakpoints {
    /// Adds an enabled breakpoint.
    pub fn add(&mut self, location: &str, targets: Vec<Target>) -> &mut Breakpoint {
        self.push(location, targets, None)
    }

    /// Adds an enabled watchpoint.
    pub fn add_watch(&mut self, expression: &str, watch: Watch) -> &mut Breakpoint {
        self.push(expression, Vec::new(), Some(watch))
    }

    fn push(
        &mut self,
        location: &str,
        targets: Vec<Target>,
        watch: Option<Watch>,
    ) -> &mut Breakpoint {
        self.last = self.last.saturating_add(1);
        self.list.push(Breakpoint {
            number: self.last,
            location: location.to_owned(),
            enabled: true,
            condition: None,
            thread: None,
            process: None,
            ignore: 0,
            temporary: false,
            once: false,
            hits: 0,
            targets,
            watch,
        });
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Breakpoint> {
        self.list.iter()
    }

    /// Of which process's history questions are from now on.
    pub fn set_process(&mut self, process: u32) {
        self.process = process;
    }

    /// Puts one at other places.
    pub fn place(&mut self, number: u32, targets: Vec<Target>) {
        if let Some(found) = self.list.iter_mut().find(|one| one.number == number) {
            found.targets = targets;
        }
    }

    /// Those that history stops at.
    pub(super) fn active(&self) -> impl Iterator<Item = &Breakpoint> {
        let here = |one: &&Breakpoint| one.process.is_none_or(|id| id == self.process);
        self.list.iter().filter(|one| one.enabled).filter(here)
    }

    /// Adds breakpoints with the numbers they had.
    pub fn restore(&mut self, all: impl Iterator<Item = Breakpoint>) {
        self.list.extend(all);
        self.last = self.list.iter().map(|b| b.number).max().unwrap_or(0).max(self.last);
    }

    /// Removes some, or all; the numbers removed.
    pub fn delete(&mut self, numbers: Option<&[u32]>) -> Vec<u32> {
        let goes = |one: &Breakpoint| numbers.is_none_or(|all| all.contains(&one.number));
        let removed = self.list.iter().filter(|b| goes(b)).map(|b| b.number).collect();
        self.list.retain(|breakpoint| !goes(breakpoint));
        removed
    }

    /// Enables or disables some, or all; the numbers it was done to.
    pub fn enable(&mut self, numbers: Option<&[u32]>, enabled: bool) -> Vec<u32> {
        let wanted = |one: &&mut Breakpoint| numbers.is_none_or(|all| all.contains(&one.number));
        let set = |breakpoint: &mut Breakpoint| {
            (breakpoint.enabled, breakpoint.once) = (enabled, false);
            breakpoint.number
        };
        self.list.iter_mut().filter(wanted).map(set).collect()
    }

    /// Enables some, or all, until history stops there; the numbers it was done to.
    pub fn enable_once(&mut self, numbers: Option<&[u32]>) -> Vec<u32> {
        let done = self.enable(numbers, true);
        let these = self.list.iter_mut().filter(|one| done.contains(&one.number));
        these.for_each(|one| one.once = true);
        done
    }

    /// The addresses of all enabled ones, ascending, each once.
    pub fn addresses(&self) -> Vec<u64> {
        addresses_of(self.active())
    }

    /// The enabled watchpoints.
    pub fn watches(&self) -> impl Iterator<Item = (&Breakpoint, &Watch)> {
        self.active().filter_map(|breakpoint| Some((breakpoint, breakpoint.watch.as_ref()?)))
    }

    /// Counts a hit of the one of this number; its expression.
    pub fn count(&mut self, number: u32) -> Option<&str> {
        let found = self.list.iter_mut().find(|breakpoint| breakpoint.number == number)?;
        found.hits += 1;
        Some(&found.location)
    }

    /// The one of this number.
    pub fn get(&self, number: u32) -> Option<&Breakpoint> {
        self.list.iter().find(|breakpoint| breakpoint.number == number)
    }

    /// The one of this number, to be changed.
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Breakpoint> {
        self.list.iter_mut().find(|breakpoint| breakpoint.number == number)
    }

    /// Notes that history passed one by, that often of what it was to ignore.
    pub fn pass(&mut self, number: u32, times: u64) {
        if let Some(found) = self.get_mut(number) {
            found.ignore = found.ignore.saturating_sub(times);
            found.hits = found.hits.saturating_add(times);
        }
    }

    /// Gives one a condition, or none; the breakpoint, if there is one of this number.
    pub fn set_condition(&mut self, number: u32, condition: Option<&str>) -> Option<&Breakpoint> {
        let found = self.list.iter_mut().find(|breakpoint| breakpoint.number == number)?;
        found.condition = condition.map(str::to_owned);
        Some(found)
    }

    /// The enabled ones at `pc`, where `module` is mapped, whatever their conditions.
    pub fn at(&self, pc: u64, module: Option<u32>) -> impl Iterator<Item = &Breakpoint> {
        self.active().filter(move |breakpoint| breakpoint.is_at(pc, module))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(address: u64) -> Target {
        Target { address, ..Target::default() }
    }

    #[test]
    fn only_enabled_breakpoints_stop_and_count() {
        let mut breakpoints = Breakpoints::default();
        breakpoints.add("f", vec![target(2), target(1)]);
        breakpoints.add("g", vec![target(2)]);
        assert_eq!(breakpoints.addresses(), [1, 2]);
        assert_eq!(breakpoints.enable(Some(&[1]), false), [1]);
        assert_eq!(breakpoints.addresses(), [2]);
        assert_eq!(breakpoints.at(2, None).map(|b| b.number).collect::<Vec<_>>(), [2]);
        assert_eq!(breakpoints.count(2), Some("g"));
        assert_eq!(breakpoints.iter().map(|b| b.hits).collect::<Vec<_>>(), [0, 1]);
        assert!(breakpoints.delete(Some(&[7])).is_empty());
        assert_eq!(breakpoints.delete(None), [1, 2]);
        assert_eq!(breakpoints.add("h", vec![]).number, 3);
    }

    #[test]
    fn a_breakpoint_of_a_module_holds_only_where_that_is_mapped() {
        let mut breakpoints = Breakpoints::default();
        breakpoints.add("f", vec![Target { module: Some(1), ..target(2) }]);
        let is_at = |module| breakpoints.at(2, module).next().is_some();
        assert!(is_at(Some(1)));
        assert!(!is_at(Some(0)));
        assert!(!is_at(None));
    }
}
