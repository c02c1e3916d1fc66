//! The audit: does the trace say what the process is? Compares the model, which
//! replays the trace, with registers and memory as they are.

use crate::compare::Differences;
use crate::engine::{Flow, Interrupt};
use crate::os::with_instruction_effects;
use crate::recording::Recording;
use crate::tracee::Stopped;
use rdb_schema::event::{Event, EventKind};
use rdb_schema::registers::{RegisterPatch, Registers};
use rdb_schema::space::PROT_READ;

impl Recording {
    /// Compares everything at the current state, and records what differs as an
    /// external write. The recording must keep a model.
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
}
