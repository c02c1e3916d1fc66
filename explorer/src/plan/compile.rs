//! From a block's effects to a plan.

use super::reads::{Read, reads};
use super::registers::of_slots;
use super::step::{Simple, Step};
use super::{
    Content, ENTRY, Extent, FS_BASE, GS_BASE, Plan, RFLAGS, STACK_POINTER, Site, Value, ZERO,
};
use iced_x86::InstructionInfoFactory;
use rdb_schema::block::{Block, Slot};
use rdb_schema::derive::{Computation, FlagRule, Inputs, Operand, low_bytes};
use rdb_schema::effects::{Address, Effect, Extend, Form, Segment, Source};
use std::ops::Range;

/// Most values a plan may have. A block's 64 instructions have at most 64 effects
/// each, of which no sane one comes near.
pub(super) const MAX_VALUES: usize = 1 << 13;

/// What a plan has to find besides stores and general registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What RFLAGS hold at the end.
    pub flags: bool,
    /// What is read from memory.
    pub reads: bool,
    /// What is stored, where it comes from general registers or the row.
    pub values: bool,
    /// The stack pointer behind these instructions, one bit each.
    pub probes: u64,
}

/// The plan of the instructions in `range` of `block`. `None` if it is too large.
pub fn compile(block: &Block, range: Range<usize>, wanted: Wanted) -> Option<Plan> {
    let mut compiler = Compiler::new(wanted.values);
    let mut factory = InstructionInfoFactory::new();
    let mut writes = 0;
    for index in range {
        let slots = block.slots(index);
        writes |= of_slots(slots);
        if wanted.reads {
            let reads = reads(block.bytes(index), block.address(index), &mut factory);
            reads.iter().for_each(|read| compiler.read(index as u8, read));
        }
        compiler.instruction(index as u8, slots);
        if wanted.probes >> (index % 64) & 1 == 1 {
            compiler.probe(index as u8);
        }
        if compiler.steps.len() + ENTRY > MAX_VALUES - 64 * 8 {
            return None;
        }
    }
    Some(compiler.finish(wanted.flags, writes))
}

struct Compiler {
    steps: Vec<Step>,
    sites: Vec<Site>,
    /// Where each register's value stands.
    now: [Value; ENTRY],
    stack: Vec<Value>,
    values: bool,
}

/// What is known within one instruction.
struct Within {
    before: [Value; ENTRY],
    after: [Value; ENTRY],
    stored: Value,
}

impl Compiler {
    fn new(values: bool) -> Self {
        let now = std::array::from_fn(Value::of);
        let stack = vec![Value::of(STACK_POINTER)];
        Self { steps: Vec::new(), sites: Vec::new(), now, stack, values }
    }

    fn push(&mut self, step: Step) -> Value {
        self.steps.push(step);
        Value::of(ENTRY + self.steps.len() - 1)
    }

    fn constant(&mut self, value: u64) -> Value {
        match i32::try_from(value as i64) {
            Ok(disp) => Value { slot: ZERO, disp },
            Err(_) => self.push(Step::Const(value)),
        }
    }

    fn add(&mut self, value: Value, disp: i64) -> Value {
        let sum = disp.checked_add(i64::from(value.disp)).and_then(|sum| i32::try_from(sum).ok());
        match sum {
            Some(disp) => Value { slot: value.slot, disp },
            None => {
                let right = self.constant(disp as u64);
                self.push(Step::Sum { left: value, right, scale: 1, mask: u64::MAX })
            }
        }
    }

    /// Follows replay: all effects see the registers before the instruction;
    /// operands that ask for those after it see what earlier effects wrote.
    fn instruction(&mut self, index: u8, slots: &[Slot]) {
        let before = self.now;
        let mut within = Within { before, after: before, stored: Value::of(ZERO.into()) };
        let mut derived = None;
        for slot in slots {
            match slot.effect {
                Effect::Gpr { register, source } => {
                    let at = register.index();
                    within.after[at] = self.register(&within, source, slot, before[at]);
                }
                Effect::Store { address, size, source } => {
                    within.stored = self.stored(&within, source, slot, size);
                    let content = Content::Value(within.stored);
                    self.site(index, &before, address, (Extent::Bytes(size.into()), content));
                }
                Effect::StoreVector { address, bytes, .. } => {
                    let extent = Extent::Bytes(bytes.into());
                    self.site(index, &before, address, (extent, Content::Unknown));
                }
                Effect::StoreMasked { address, bytes, .. } => {
                    let extent = Extent::Some(bytes.into());
                    self.site(index, &before, address, (extent, Content::Unknown));
                }
                Effect::StoreBytes { address, bytes } => {
                    let content = Content::Row(slot.offset);
                    self.site(index, &before, address, (Extent::Bytes(bytes), content));
                }
                Effect::StoreBulk => {
                    self.sites.push(Site {
                        instruction: index,
                        address: Value::of(ZERO.into()),
                        extent: Extent::Bulk,
                        content: Content::Unknown,
                    });
                }
                Effect::FlagsOf { rule, inputs } => derived = Some((rule, inputs)),
                _ => {}
            }
        }
        if let Some((rule, inputs)) = derived {
            within.after[RFLAGS] = self.flags(&within, rule, inputs);
        }
        self.now = within.after;
        slots.iter().for_each(|slot| self.other(slot));
        let stack = self.now[STACK_POINTER];
        if self.stack.last() != Some(&stack) {
            self.stack.push(stack);
        }
    }

    fn read(&mut self, index: u8, read: &Read) {
        let extent = match read.repeated {
            true => Extent::ReadElements(read.bytes),
            false => Extent::Read(read.bytes),
        };
        let before = self.now;
        self.site(index, &before, read.address, (extent, Content::Unknown));
    }

    fn probe(&mut self, instruction: u8) {
        let (address, content) = (self.now[STACK_POINTER], Content::Unknown);
        self.sites.push(Site { instruction, address, extent: Extent::StackPointer, content });
    }

    fn register(&mut self, within: &Within, source: Source, slot: &Slot, old: Value) -> Value {
        match source {
            Source::Logged => self.push(Step::Logged { offset: slot.offset, bytes: 8 }),
            Source::Const(value) => self.constant(value),
            Source::Form(form) => {
                let value = self.form(&within.before, &form);
                self.extend(value, old, form.width, form.extend)
            }
            Source::Computed(computation) => self.compute(within, computation, old),
        }
    }

    fn stored(&mut self, within: &Within, source: Source, slot: &Slot, size: u8) -> Value {
        match source {
            Source::Logged => self.push(Step::Logged { offset: slot.offset, bytes: size }),
            Source::Const(value) => self.constant(value),
            Source::Form(form) => self.form(&within.before, &form),
            Source::Computed(computation) => {
                let extend = Extend::Zero;
                self.compute(within, Computation { extend, ..computation }, Value::of(ZERO.into()))
            }
        }
    }

    fn form(&mut self, before: &[Value; ENTRY], form: &Form) -> Value {
        let zero = Value::of(ZERO.into());
        let base = form.base.map(|r| before[r.index()]);
        let index = form.index.map(|r| before[r.index()]);
        let (left, right, scale) = match (base, index) {
            (base, None) => (base.unwrap_or(zero), zero, 1),
            (None, Some(index)) if form.scale == 1 => (index, zero, 1),
            (base, Some(index)) => (base.unwrap_or(zero), index, form.scale),
        };
        let left = self.add(left, form.disp);
        if form.width >= 8 && right == zero {
            return left;
        }
        if left.slot == ZERO && right == zero {
            return self.constant(i64::from(left.disp) as u64 & low_bytes(form.width));
        }
        self.push(Step::Sum { left, right, scale, mask: low_bytes(form.width) })
    }

    fn extend(&mut self, value: Value, old: Value, width: u8, extend: Extend) -> Value {
        match extend {
            Extend::Zero => value,
            Extend::Merge | Extend::Sign64 if width >= 8 => value,
            _ => self.push(Step::Extend { value, old: merged(extend, old), width, extend }),
        }
    }

    fn compute(&mut self, within: &Within, computation: Computation, old: Value) -> Value {
        let Inputs { left, right, constant, width } = computation.inputs;
        let left = self.operand(within, left, constant);
        let right = self.operand(within, right, constant);
        if let Some(operation) = Simple::of(&computation) {
            return self.push(Step::Simple { operation, left, right, mask: low_bytes(width) });
        }
        let depends = computation.operation.depends_on_flags();
        let rflags = if depends { within.before[RFLAGS] } else { Value::of(ZERO.into()) };
        let old = merged(computation.extend, old);
        self.push(Step::Compute { computation, left, right, rflags, old })
    }

    fn flags(&mut self, within: &Within, rule: FlagRule, inputs: Inputs) -> Value {
        let left = self.operand(within, inputs.left, inputs.constant);
        let right = self.operand(within, inputs.right, inputs.constant);
        let rflags =
            if inputs.keep_flags(rule) { within.before[RFLAGS] } else { Value::of(ZERO.into()) };
        self.push(Step::Flags { rule, inputs, left, right, rflags })
    }

    fn operand(&mut self, within: &Within, operand: Operand, constant: i64) -> Value {
        match operand {
            Operand::Constant => self.constant(constant as u64),
            Operand::Old(gpr) => within.before[gpr.index()],
            Operand::New(gpr) => within.after[gpr.index()],
            Operand::OldHigh(gpr) => self.high(within.before[gpr.index()]),
            Operand::NewHigh(gpr) => self.high(within.after[gpr.index()]),
            Operand::Stored => within.stored,
        }
    }

    /// The value, shifted down by a byte.
    fn high(&mut self, value: Value) -> Value {
        let right = self.constant(8);
        let zero = Value::of(ZERO.into());
        let inputs = Inputs::two(8, Operand::Constant, Operand::Constant);
        let operation = rdb_schema::derive::Operation::ShiftRight;
        let computation = Computation { operation, inputs, extend: Extend::Zero };
        self.push(Step::Compute { computation, left: value, right, rflags: zero, old: zero })
    }

    fn site(
        &mut self,
        instruction: u8,
        before: &[Value; ENTRY],
        address: Address,
        (extent, content): (Extent, Content),
    ) {
        let form = self.form(before, &address.form);
        let base = match address.segment {
            None => None,
            Some(Segment::Fs) => Some(before[FS_BASE]),
            Some(Segment::Gs) => Some(before[GS_BASE]),
        };
        let address = match base {
            None => form,
            Some(left) if form.slot == ZERO => self.add(left, form.disp.into()),
            Some(left) => self.push(Step::Sum { left, right: form, scale: 1, mask: u64::MAX }),
        };
        let content = if self.values { content } else { Content::Unknown };
        self.sites.push(Site { instruction, address, extent, content });
    }

    /// Effects on what is neither memory nor a general register.
    fn other(&mut self, slot: &Slot) {
        let (offset, rflags) = (slot.offset, self.now[RFLAGS]);
        let (at, step) = match slot.effect {
            Effect::StatusFlags => (RFLAGS, Step::Status { offset, rflags }),
            Effect::Flags => (RFLAGS, Step::Logged { offset, bytes: 4 }),
            Effect::FlagsConst { mask, value } => (RFLAGS, Step::Bits { rflags, mask, value }),
            Effect::FsBase => (FS_BASE, Step::Logged { offset, bytes: 8 }),
            Effect::GsBase => (GS_BASE, Step::Logged { offset, bytes: 8 }),
            _ => return,
        };
        self.now[at] = self.push(step);
    }

    fn finish(self, flags: bool, writes: u64) -> Plan {
        let changed = |at: &usize| self.now[*at] != Value::of(*at);
        let wanted = (0..ENTRY).filter(changed).filter(|at| flags || *at != RFLAGS);
        let exits: Vec<_> = wanted.map(|at| (at as u8, self.now[at])).collect();
        let stack = extremes(&self.stack);
        let mut live = vec![false; ENTRY + self.steps.len()];
        let mut keep = |value: Value| {
            if let Some(slot) = live.get_mut(usize::from(value.slot)) {
                *slot = true;
            }
        };
        exits.iter().for_each(|(_, value)| keep(*value));
        for site in &self.sites {
            keep(site.address);
            if let Content::Value(value) = site.content {
                keep(value);
            }
        }
        stack.iter().for_each(|value| keep(*value));
        // What flags are at the end of code that leaves them alone.
        if flags && self.now[RFLAGS] == Value::of(RFLAGS) {
            keep(Value::of(RFLAGS));
        }
        for (at, step) in self.steps.iter().enumerate().rev() {
            if live.get(ENTRY + at) == Some(&true) {
                step.inputs().for_each(|value| {
                    if let Some(slot) = live.get_mut(usize::from(value.slot)) {
                        *slot = true;
                    }
                });
            }
        }
        let needs_flags = live.get(RFLAGS) == Some(&true);
        let names = rename(&live);
        let rename = |slot: u16| names.get(usize::from(slot)).copied().unwrap_or(ZERO);
        let value = |value: Value| Value { slot: rename(value.slot), disp: value.disp };
        let steps =
            self.steps.iter().enumerate().filter(|(at, _)| live.get(ENTRY + at) == Some(&true));
        Plan {
            steps: steps
                .map(|(at, step)| (rename((ENTRY + at) as u16), step.map(rename)))
                .collect(),
            sites: self
                .sites
                .iter()
                .map(|site| Site {
                    address: value(site.address),
                    content: match site.content {
                        Content::Value(held) => Content::Value(value(held)),
                        other => other,
                    },
                    ..*site
                })
                .collect(),
            exits: exits.iter().map(|(at, new)| (*at, value(*new))).collect(),
            stack: stack.iter().map(|at| value(*at)).collect(),
            writes,
            needs_flags,
        }
    }
}

/// The old value, where it counts.
fn merged(extend: Extend, old: Value) -> Value {
    if extend == Extend::Merge { old } else { Value::of(ZERO.into()) }
}

/// Of the values with the same slot, the one with the lowest displacement and
/// the one with the highest.
fn extremes(values: &[Value]) -> Vec<Value> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by_key(|value| (value.slot, value.disp));
    let keep = |at: &usize| {
        let slot = |at: usize| sorted.get(at).map(|value| value.slot);
        let (here, before) = (slot(*at), at.checked_sub(1).and_then(slot));
        here != before || here != slot(at + 1)
    };
    (0..sorted.len()).filter(keep).filter_map(|at| sorted.get(at).copied()).collect()
}

/// New slots for the live ones, without holes.
fn rename(live: &[bool]) -> Vec<u16> {
    let mut next = ENTRY as u16;
    let name = |(at, live): (usize, &bool)| match (at < ENTRY, live) {
        (true, _) => at as u16,
        (_, false) => ZERO,
        (_, true) => {
            next += 1;
            next - 1
        }
    };
    live.iter().enumerate().map(name).collect()
}
