//! Where passes of a line begin: a line is passed each time that control comes to it from
//! another, in however many blocks its code is.

use super::address::ModuleAddr;
use super::module::ModuleSymbols;
use super::types::{Arrival, BreakAddress, LineMatch, PassStart};
use crate::dataflow::{Around, Block, Graph};
use std::collections::{BTreeMap, BTreeSet};

/// Most bytes of code, of all functions that have the line, whose control flow is looked at.
const MAX_CODE: u64 = 1 << 22;

/// Most blocks of code in one function that are told from each other.
const MAX_BLOCKS: usize = 256;

/// A function: its unit and its scope.
type Owner = (usize, usize);

/// What an address is to a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// Of the line.
    Line,
    /// Of no line (DWARF 5, 6.2.2: line 0).
    Gap,
    /// Of another.
    Other,
}

/// The control flow of a function that has code of a line.
struct LineFlow {
    graph: Graph,
    /// The blocks that are entered from outside.
    entries: BTreeSet<usize>,
    /// The blocks that lead to each.
    before: Vec<Vec<usize>>,
    /// Which blocks end in code of the line, or in code of no line that only the line leads to.
    own: Vec<bool>,
}

impl ModuleSymbols {
    /// Where passes of a line begin. Each block of the line's code counts as one in functions that
    /// are too large, or jump where nobody knows, and in optimised ones: loops may be unrolled
    /// there, and what follows a part of the line may be the next round's. What is `matched` is
    /// as [`ModuleSymbols::addresses_of_line`] gives it.
    pub fn passes_of_line(&self, file: &str, matched: &LineMatch) -> Vec<PassStart> {
        let mut owned: BTreeMap<Option<Owner>, Vec<BreakAddress>> = BTreeMap::new();
        for block in self.blocks_of_line(file, matched) {
            owned.entry(self.scope_index_at(block.start.0)).or_default().push(block);
        }
        let (mut found, mut left) = (Vec::new(), MAX_CODE);
        let line_of = |address: u64| self.line_or_gap((file, matched.line), address);
        for (owner, blocks) in owned {
            let known = owner.filter(|_| blocks.len() <= MAX_BLOCKS).and_then(|owner| {
                let graph = self.flow_of(owner, &blocks, &mut left)?;
                let flow = LineFlow::new(graph, &line_of);
                Some(flow.begun(self.candidates(&flow, owner, &blocks)?))
            });
            let each = |at: BreakAddress| PassStart { at, arrival: Arrival::Any };
            found.extend(known.unwrap_or_else(|| blocks.into_iter().map(each).collect()));
        }
        found.sort_by_key(|start| start.at.address);
        found
    }

    /// The control flow of a function; `None` if it is optimised, has more code than is `left`, or
    /// goes where nobody knows.
    fn flow_of(
        &self,
        (unit, scope): Owner,
        blocks: &[BreakAddress],
        left: &mut u64,
    ) -> Option<Graph> {
        let scopes = self.units().scopes(unit)?;
        let scope = scopes.all.get(scope).filter(|_| !scopes.is_optimised(scope))?;
        let mut ranges = scope.ranges.clone();
        ranges.sort_by_key(|(begin, _)| (*begin != scope.entry, *begin));
        let mut parts = Vec::new();
        for (begin, end) in ranges {
            let size = end.saturating_sub(begin);
            *left = left.checked_sub(size)?;
            parts.push((begin, self.leading_bytes(begin, size as usize)));
        }
        let parts: Vec<(u64, &[u8])> = parts.iter().map(|(at, code)| (*at, &**code)).collect();
        let marks: Vec<u64> = blocks.iter().map(|block| block.start.0).collect();
        let around = Around {
            call: &|call| self.returns(call, 0),
            data: &|at, length| self.leading_bytes(at, length),
        };
        let graph = Graph::new(&parts, &marks, &around);
        let known = !graph.0.iter().any(|block| block.indirect);
        known.then_some(graph)
    }

    /// The bytes that the file has at an address, `length` of them at most.
    fn leading_bytes(&self, at: u64, length: usize) -> Vec<u8> {
        let bytes = self.code(at).unwrap_or_default();
        bytes.get(..length.min(bytes.len())).unwrap_or_default().to_vec()
    }

    /// Where passes may begin, by the blocks of a function's control flow: the beginnings of the
    /// line's `blocks`, and wherever else in them control comes from another line. `None` if there
    /// are too many.
    fn candidates(
        &self,
        flow: &LineFlow,
        (unit, _): Owner,
        blocks: &[BreakAddress],
    ) -> Option<BTreeMap<usize, PassStart>> {
        let place = |address: ModuleAddr| flow.graph.at(address.0);
        let mut found = BTreeMap::new();
        for block in blocks {
            let arrival = place(block.start).and_then(|place| flow.arrival(place, true));
            let start = arrival.map(|arrival| PassStart { at: block.clone(), arrival });
            found.extend(place(block.start).map(|place| (place, start)));
        }
        for block in blocks {
            let Some((code, _)) = self.line_range(block.start) else { continue };
            for (inner, start) in flow.graph.begun_in(code.start.0..code.end.0) {
                found.entry(inner).or_insert_with(|| {
                    let arrival = flow.arrival(inner, false)?;
                    Some(PassStart { at: self.break_in_unit(unit, start, None), arrival })
                });
            }
        }
        let begins = |(block, start): (usize, Option<PassStart>)| Some((block, start?));
        let found: BTreeMap<_, _> = found.into_iter().filter_map(begins).collect();
        (found.len() <= MAX_BLOCKS).then_some(found)
    }
}

impl LineFlow {
    /// That of `graph`; `line_of` says whether an address is of the line, or of none.
    fn new(graph: Graph, line_of: &dyn Fn(u64) -> Own) -> Self {
        let (entries, before) = (graph.entries(), graph.before());
        let of_block = |block: &Block| match (line_of(block.start), line_of(block.last)) {
            (first, Own::Gap) => first,
            (_, last) => last,
        };
        let lines: Vec<Own> = graph.0.iter().map(of_block).collect();
        let mut own: Vec<bool> = lines.iter().map(|line| *line != Own::Other).collect();
        // Code of no line is of another if anything else leads to it.
        let is_led_to = |at: usize, own: &[bool]| {
            let from = before.get(at).map(Vec::as_slice).unwrap_or_default();
            let elsewhere = |from: &usize| own.get(*from) == Some(&false);
            entries.contains(&at) || from.iter().any(elsewhere)
        };
        let gaps = (0..lines.len()).filter(|at| lines.get(*at) == Some(&Own::Gap));
        let mut open: Vec<usize> = gaps.collect();
        while let Some(at) = open.pop() {
            let is_own = own.get(at) == Some(&true) && lines.get(at) == Some(&Own::Gap);
            if is_own && is_led_to(at, &own) {
                own.get_mut(at).into_iter().for_each(|own| *own = false);
                open.extend(graph.0.get(at).into_iter().flat_map(|block| &block.successors));
            }
        }
        Self { entries, before, graph, own }
    }

    fn is_own(&self, block: usize) -> bool {
        self.own.get(block).copied().unwrap_or_default()
    }

    /// Of the `found` places, by their blocks, those with which a pass begins.
    fn begun(&self, mut found: BTreeMap<usize, PassStart>) -> Vec<PassStart> {
        // What only ever follows another goes on with the pass that began there. From the end, so
        // that of those in a loop the lowest is left.
        let all: Vec<usize> = found.keys().rev().copied().collect();
        for block in all {
            let mut others: BTreeSet<usize> = found.keys().copied().collect();
            others.remove(&block);
            if !self.begins(block, &others) {
                found.remove(&block);
            }
        }
        found.into_values().collect()
    }

    /// Whether control comes to a block again, or from outside, without a pass that begins at one
    /// of the `others`.
    fn begins(&self, block: usize, others: &BTreeSet<usize>) -> bool {
        self.graph.leads_freely(&self.entries, block, &|from, to| {
            others.contains(&to) && !from.is_some_and(|from| self.is_own(from))
        })
    }

    /// How control comes to a block from another line; `None` if it never does. Where it comes from
    /// outside is told of the `first` block of the line's code only.
    fn arrival(&self, block: usize, first: bool) -> Option<Arrival> {
        if self.entries.contains(&block) {
            return first.then_some(Arrival::Any);
        }
        let before = self.before.get(block)?.iter();
        let before = before.filter_map(|from| Some((*from, self.graph.0.get(*from)?)));
        let (own, other): (Vec<_>, Vec<_>) = before.partition(|(from, _)| self.is_own(*from));
        // Before what comes behind a call, the callee's last instruction is executed.
        let lasts = |of: &[(usize, &Block)]| {
            of.iter().filter(|(_, from)| !from.calls).map(|(_, from)| from.last).collect()
        };
        match (own.is_empty(), other.is_empty()) {
            (_, true) => None,
            (true, _) => Some(Arrival::Any),
            _ if own.iter().any(|(_, from)| from.calls) => Some(Arrival::Only(lasts(&other))),
            _ => Some(Arrival::Except(lasts(&own))),
        }
    }
}
