//! The audit: does the trace say what the process is? Compares the model, which
//! replays the trace, with registers and memory as they are.

use crate::engine::{Flow, Interrupt};
use crate::model::Page;
use crate::os::with_instruction_effects;
use crate::recording::{Recording, ReplayFailed};
use crate::tracee::Stopped;
use rdb_schema::event::{Event, EventKind};
use rdb_schema::registers::{RegisterPatch, Registers};
use rdb_schema::space::{Base, Mapping, PAGE, PROT_READ, PROT_WRITE};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Pages read at once.
const BATCH: u64 = 256;

/// pagemap's bits for a page that is present or swapped out (admin-guide/mm/pagemap.rst).
const PRESENT: u64 = 3 << 62;

/// Bytes that differ, as ranges of what the process really has.
pub type Differences = Vec<(u64, Vec<u8>)>;

impl Recording {
    /// Compares everything at the current state, and records what differs as an
    /// external write.
    ///
    /// # Errors
    /// The tracee died, or the trace does not replay.
    pub fn audit(&mut self, stopped: &Stopped) -> Flow<()> {
        self.audit_with(stopped, |_, _| {})
    }

    /// The same at the exit stop, inside the last syscall: rax is not settled.
    ///
    /// # Errors
    /// As [`Self::audit`].
    pub fn audit_at_exit(&mut self, stopped: &Stopped) -> Flow<()> {
        self.audit_with(stopped, |actual, model| {
            actual.gpr[0] = model.gpr[0];
            actual.rip = model.rip;
        })
    }

    /// The same at a syscall's entry: the instruction has set rcx and r11, and
    /// the kernel rax, but it has not completed.
    ///
    /// # Errors
    /// As [`Self::audit`].
    pub fn audit_at_entry(&mut self, stopped: &Stopped) -> Flow<()> {
        self.audit_with(stopped, |actual, model| {
            *actual = with_instruction_effects(*actual, model);
        })
    }

    fn audit_with(
        &mut self,
        stopped: &Stopped,
        excuse: impl FnOnce(&mut Registers, &Registers),
    ) -> Flow<()> {
        self.catch_up()?;
        let mut actual = self.registers;
        stopped.general_registers(&mut actual)?;
        stopped.extended_registers(&self.layout, &mut actual)?;
        excuse(&mut actual, self.replayed());
        let registers = RegisterPatch::between(self.replayed(), &actual);
        if !registers.is_empty() {
            self.report_registers(registers);
            self.registers = actual;
        }
        self.follow_growth()?;
        let memory = self.compare(|m| m.protection & PROT_READ != 0);
        if !memory.is_empty() {
            self.report_memory(memory);
        }
        self.catch_up().map_err(Interrupt::from)
    }

    fn report_registers(&mut self, patch: RegisterPatch) {
        let bytes: usize = patch.0.iter().map(|(_, b)| b.len()).sum();
        let model = self.replayed().as_bytes();
        let place = |(offset, bytes): &(u16, Vec<u8>)| {
            let start = usize::from(*offset);
            let had = model.get(start..start + bytes.len()).unwrap_or(&[]);
            format!("{offset}: {had:02x?} is {bytes:02x?}")
        };
        let places: Vec<String> = patch.0.iter().map(place).collect();
        let detail = format!("registers at canonical offsets {}", places.join(", "));
        self.external(detail, bytes as u64, patch, Vec::new());
    }

    fn report_memory(&mut self, memory: Differences) {
        let bytes: usize = memory.iter().map(|(_, b)| b.len()).sum();
        let place = memory.first().map_or(0, |(address, _)| *address);
        let mapping = self.space.find(place).map(|m| String::from_utf8_lossy(&m.name).into_owned());
        let name = mapping.unwrap_or_default();
        let detail = format!("{} ranges, the first at {place:#x} {name}", memory.len());
        self.external(detail, bytes as u64, RegisterPatch::default(), memory);
    }

    fn external(
        &mut self,
        detail: String,
        bytes: u64,
        registers: RegisterPatch,
        memory: Differences,
    ) {
        let tracepoint = self.last_tracepoint();
        crate::say(&format!(
            "audit: {bytes} bytes unexplained at tracepoint {tracepoint}: {detail}"
        ));
        self.unexplained += bytes;
        let kind = EventKind::External { detail, bytes };
        let mut event = Event::new(tracepoint, self.pid.cast_unsigned(), kind);
        (event.registers, event.memory) = (registers, memory);
        self.push_event(event);
    }

    /// Adds bytes to the last event, which wrote them; the model must be up to
    /// date, and is afterwards.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn amend(&mut self, memory: Differences) -> Result<(), ReplayFailed> {
        if memory.is_empty() {
            return Ok(());
        }
        let thread = self.pid.cast_unsigned();
        let mut event = Event::new(self.last_tracepoint(), thread, EventKind::Opaque);
        event.memory = memory;
        self.push_event(event);
        self.catch_up()
    }

    /// Where writable memory differs from the model, which must be up to date.
    pub fn differences(&mut self) -> Differences {
        self.compare(|m| m.protection & PROT_WRITE != 0)
    }

    /// Where the mappings asked for differ from the model, which must be up to
    /// date.
    pub fn compare(&self, wanted: impl Fn(&Mapping) -> bool) -> Differences {
        let pagemap = File::open(format!("/proc/{}/pagemap", self.pid)).ok();
        let mut found = Vec::new();
        for mapping in self.space.iter() {
            if mapping.base != Base::Unreadable && wanted(mapping) {
                self.compare_mapping(mapping, pagemap.as_ref(), &mut found);
            }
        }
        found
    }

    fn compare_mapping(&self, mapping: &Mapping, pagemap: Option<&File>, found: &mut Differences) {
        let (first, end) = (mapping.start / PAGE, mapping.end / PAGE);
        for start in (first..end).step_by(BATCH as usize) {
            let count = BATCH.min(end - start);
            let present = pagemap.and_then(|file| presence(file, start, count));
            let untouched = |number: u64| {
                let absent = present.as_ref().is_some_and(|p| !p[(number - start) as usize]);
                let zeros = matches!(mapping.base, Base::Zero | Base::Moved(_));
                absent && zeros && mapping.inode == 0 && !self.model.has_own(number)
            };
            if (start..start + count).all(untouched) {
                continue;
            }
            let mut buffer = vec![0; (count * PAGE) as usize];
            let read = self.memory.read_some(start * PAGE, &mut buffer);
            let read = read / PAGE as usize;
            let whole = buffer.as_chunks().0.iter().copied().take(read).map(Some);
            // Behind a page that cannot be read (past a file's end), one by one.
            let rest = (start + read as u64..start + count).map(|n| self.read_page(n));
            for (number, page) in (start..).zip(whole.chain(rest)) {
                let Some(page) = page else { continue };
                if let Some(expected) = self.model.page(number) {
                    differences(number * PAGE, &expected, &page, found);
                }
            }
        }
    }
}

/// Which of `count` pages are present or swapped out.
fn presence(pagemap: &File, first: u64, count: u64) -> Option<Vec<bool>> {
    let mut bytes = vec![0; count as usize * 8];
    pagemap.read_exact_at(&mut bytes, first * 8).ok()?;
    let entries = bytes.as_chunks::<8>().0.iter();
    Some(entries.map(|e| u64::from_ne_bytes(*e) & PRESENT != 0).collect())
}

/// Adds the ranges in which `actual` differs from `expected`.
fn differences(start: u64, expected: &Page, actual: &[u8], found: &mut Differences) {
    if expected[..] == *actual {
        return;
    }
    for (offset, (old, new)) in expected.iter().zip(actual).enumerate() {
        if old == new {
            continue;
        }
        let address = start + offset as u64;
        match found.last_mut() {
            Some((at, bytes)) if *at + bytes.len() as u64 == address => bytes.push(*new),
            _ => found.push((address, vec![*new])),
        }
    }
}
