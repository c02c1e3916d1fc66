//! The lines that addresses belong to, as steps see them.

use super::locate::{Found, Locator};
use crate::symbols;
use crate::timeline::Timeline;
use rdb_schema::space::AddressSpace;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// The line an address belongs to, for stepping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineCode {
    /// The contiguous code of the line around the address.
    pub start: u64,
    /// One past it.
    pub end: u64,
    /// Absolute name of the file.
    pub file: Rc<str>,
    /// From 1.
    pub line: u32,
    /// The code of the row of the line table around the address.
    pub row: Range<u64>,
    /// Whether that is a recommended place to stop.
    pub stops: bool,
    /// Whether exactly the address is a recommended place to stop.
    pub statement: bool,
    /// When the address is a function's entry: where its body begins.
    pub body: Option<u64>,
    /// When a function's entry is in that code, before the address or at it: where the
    /// function's body begins, if that is in it as well.
    pub opening: Option<u64>,
    /// Whether it is code of the dynamic linker, which calls pass through.
    pub linker: bool,
    /// The function around the address, and the copies inlined in it there, outermost first.
    pub instances: Vec<Instance>,
}

impl LineCode {
    /// How many inlined copies begin at the address, the innermost ones.
    pub fn beginning(&self) -> usize {
        let copies = self.instances.iter().skip(1).rev();
        copies.take_while(|copy| copy.begins).count()
    }
}

/// A function, or an inlined copy of one, around an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Where it is entered.
    pub entry: u64,
    die: usize,
    /// Whether its code, or a part of it, begins at the address.
    pub begins: bool,
    /// File and line of the call of an inlined copy.
    pub call: Option<(Rc<str>, u32)>,
}

impl Instance {
    /// Whether both are the same one.
    pub fn is(&self, other: &Self) -> bool {
        (self.entry, self.die) == (other.entry, other.die)
    }
}

impl Locator {
    /// The line of an address, for stepping.
    pub fn line_code(&self, timeline: &Timeline, state: u64, address: u64) -> Option<LineCode> {
        let found = self.find(timeline, state, address)?;
        let (range, location) = found.symbols.line_range(found.address)?;
        if location.line == 0 {
            return None;
        }
        let start = range.start.to_runtime(found.image.bias);
        let end = range.end.to_runtime(found.image.bias);
        let body = body(&found, start);
        let (row, stops) = found.symbols.row_range(found.address)?;
        Some(LineCode {
            start,
            end,
            file: location.file.into(),
            line: location.line,
            row: row.start.to_runtime(found.image.bias)..row.end.to_runtime(found.image.bias),
            stops,
            statement: found.symbols.line_start(found.address),
            body: body.filter(|(entry, _)| *entry == address).map(|(_, body)| body),
            opening: body.filter(|body| opens(*body, (start, end))).map(|(_, body)| body),
            linker: self.images().is_linker(found.image),
            instances: instances(&found),
        })
    }

    fn is_gap(&self, timeline: &Timeline, state: u64, address: u64) -> bool {
        let found = self.find(timeline, state, address);
        let range = found.and_then(|found| found.symbols.line_range(found.address));
        range.is_some_and(|(_, location)| location.line == 0)
    }
}

/// Where the function around `found` is entered, if that is not before `start`, and where its
/// body begins.
fn body(found: &Found<'_>, start: u64) -> Option<(u64, u64)> {
    let function = found.symbols.function_at(found.address)?;
    if function.entry.to_runtime(found.image.bias) < start {
        return None;
    }
    let here = found.symbols.break_at_entry(function.entry);
    let bias = found.image.bias;
    Some((function.entry.to_runtime(bias), here.address.to_runtime(bias)))
}

/// Whether a function is entered, and its body begins, in the code from `start` to `end`.
fn opens((entry, body): (u64, u64), (start, end): (u64, u64)) -> bool {
    start <= entry && (entry..end).contains(&body)
}

fn instances(found: &Found<'_>) -> Vec<Instance> {
    let all = found.symbols.instances_at(found.address).into_iter();
    let runtime = |one: symbols::Instance| Instance {
        entry: one.entry.to_runtime(found.image.bias),
        die: one.die,
        begins: one.begins,
        call: one.call.map(|call| (call.file.into(), call.line)),
    };
    all.map(runtime).collect()
}

/// Answers of [`Locator::line_code`] by address, for the steps of one command.
#[derive(Default)]
pub struct LineCache {
    known: HashMap<u64, Option<Rc<LineCode>>>,
    /// Which code is of a function with lines, but of none of them.
    gaps: HashMap<u64, bool>,
    /// The mappings that these hold for.
    space: Option<Arc<AddressSpace>>,
    /// The module of a Python program: what Cython and Python's headers add to it then counts as
    /// without lines, and so does the interpreter, in another module.
    python: Option<u32>,
}

impl LineCache {
    /// The line of `pc`, which is executed at `state` of `timeline`. What only leads to a
    /// function has none, although the thunks of virtual functions have lines: as in gdb, steps
    /// lead to the function itself.
    pub fn get(
        &mut self,
        locator: &Locator,
        timeline: &Timeline,
        state: u64,
        pc: u64,
    ) -> Option<Rc<LineCode>> {
        self.follow(timeline, state)?;
        let line = || locator.line_code(timeline, state, pc);
        let python = self.python;
        let passed = || {
            let machinery = |own| locator.is_python_machinery(timeline, state, (pc, own));
            python.is_some_and(machinery) || locator.is_stub(timeline, state, pc)
        };
        let look = || line().filter(|_| !passed()).map(Rc::new);
        self.known.entry(pc).or_insert_with(look).clone()
    }

    /// Whether a step begins in a Python program.
    pub fn is_python(&self) -> bool {
        self.python.is_some()
    }

    /// The same, from now on.
    pub fn set_python(&mut self, python: Option<u32>) {
        if std::mem::replace(&mut self.python, python) != python {
            self.known.clear();
        }
    }

    /// Whether the code at `pc` has no line where others of its function have (DWARF 5, 6.2.2:
    /// line 0).
    pub fn is_gap(&mut self, locator: &Locator, timeline: &Timeline, state: u64, pc: u64) -> bool {
        let look = || locator.is_gap(timeline, state, pc);
        self.follow(timeline, state).is_some() && *self.gaps.entry(pc).or_insert_with(look)
    }

    /// Forgets what other mappings than those at `state` had.
    fn follow(&mut self, timeline: &Timeline, state: u64) -> Option<()> {
        let space = timeline.shared_space(state).ok()?;
        if !self.space.as_ref().is_some_and(|known| Arc::ptr_eq(known, &space)) {
            self.known.clear();
            self.gaps.clear();
            self.space = Some(space);
        }
        Some(())
    }
}
