//! Both recordings, walked side by side.

use super::difference::{self, Aspect, Difference, Part};
use super::differing::Differing;
use super::events;
use super::explain::{Scene, Why};
use super::side::Side;
use super::sources::Source;
use super::steps::Alike;
use super::stream::Chunks;
use crate::timeline::{StateError, Timeline};
use rdb_schema::event::{Event, EventKind};
use rdb_schema::registers::{Registers, X87};
use rdb_schema::replay::{Ignore, Sink};
use rdb_schema::space::PAGE;
use std::collections::{BTreeMap, BTreeSet};

/// Instructions replayed at once while registers differ.
const STRETCH: u64 = 4096;

/// AT_RANDOM (linux/auxvec.h), and how many bytes it points at.
const AT_RANDOM: u64 = 25;
const RANDOM_BYTES: u64 = 16;

/// Stores in the order they happened.
#[derive(Default)]
struct Stores {
    places: Vec<(u64, u64, usize)>,
    bytes: Vec<u8>,
}

impl Sink for Stores {
    fn store(&mut self, tracepoint: u64, address: u64, bytes: &[u8]) {
        self.places.push((tracepoint, address, bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    fn event(&mut self, _: &Event) {}
}

impl Stores {
    /// What stands at each byte afterwards.
    fn by_byte(&self) -> BTreeMap<u64, u8> {
        let addresses = self.places.iter().flat_map(|(_, address, length)| {
            (0..*length as u64).map(move |i| address.wrapping_add(i))
        });
        addresses.zip(self.bytes.iter().copied()).collect()
    }
}

/// Two recordings at the same tracepoint.
pub struct Pair<'a> {
    left: Side<'a>,
    right: Side<'a>,
    alike: Alike,
    /// Whether all registers are the same.
    equal: bool,
    differing: Differing,
    /// Whether switches of tasks may have changed the x87 pointers of either.
    loses_pointers: bool,
    /// By source, the first tracepoint and how often.
    pub sources: BTreeMap<Source, (u64, u64)>,
}

impl<'a> Pair<'a> {
    /// Both at their first instruction.
    pub fn new(
        left: (&'a Timeline, Chunks),
        right: (&'a Timeline, Chunks),
    ) -> Result<Self, StateError> {
        let keeps = |timeline: &Timeline| timeline.header().host.keeps_x87_pointers();
        Ok(Self {
            loses_pointers: !(keeps(left.0) && keeps(right.0)),
            left: Side::new(left.0, left.1)?,
            right: Side::new(right.0, right.1)?,
            alike: Alike::default(),
            equal: true,
            differing: Differing::default(),
            sources: BTreeMap::new(),
        })
    }

    /// The tracepoint of both.
    pub fn tracepoint(&self) -> u64 {
        self.left.tracepoint()
    }

    /// Goes on to the first difference that nothing explains, or to the end.
    pub fn walk(
        &mut self,
        poll: u64,
        interrupted: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Difference>, StateError> {
        let parts = self.start()?;
        if !parts.is_empty() {
            return Ok(Some(Difference { at_start: true, ..Difference::new(0, parts) }));
        }
        loop {
            if interrupted() {
                return Err(StateError::Interrupted);
            }
            self.left.settle()?;
            self.right.settle()?;
            let t = self.tracepoint();
            let end = self.left.chunk_end().min(self.right.chunk_end());
            if t == end {
                return Ok(difference::ending(&self.left, &self.right));
            }
            let event = self.next_event(t);
            let limit = end.min(event).min(t.saturating_add(poll));
            let stop = self.same_until(t, limit);
            self.replay_same(stop)?;
            if (stop < limit || (stop == event && stop < end))
                && let Some(difference) = self.step(stop)?
            {
                return Ok(Some(difference));
            }
        }
    }

    /// What differs before the first instruction.
    fn start(&mut self) -> Result<Vec<Part>, StateError> {
        let l = self.left.timeline();
        let mut parts = difference::registers(
            &self.left.cursor().registers,
            &self.right.cursor().registers,
            None,
        );
        let mappings =
            |side: &Side<'_>| side.space.iter().map(events::numberless).collect::<Vec<_>>();
        for (l, r) in mappings(&self.left).iter().zip(&mappings(&self.right)) {
            if l != r {
                let name = format!("{:#x}", l.start);
                parts.push(Part::new(Aspect::Mapping, name, format!("{l:x?}"), format!("{r:x?}")));
            }
        }
        parts.extend(self.fresh_memory(0, &l.header().start.auxv)?);
        Ok(parts)
    }

    /// What differs in a new program's memory at state `t`, random bytes aside.
    fn fresh_memory(&mut self, t: u64, auxv: &[u8]) -> Result<Vec<Part>, StateError> {
        let (l, r) = (self.left.timeline(), self.right.timeline());
        let pages: BTreeSet<u64> = l.pages_kept_at(t).chain(r.pages_kept_at(t)).collect();
        let mut bytes = Vec::new();
        for page in pages {
            let start = page.saturating_mul(PAGE);
            let (l, r) = (l.memory(t, start, PAGE as usize)?, r.memory(t, start, PAGE as usize)?);
            let pairs = (start..).zip(l.into_iter().zip(r));
            bytes.extend(pairs.filter(|(_, (l, r))| l != r).map(|(at, (l, r))| (at, l, r)));
        }
        let random = random_bytes(auxv);
        for (address, ..) in bytes.extract_if(.., |(at, ..)| random.contains(at)) {
            self.differing.set(address, true);
            self.note(Source::AtRandom, t);
        }
        Ok(difference::bytes(&bytes))
    }

    /// The first tracepoint from `t` on with an event in either.
    fn next_event(&self, t: u64) -> u64 {
        let first =
            |side: &Side<'_>| side.events_from(t).first().map_or(u64::MAX, |e| e.tracepoint);
        first(&self.left).min(first(&self.right))
    }

    /// Up to where, at most `limit`, instructions have the same templates and logs.
    fn same_until(&mut self, mut t: u64, limit: u64) -> u64 {
        while t < limit {
            let (Some(left), Some(right)) = (self.left.at(t), self.right.at(t)) else { break };
            let run = self.alike.run(&left, &right);
            t += run as u64;
            if run < left.left.min(right.left) {
                break;
            }
        }
        t.min(limit)
    }

    /// Replays to `stop`, up to where [`Self::same_until`] went.
    fn replay_same(&mut self, stop: u64) -> Result<(), StateError> {
        while !self.equal && self.tracepoint() < stop {
            self.replay_differing(stop.min(self.tracepoint() + STRETCH))?;
        }
        if self.tracepoint() == stop {
            return Ok(());
        }
        let (left, right, differing) = (&mut self.left, &mut self.right, &mut self.differing);
        let (l, r) = if differing.is_empty() {
            rayon::join(|| left.advance(stop, &mut Ignore), || right.advance(stop, &mut Ignore))
        } else {
            rayon::join(|| left.advance(stop, differing), || right.advance(stop, &mut Ignore))
        };
        l.and(r)
    }

    /// The same, while registers differ: what is derived from them differs too.
    fn replay_differing(&mut self, stop: u64) -> Result<(), StateError> {
        let (mut l, mut r) = (Stores::default(), Stores::default());
        self.left.advance(stop, &mut l)?;
        self.right.advance(stop, &mut r)?;
        let mut at = 0;
        for ((_, l_address, length), (_, r_address, _)) in l.places.iter().zip(&r.places) {
            for i in 0..*length {
                let same = l_address == r_address && l.bytes.get(at + i) == r.bytes.get(at + i);
                self.differing.set(l_address.wrapping_add(i as u64), !same);
                if l_address != r_address {
                    self.differing.set(r_address.wrapping_add(i as u64), true);
                }
            }
            at += length;
        }
        self.compare_registers();
        Ok(())
    }

    fn compare_registers(&mut self) {
        self.equal = self.left.cursor().registers == self.right.cursor().registers;
    }

    fn note(&mut self, source: Source, t: u64) {
        self.sources.entry(source).or_insert((t, 0)).1 += 1;
    }

    /// Replays the instruction of tracepoint `t`, and compares what it did.
    fn step(&mut self, t: u64) -> Result<Option<Difference>, StateError> {
        let (Some(left), Some(right)) = (self.left.at(t), self.right.at(t)) else {
            return Err(StateError::Damaged(t, t, "an instruction without a block".into()));
        };
        let place = |at: &super::side::At<'_>| {
            let code = at.block.bytes(at.index).to_vec();
            (at.block.address(at.index), code, at.faulted && at.left == 1)
        };
        let ((pc, code, faulted), (other_pc, other_code, other_faulted)) =
            (place(&left), place(&right));
        if (pc, &code) != (other_pc, &other_code) {
            let text = |pc: u64, code: &[u8]| format!("{pc:#x}: {code:02x?}");
            let (l, r) = (text(pc, &code), text(other_pc, &other_code));
            let part = Part::new(Aspect::Instruction, "executed", l, r);
            return Ok(Some(self.hinted(Difference::new(t, vec![part]))));
        }
        let before = (self.left.cursor().registers, self.right.cursor().registers);
        let (mut l, mut r) = (Stores::default(), Stores::default());
        self.left.advance(t + 1, &mut l)?;
        self.right.advance(t + 1, &mut r)?;
        let mut parts = Vec::new();
        if faulted != other_faulted {
            let (l, r) = (faulted.to_string(), other_faulted.to_string());
            parts.push(Part::new(Aspect::Fault, "faulted", l, r));
        }
        parts.extend(self.outcome(t, &code, &before, (&l, &r)));
        for auxv in exec_auxv(self.left.events_at(t)) {
            parts.extend(self.fresh_memory(t + 1, &auxv)?);
        }
        self.compare_registers();
        Ok((!parts.is_empty()).then(|| self.hinted(Difference::new(t, parts))))
    }

    /// What of an instruction's outcome differs, and is not explained.
    fn outcome(
        &mut self,
        t: u64,
        code: &[u8],
        before: &(Registers, Registers),
        stores: (&Stores, &Stores),
    ) -> Vec<Part> {
        let (l, r) = (self.left.cursor().registers, self.with_pointers(t, before));
        // Chunk ends do not matter: a chunk holds its tracepoints' events.
        let events = self.left.events_at(t);
        let found = events::compare(events, self.right.events_at(t));
        let stored = differing_bytes(stores.0, stores.1);
        let mut parts = found.plain;
        let excusable = l != r || !stored.is_empty() || !found.values.is_empty();
        if excusable {
            let scene = Scene {
                code,
                left: &before.0,
                right: &before.1,
                differing: &self.differing,
                space: &self.left.space,
                events,
                loses_pointers: self.loses_pointers,
            };
            match scene.explain() {
                Some(why) => {
                    if l.rip != r.rip {
                        let (left, right) = (format!("{:#x}", l.rip), format!("{:#x}", r.rip));
                        parts.push(Part::new(Aspect::Register, "rip", left, right));
                    }
                    if let Why::Source(source) = why {
                        self.note(source, t);
                    }
                }
                None => {
                    parts.extend(unexplained(&scene, &l, &r));
                    let kept = |at: u64| self.differing.any(at, 1) && scene.stores_stretches();
                    let fresh: Vec<_> = stored.iter().filter(|s| !kept(s.0)).copied().collect();
                    parts.extend(difference::bytes(&fresh));
                    parts.extend(found.values);
                }
            }
        }
        self.keep_up(t, stores, &stored);
        parts
    }

    /// The other registers, but for x87 pointers that a switch of tasks may have lost.
    fn with_pointers(&mut self, t: u64, before: &(Registers, Registers)) -> Registers {
        let (l, mut r) = (self.left.cursor().registers, self.right.cursor().registers);
        if self.loses_pointers && pointers(&l.x87) != pointers(&r.x87) {
            (r.x87.instruction, r.x87.data, r.x87.opcode) = pointers(&l.x87);
            if pointers(&before.0.x87) == pointers(&before.1.x87) {
                self.note(Source::X87Pointers, t);
            }
        }
        r
    }

    /// Takes over what the instruction changed in memory and mappings.
    fn keep_up(
        &mut self,
        t: u64,
        stores: (&Stores, &Stores),
        stored: &[(u64, Option<u8>, Option<u8>)],
    ) {
        let changes: Vec<_> =
            self.left.events_at(t).iter().flat_map(|e| &e.mappings).cloned().collect();
        self.differing.remap(&changes);
        changes.iter().for_each(|change| self.left.space.apply(change));
        for (_, address, length) in &stores.0.places {
            self.differing.same(*address, *length as u64);
        }
        stored.iter().for_each(|(address, ..)| self.differing.set(*address, true));
    }

    /// The difference with a word on where it may come from.
    fn hinted(&self, difference: Difference) -> Difference {
        let inputs = !self.equal || !self.differing.is_empty();
        let known: Vec<_> = self.sources.keys().map(|source| source.describe()).collect();
        let hint = (inputs && !known.is_empty()).then(|| {
            format!("values that differ from run to run were in play: {}", known.join(", "))
        });
        Difference { hint, ..difference }
    }
}

/// FIP, FDP and FOP: of the last instruction that is not a control instruction (Intel SDM vol.
/// 1, 8.1.8).
fn pointers(x87: &X87) -> (u64, u64, u16) {
    (x87.instruction, x87.data, x87.opcode)
}

/// The auxiliary vectors of programs that were executed.
fn exec_auxv(events: &[Event]) -> Vec<Vec<u8>> {
    let auxv = |event: &Event| match &event.kind {
        EventKind::Exec(start) => Some(start.auxv.clone()),
        _ => None,
    };
    events.iter().filter_map(auxv).collect()
}

/// Bytes that two instructions stored differently.
fn differing_bytes(left: &Stores, right: &Stores) -> Vec<(u64, Option<u8>, Option<u8>)> {
    if left.places == right.places && left.bytes == right.bytes {
        return Vec::new();
    }
    let (left, right) = (left.by_byte(), right.by_byte());
    let addresses: BTreeSet<_> = left.keys().chain(right.keys()).copied().collect();
    let pair = |at: u64| (at, left.get(&at).copied(), right.get(&at).copied());
    addresses.into_iter().map(pair).filter(|(_, l, r)| l != r).collect()
}

/// Registers that differ afterwards although no input did: not those that
/// differed before and kept what they had.
fn unexplained(scene: &Scene<'_>, left: &Registers, right: &Registers) -> Vec<Part> {
    let mut kept = *right;
    let words = |registers: &Registers| {
        let words = registers.as_bytes().chunks(8);
        words.map(|w| w.iter().rev().fold(0, |v, b| v << 8 | u64::from(*b))).collect::<Vec<u64>>()
    };
    let (before_left, before_right) = (words(scene.left), words(scene.right));
    for (i, (l, r)) in before_left.iter().zip(&before_right).enumerate() {
        let overwritten = i < left.gpr.len() && scene.overwrites(i);
        if l != r && !overwritten {
            copy_word(left, &mut kept, i);
        }
    }
    kept.rip = right.rip;
    difference::registers(left, &kept, Some((scene.left, scene.right)))
}

fn copy_word(from: &Registers, to: &mut Registers, index: usize) {
    let range = index * 8..index * 8 + 8;
    let to = bytemuck::bytes_of_mut(to).get_mut(range.clone());
    if let (Some(to), Some(from)) = (to, from.as_bytes().get(range)) {
        to.copy_from_slice(from);
    }
}

/// The addresses of the random bytes that an auxiliary vector points at.
fn random_bytes(auxv: &[u8]) -> std::ops::Range<u64> {
    let (words, _) = auxv.as_chunks::<8>();
    let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let entry = words.chunks_exact(2).find(|pair| pair.first() == Some(&AT_RANDOM));
    let start = entry.and_then(|pair| pair.get(1)).copied().unwrap_or(0);
    start..start.saturating_add(RANDOM_BYTES)
}
