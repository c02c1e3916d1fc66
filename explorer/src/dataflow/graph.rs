//! The control flow of one function, decoded from its code.

use super::jump_tables::{self, Tables};
use super::returns::Returns;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

/// Most edges through tables that are kept.
const MAX_EDGES: usize = 1 << 20;

/// What is asked about what lies around the code.
pub struct Around<'a> {
    /// What becomes of a call.
    pub call: &'a dyn Fn(&Instruction) -> Returns,
    /// The bytes at an address, so many if there are: of tables that jumps go by.
    pub data: &'a dyn Fn(u64, usize) -> Vec<u8>,
}

/// Straight-line code that is entered at its start only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its first address.
    pub start: u64,
    /// One past its last.
    pub end: u64,
    /// The address of its last instruction.
    pub last: u64,
    /// Whether that is a call: what runs before a block that it leads to is then the callee's end.
    pub calls: bool,
    /// The blocks it leads to, by index.
    pub successors: Vec<usize>,
    /// Whether it leaves the function: returns, jumps elsewhere, or ends the program.
    pub leaves: bool,
    /// Whether it leads where a register says, or a table that was not found.
    pub indirect: bool,
    /// Whether it is entered from outside: it begins the function, or a call comes back to it again.
    pub entered: bool,
}

/// The blocks of a function, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph(pub Vec<Block>);

impl Graph {
    /// Of a function whose code is in `parts`, each with its address, entered at the start of the
    /// first. A block begins at each of `marks`, too.
    pub fn new(parts: &[(u64, &[u8])], marks: &[u64], around: &Around<'_>) -> Self {
        let decoder = |(start, code): &(u64, &[u8])| {
            Decoder::with_ip(64, code, *start, DecoderOptions::NONE).into_iter().collect::<Vec<_>>()
        };
        let mut instructions: Vec<Instruction> = parts.iter().flat_map(decoder).collect();
        instructions.retain(|instruction| !instruction.is_invalid());
        instructions.sort_by_key(Instruction::ip);
        let tables = jump_tables::all(&instructions, around.data);
        let mut leaders: BTreeSet<u64> = marks.iter().copied().collect();
        leaders.extend(parts.iter().map(|(start, _)| *start));
        leaders.extend(tables.values().flatten());
        let mut entered: BTreeSet<u64> =
            parts.first().map(|(start, _)| *start).into_iter().collect();
        let calls: HashMap<u64, Returns> = instructions
            .iter()
            .filter_map(|instruction| Some((instruction.ip(), called(instruction, around)?)))
            .collect();
        for instruction in &instructions {
            let returns = calls.get(&instruction.ip()).copied();
            if ends(instruction, returns) {
                leaders.insert(instruction.next_ip());
                leaders.extend(target(instruction));
            }
            if returns == Some(Returns::Again) {
                entered.insert(instruction.next_ip());
            }
        }
        let blocks = straight(&instructions, &leaders);
        let places: BTreeMap<u64, usize> =
            (0..).zip(&blocks).map(|(i, (b, _))| (b.start, i)).collect();
        let mut graph = Self(Vec::with_capacity(blocks.len()));
        for (mut block, last) in blocks {
            block.entered = entered.contains(&block.start);
            block.lead(&last, &places, (&tables, calls.get(&last.ip()).copied()));
            graph.0.push(block);
        }
        graph.lead_through_tables();
        graph
    }

    /// Blocks that nothing leads to are where tables lead.
    fn lead_through_tables(&mut self) {
        let mut orphans = self.orphans();
        orphans.retain(|at| !self.0.get(*at).is_some_and(|block| block.entered));
        let tables = self.0.iter().filter(|block| block.indirect).count();
        let known = tables.saturating_mul(orphans.len()) <= MAX_EDGES;
        for block in self.0.iter_mut().filter(|block| block.indirect) {
            block.leaves |= orphans.is_empty() || !known;
            if known {
                block.successors.extend(&orphans);
            }
        }
    }

    /// The blocks that no other leads to.
    fn orphans(&self) -> BTreeSet<usize> {
        let mut orphans: BTreeSet<usize> = (0..self.0.len()).collect();
        self.0.iter().flat_map(|block| &block.successors).for_each(|to| {
            orphans.remove(to);
        });
        orphans
    }

    /// The blocks that are entered from outside: those that say so, and those that nothing leads
    /// to, where exceptions land.
    pub fn entries(&self) -> BTreeSet<usize> {
        let entered = (0..self.0.len()).filter(|at| self.0.get(*at).is_some_and(|b| b.entered));
        entered.chain(self.orphans()).collect()
    }

    /// Whether a way leads to block `to` from outside, at one of the graph's `entries`, or from
    /// itself, of which no step, from one block or from outside to another, is `barred`.
    pub fn leads_freely(
        &self,
        entries: &BTreeSet<usize>,
        to: usize,
        barred: &dyn Fn(Option<usize>, usize) -> bool,
    ) -> bool {
        let free = |from: Option<usize>, all: &mut dyn Iterator<Item = usize>| {
            all.filter(|next| !barred(from, *next)).collect::<Vec<usize>>()
        };
        let after = |at: usize| {
            let successors = self.0.get(at).map(|block| block.successors.as_slice());
            free(Some(at), &mut successors.unwrap_or_default().iter().copied())
        };
        let mut open = free(None, &mut entries.iter().copied());
        open.extend(after(to));
        let mut seen = BTreeSet::new();
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at) {
                open.extend(after(at));
            }
        }
        false
    }

    /// The block that has an address.
    pub fn at(&self, address: u64) -> Option<usize> {
        let index = self.0.partition_point(|block| block.start <= address).checked_sub(1)?;
        self.0.get(index).filter(|block| address < block.end).map(|_| index)
    }

    /// The blocks that `target` depends on directly: one of their edges leads to it for
    /// sure, another may not (Ferrante, Ottenstein, Warren: The Program Dependence Graph).
    pub fn deciders(&self, target: usize) -> Vec<usize> {
        let leaving = |block: &Block| block.leaves;
        let mut past = self.reaching(&leaving, Some(target));
        if !past.contains(&true) {
            // A function that is never left: each round of its loops counts on its own.
            let loops = |block: &Block| {
                let back = |to: &usize| self.0.get(*to).is_some_and(|to| to.start <= block.start);
                block.successors.iter().any(back)
            };
            past = self.reaching(&loops, Some(target));
        }
        let here = |block: &Block| self.0.get(target).is_some_and(|own| own.start == block.start);
        let to_target = self.reaching(&here, None);
        let is = |set: &[bool], block: usize| set.get(block).copied().unwrap_or_default();
        let decides = |block: &usize| {
            let Some(successors) = self.0.get(*block).map(|block| &block.successors) else {
                return false;
            };
            let sure = successors.iter().any(|to| is(&to_target, *to) && !is(&past, *to));
            let leaves = self.0.get(*block).is_some_and(|block| block.leaves);
            sure && (leaves || successors.iter().any(|to| is(&past, *to)))
        };
        (0..self.0.len()).filter(decides).collect()
    }

    /// Whether `from` may lead to `to` without entering `avoided`.
    pub fn leads(&self, from: usize, to: usize, avoided: usize) -> bool {
        let is_there = |block: &Block| self.0.get(to).is_some_and(|to| to.start == block.start);
        self.reaching(&is_there, Some(avoided)).get(from).copied().unwrap_or_default()
    }

    /// The blocks that lead to each block.
    pub fn before(&self) -> Vec<Vec<usize>> {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.0.len()];
        for (from, block) in self.0.iter().enumerate() {
            for to in &block.successors {
                before.get_mut(*to).into_iter().for_each(|all| all.push(from));
            }
        }
        before
    }

    /// The blocks that begin in some code, with their addresses.
    pub fn begun_in(&self, code: Range<u64>) -> impl Iterator<Item = (usize, u64)> {
        let first = self.0.partition_point(|block| block.start < code.start);
        let blocks = self.0.iter().enumerate().skip(first);
        blocks.map(|(at, block)| (at, block.start)).take_while(move |(_, at)| *at < code.end)
    }

    /// The blocks from which one that passes `test` is reached without entering `avoided`.
    fn reaching(&self, test: &dyn Fn(&Block) -> bool, avoided: Option<usize>) -> Vec<bool> {
        let before = self.before();
        let mut found = vec![false; self.0.len()];
        let first = (0..self.0.len()).filter(|at| self.0.get(*at).is_some_and(test));
        let mut open: Vec<usize> = first.collect();
        while let Some(at) = open.pop() {
            let Some(known) = found.get_mut(at).filter(|_| Some(at) != avoided) else { continue };
            if !std::mem::replace(known, true) {
                open.extend(before.get(at).into_iter().flatten());
            }
        }
        found
    }
}

impl Block {
    fn of(instruction: &Instruction) -> Self {
        let (at, end) = (instruction.ip(), instruction.next_ip());
        Self {
            start: at,
            end,
            last: at,
            calls: false,
            successors: Vec::new(),
            leaves: false,
            indirect: false,
            entered: false,
        }
    }

    /// Finds where the block leads from its last instruction; a call is known by what becomes of it.
    fn lead(
        &mut self,
        last: &Instruction,
        places: &BTreeMap<u64, usize>,
        (tables, called): (&Tables, Option<Returns>),
    ) {
        self.calls = called.is_some();
        let mut to = Vec::new();
        match last.flow_control() {
            FlowControl::Return | FlowControl::Exception | FlowControl::Interrupt => {}
            FlowControl::IndirectBranch => match tables.get(&last.ip()) {
                Some(table) => to.extend(table),
                None => self.indirect = true,
            },
            FlowControl::UnconditionalBranch => to.extend(target(last)),
            FlowControl::ConditionalBranch => {
                to.push(last.next_ip());
                to.extend(target(last));
            }
            _ if called == Some(Returns::Never) => {}
            _ => to.push(last.next_ip()),
        }
        let inside: Vec<usize> = to.iter().filter_map(|to| places.get(to).copied()).collect();
        self.leaves = !self.indirect && (inside.len() < to.len() || to.is_empty());
        self.successors = inside;
        self.successors.dedup();
    }
}

/// The blocks of ascending instructions, each with its last: what begins at `leaders` and behind
/// gaps.
fn straight(instructions: &[Instruction], leaders: &BTreeSet<u64>) -> Vec<(Block, Instruction)> {
    let mut blocks: Vec<(Block, Instruction)> = Vec::new();
    for instruction in instructions {
        let (at, next) = (instruction.ip(), instruction.next_ip());
        match blocks.last_mut() {
            Some((block, last)) if !leaders.contains(&at) && block.end == at => {
                (block.end, block.last, *last) = (next, at, *instruction);
            }
            _ => blocks.push((Block::of(instruction), *instruction)),
        }
    }
    blocks
}

/// What becomes of a call; `None` for other instructions.
fn called(instruction: &Instruction, around: &Around<'_>) -> Option<Returns> {
    (instruction.mnemonic() == Mnemonic::Call).then(|| (around.call)(instruction))
}

/// Whether a block ends with an instruction.
fn ends(instruction: &Instruction, called: Option<Returns>) -> bool {
    match called {
        Some(returns) => returns != Returns::Once,
        None => !matches!(instruction.flow_control(), FlowControl::Next | FlowControl::Call),
    }
}

fn target(instruction: &Instruction) -> Option<u64> {
    Some(instruction.near_branch_target()).filter(|to| *to != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(code: &[u8]) -> Graph {
        let around = Around { call: &|_| Returns::Once, data: &|_, _| Vec::new() };
        Graph::new(&[(0x1000, code)], &[], &around)
    }

    #[test]
    fn the_branch_around_a_block_decides_on_it_and_the_loop_on_the_branch() {
        // 0: test edi,edi  2: je 12  4: test esi,esi  6: je 10  8: inc eax  10: jmp 0  12: ret
        let code = [0x85, 0xff, 0x74, 0x08, 0x85, 0xf6, 0x74, 0x02, 0xff, 0xc0, 0xeb, 0xf4, 0xc3];
        let graph = graph(&code);
        let at = |offset: u64| graph.at(0x1000 + offset).unwrap();
        assert_eq!(graph.deciders(at(8)), [at(4)]);
        assert_eq!(graph.deciders(at(4)), [at(0)]);
        assert_eq!(graph.deciders(at(0)), [at(0)], "each round on the one before");
        assert_eq!(graph.deciders(at(12)), [at(0)], "the loop may go on");
    }

    #[test]
    fn in_a_loop_without_end_each_round_decides() {
        // 0: test edi,edi  2: je 6  4: inc eax  6: jmp 0
        let graph = graph(&[0x85, 0xff, 0x74, 0x02, 0xff, 0xc0, 0xeb, 0xf8]);
        let at = |offset: u64| graph.at(0x1000 + offset).unwrap();
        assert_eq!(graph.deciders(at(4)), [at(0)]);
    }

    #[test]
    fn ways_lead_from_outside_or_around() {
        // 0: test edi,edi  2: je 8  4: inc eax  6: jmp 0  8: ret  9: ret, where nothing leads
        let graph = graph(&[0x85, 0xff, 0x74, 0x04, 0xff, 0xc0, 0xeb, 0xf8, 0xc3, 0xc3]);
        let at = |offset: u64| graph.at(0x1000 + offset).unwrap();
        let entries = graph.entries();
        assert_eq!(entries, BTreeSet::from([at(0), at(9)]));
        let leads = |to, barred: &dyn Fn(Option<usize>, usize) -> bool| {
            graph.leads_freely(&entries, at(to), barred)
        };
        assert!(leads(4, &|_, _| false));
        assert!(!leads(4, &|_, to| to == at(0)), "from outside and around, the test comes first");
        assert!(leads(4, &|from, to| from.is_none() && to == at(0)), "around");
        assert_eq!(graph.begun_in(0x1001..0x1008).collect::<Vec<_>>(), [(at(4), 0x1004)]);
    }

    #[test]
    fn calls_that_come_back_again_and_parts_that_lie_elsewhere() {
        // 0: call 5  5: jmp 0x2000; there: ret
        let main = [0xe8, 0, 0, 0, 0, 0xe9, 0xf6, 0x0f, 0, 0];
        let around = Around { call: &|_| Returns::Again, data: &|_, _| Vec::new() };
        let graph = Graph::new(&[(0x1000, &main), (0x2000, &[0xc3])], &[], &around);
        let all: Vec<_> =
            graph.0.iter().map(|b| (b.start, b.entered, b.successors.clone())).collect();
        let expected = [(0x1000, true, vec![1]), (0x1005, true, vec![2]), (0x2000, false, vec![])];
        assert_eq!(all, expected);
    }

    #[test]
    fn bytes_that_are_no_code_end_nothing() {
        for length in 0..64 {
            let code: Vec<u8> = (0..length).map(|i: u32| (i * 151 + 7) as u8).collect();
            let graph = graph(&code);
            (0..graph.0.len()).for_each(|block| {
                graph.deciders(block);
            });
        }
    }
}
