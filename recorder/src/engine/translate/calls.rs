//! System calls are made in the cache, with an `int3` behind each: one stop. In front of
//! those of which the recorder must know beforehand there is another.
//!
//! Which need it, shared code finds out from tables in the region, without touching the
//! program's flags: see [`super::layout`].

use super::block::Writer;
use super::branches::Link;
use super::emitter::{Emitted, Emitter, SCRATCH, Unencodable};
use super::layout::{CALLS, COMMANDS, DESCRIPTORS, slot};
use super::state::{Place, Rcx};
use crate::os::call_traits::{self, COMMANDED, LATE, READS, WRITES};
use crate::tracee::{GeneralRegisters, SharedMemory};
use iced_x86::{Code, Instruction, MemoryOperand, Register};
use rdb_schema::registers::Gpr;
use rdb_schema::syscalls::{Call, outputs};
use std::ops::Range;

/// Bytes of `int3; nop`, in front of a call. A jump to the call does not land right behind
/// the `int3`, so that a signal there is not taken for it.
pub const ASK_BYTES: u64 = 2;

/// Bytes of `mov r14d, imm32; jmp rel32`, and of those.
const BEFORE_CALL: u64 = 6 + 5 + ASK_BYTES;

/// Bytes of `syscall`.
pub const CALL_BYTES: u64 = 2;

/// Largest command of fcntl(2) that is looked at.
const MOST_COMMANDS: u16 = 2048;

/// Where a system call is made for the one at a program address.
#[derive(Clone, Debug)]
pub struct Way {
    /// Its code.
    pub code: Range<u64>,
    /// The program's `syscall`.
    pub pc: u64,
    /// The cache's own.
    pub call: u64,
}

impl Way {
    /// The state of the program at `address`; `None` right behind the call.
    fn place(&self, address: u64) -> Option<Place> {
        let (before, next) = (Place::between(self.pc), Place::between(self.pc + CALL_BYTES));
        if address == self.code.start {
            return Some(before);
        }
        if address <= self.call {
            return Some(Place { rcx: Rcx::Saved, ..before });
        }
        let behind = self.call + CALL_BYTES;
        let rcx = if address == behind + 1 { Rcx::Next } else { Rcx::Own };
        (address != behind).then_some(Place { rcx, ..next })
    }
}

/// The ways to system calls.
#[derive(Default)]
pub struct Ways {
    /// The code that they share.
    pub judge: Range<u64>,
    /// Ascending.
    list: Vec<Way>,
}

impl Ways {
    /// Adds one behind all others.
    pub fn push(&mut self, way: Way) {
        self.list.push(way);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The way whose code `address` is in.
    pub fn find(&self, address: u64) -> Option<&Way> {
        let after = self.list.partition_point(|way| way.code.start <= address);
        let way = self.list.get(after.checked_sub(1)?)?;
        way.code.contains(&address).then_some(way)
    }

    /// The program's state on one, but for right behind its call.
    pub fn place(&self, registers: &GeneralRegisters) -> Option<Place> {
        let pc = registers.pc();
        if self.judge.contains(&pc) {
            return self.find(registers.get(Gpr::R14))?.place(registers.get(Gpr::R14));
        }
        self.find(pc)?.place(pc)
    }
}

impl Emitter {
    /// Goes to the address in the scratch register, if the system call there can be made
    /// without asking; else to the `int3` before it. rcx was saved, and is borrowed.
    pub(super) fn judge(&mut self) -> Emitted {
        let mut judge = Judge { emitter: self, refuse: Vec::new(), fine: Vec::new() };
        judge.number()?;
        judge.command()?;
        judge.descriptor()?;
        let Judge { refuse, fine, .. } = judge;
        let go = Instruction::with1(Code::Jmp_rm64, SCRATCH)?;
        fine.into_iter().try_for_each(|from| self.land(from))?;
        self.put(&go)?;
        refuse.into_iter().try_for_each(|from| self.land(from))?;
        self.lea(SCRATCH, MemoryOperand::with_base_displ(SCRATCH, -(ASK_BYTES as i64)))?;
        self.put(&go)
    }
}

/// The parts of the code that judges.
struct Judge<'a> {
    emitter: &'a mut Emitter,
    /// Short branches to where the call is refused, and to where it is not.
    refuse: Vec<usize>,
    fine: Vec<usize>,
}

impl Judge<'_> {
    /// Whether this call may be made at all; falls through if more must be known.
    fn number(&mut self) -> Emitted {
        self.emitter.save(slot::CALL, SCRATCH)?;
        self.emitter.restore(Register::RCX, slot::TRUSTED)?;
        self.refuse_zero()?;
        self.look_up(slot::NUMBER, Register::AX, CALLS)?;
        self.emitter.lea(Register::RCX, MemoryOperand::with_base_displ(Register::RCX, -1))?;
        let fine = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        self.fine.push(fine);
        Ok(())
    }

    /// Judges by the command of a call that has one.
    fn command(&mut self) -> Emitted {
        self.emitter.lea(Register::RCX, MemoryOperand::with_base_displ(Register::RCX, -1))?;
        let other = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        self.emitter.save(slot::PARTS, Register::RSI)?;
        self.look_up(slot::PARTS, Register::SI, COMMANDS)?;
        let fine = self.emitter.branch_ahead(Code::Jmp_rel8_64)?;
        self.fine.push(fine);
        self.emitter.land(other)
    }

    /// Judges by the descriptor.
    fn descriptor(&mut self) -> Emitted {
        self.emitter.save(slot::PARTS, Register::RDI)?;
        self.look_up(slot::PARTS, Register::DI, DESCRIPTORS)
    }

    /// Refuses the call unless the register, whose whole 32 bits are at `kept`, is below
    /// 65536 and its byte in the table is not zero. That byte is in rcx then.
    fn look_up(&mut self, kept: usize, low: Register, table: usize) -> Emitted {
        let word = |from| Instruction::with2(Code::Movzx_r32_rm16, Register::ECX, from);
        self.emitter.put(&word(self.emitter.context(kept + 2))?)?;
        let none = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        let refuse = self.emitter.branch_ahead(Code::Jmp_rel8_64)?;
        self.refuse.push(refuse);
        self.emitter.land(none)?;
        let index = Instruction::with2(Code::Movzx_r32_rm16, Register::ECX, low)?;
        self.emitter.put(&index)?;
        let table = self.emitter.layout.context(table) as i64;
        let byte = MemoryOperand::with_base_displ_size(Register::RCX, table, 8);
        self.emitter.put(&Instruction::with2(Code::Movzx_r32_rm8, Register::ECX, byte)?)?;
        self.refuse_zero()
    }

    fn refuse_zero(&mut self) -> Emitted {
        let refuse = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        self.refuse.push(refuse);
        Ok(())
    }
}

impl Writer {
    /// Writes the way to the system call at `pc`, by `judge`: where the cache's own
    /// stands, and how it goes on.
    pub(super) fn system_call(&mut self, pc: u64, judge: u64) -> Emitted<(u64, Vec<Link>)> {
        self.emitter.save(slot::RCX, Register::RCX)?;
        self.emitter.save(slot::R11, Register::R11)?;
        self.emitter.save(slot::NUMBER, Register::RAX)?;
        let call = self.emitter.here() + BEFORE_CALL;
        self.emitter.constant(SCRATCH, call)?;
        self.emitter.jump(judge)?;
        self.emitter.trap()?;
        self.emitter.put(&Instruction::with(Code::Nopd))?;
        if self.emitter.here() != call {
            return Err(Unencodable);
        }
        self.emitter.put(&Instruction::with(Code::Syscall))?;
        self.emitter.trap()?;
        let next = pc + CALL_BYTES;
        self.emitter.constant(Register::RCX, next)?;
        let mut sites = Vec::new();
        self.jump(next, &mut sites)?;
        Ok((call, self.stubs(&sites)?))
    }
}

/// Writes the tables of calls and commands.
pub fn write_tables(memory: &mut SharedMemory) {
    for (number, traits) in call_traits::having(LATE) {
        let kind = match traits {
            _ if traits & (READS | WRITES) != 0 => 2,
            _ if traits & COMMANDED != 0 => 3,
            _ => 1,
        };
        memory.write(CALLS + number as usize, &[kind]);
    }
    let known = |command: u16| {
        let number = libc::SYS_fcntl.cast_unsigned();
        let call = Call { number, args: [0, command.into(), 0, 0, 0, 0], result: 0 };
        outputs(&call, &|_: u64, _: &mut [u8]| false).known
    };
    for command in (0..MOST_COMMANDS).filter(|command| known(*command)) {
        memory.write(COMMANDS + usize::from(command), &[1]);
    }
}

/// The descriptors that may be read and written without asking.
#[derive(Default)]
pub struct Trusted(Vec<u16>);

impl Trusted {
    /// Adds one.
    pub fn add(&mut self, descriptor: u16, memory: &mut SharedMemory) {
        if !self.0.contains(&descriptor) {
            self.0.push(descriptor);
            memory.write(DESCRIPTORS + usize::from(descriptor), &[1]);
        }
    }

    /// Leaves out those that `keep` does not want.
    pub fn retain(&mut self, memory: &mut SharedMemory, keep: impl Fn(u16) -> bool) {
        self.0.retain(|descriptor| {
            let kept = keep(*descriptor);
            if !kept {
                memory.write(DESCRIPTORS + usize::from(*descriptor), &[0]);
            }
            kept
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Layout;
    use super::*;
    use iced_x86::{Decoder, Formatter, IntelFormatter};

    /// What a disassembler makes of the code that `write` writes at the cache's start.
    fn written(write: impl FnOnce(&mut Emitter) -> Emitted) -> Vec<String> {
        let layout = Layout { base: 0x3800_0000 };
        let mut emitter = Emitter::new(layout).unwrap();
        emitter.begin(layout.cache().start, Vec::new());
        write(&mut emitter).unwrap();
        let code = emitter.finish();
        let mut formatter = IntelFormatter::new();
        let decoder = Decoder::with_ip(64, &code, layout.cache().start, 0);
        let format = |instruction| {
            let mut text = String::new();
            formatter.format(&instruction, &mut text);
            text
        };
        decoder.into_iter().map(format).collect()
    }

    #[test]
    fn calls_are_judged_without_touching_flags() {
        let code = written(Emitter::judge);
        let plain = ["mov", "movzx", "lea", "jmp", "jrcxz"];
        let first = |line: &String| line.split(' ').next().unwrap().to_owned();
        assert!(code.iter().map(first).all(|mnemonic| plain.contains(&mnemonic.as_str())));
        assert_eq!(code[code.len() - 3..], ["jmp r14", "lea r14,[r14-2]", "jmp r14"]);
    }

    #[test]
    fn every_place_of_a_way_is_one_of_the_program() {
        let way = Way { code: 100..150, pc: 0x4000, call: 120 };
        let place = |address| way.place(address).map(|place| (place.pc, place.rcx));
        assert_eq!(place(100), Some((0x4000, Rcx::Own)));
        assert_eq!(place(108), Some((0x4000, Rcx::Saved)));
        assert_eq!(place(120), Some((0x4000, Rcx::Saved)));
        assert_eq!(place(122), None);
        assert_eq!(place(123), Some((0x4002, Rcx::Next)));
        assert_eq!(place(130), Some((0x4002, Rcx::Own)));
    }
}
