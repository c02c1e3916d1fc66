//! System calls are made in the cache, with an `int3` behind each: one stop. In front of
//! those of which the recorder must know beforehand there is another; and some need none:
//! see [`super::buffered`].
//!
//! Which need what, shared code finds out from tables in the region, without touching the
//! program's flags: see [`super::layout`].

use super::block::Writer;
use super::branches::Link;
use super::buffered::Buffered;
use super::emitter::{Emitted, Emitter, SCRATCH, Unencodable};
use super::layout::{CALLS, COMMANDS, DESCRIPTORS, slot};
use super::state::{Place, Rcx};
use crate::engine::code::Prepared;
use crate::os::call_traits::{self, COMMANDED, LATE, QUIET, READS, WRITES};
use crate::tracee::{GeneralRegisters, SharedMemory};
use iced_x86::{Code, Instruction, MemoryOperand, Register};
use rdb_schema::registers::Gpr;
use rdb_schema::syscalls::{Call, outputs};
use std::ops::Range;

/// Bytes of `int3; nop`, in front of a call. A jump to the call does not land right behind
/// the `int3`, so that a signal there is not taken for it.
pub const ASK_BYTES: u64 = 2;

/// Bytes of a `jmp rel32` in front of those, to where the call is buffered.
const BUFFER_BYTES: u64 = 5;

/// Bytes of `mov r14d, imm32; jmp rel32`, and of both of those.
const BEFORE_CALL: u64 = 6 + 5 + BUFFER_BYTES + ASK_BYTES;

/// What the table of calls says of one: it may be made, and asks for no more than ...
mod kind {
    /// ... a stop behind it.
    pub const FINE: u8 = 1;
    /// The same if its descriptor is an ordinary file's.
    pub const BY_DESCRIPTOR: u8 = 2;
    /// Its command tells, in a table of its own: one of these.
    pub const BY_COMMAND: u8 = 3;
    /// It is buffered.
    pub const BUFFERED: u8 = 4;
    /// It is buffered if its descriptor is an ordinary file's.
    pub const BUFFERED_BY_DESCRIPTOR: u8 = 5;
    /// Of a command: it makes the call one that is buffered.
    pub const BUFFERED_COMMAND: u8 = 2;
}

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
    /// Where it is made without a stop.
    pub buffered: Buffered,
}

impl Way {
    /// The state of the program at `address`; `None` behind a call that is not recorded.
    fn place(&self, address: u64) -> Option<Place> {
        let (before, next) = (Place::between(self.pc), Place::between(self.pc + CALL_BYTES));
        if address == self.code.start {
            return Some(before);
        }
        if self.is_made(address) {
            return None;
        }
        let buffered = self.buffered.code.contains(&address);
        if buffered && address >= self.buffered.logged {
            return Some(next);
        }
        if buffered || address <= self.call {
            return Some(Place { rcx: Rcx::Saved, ..before });
        }
        let rcx = if address == self.call + CALL_BYTES + 1 { Rcx::Next } else { Rcx::Own };
        Some(Place { rcx, ..next })
    }

    /// Whether `address` is right behind a call; it may still be under way.
    pub fn is_behind_call(&self, address: u64) -> bool {
        [self.call, self.buffered.call].contains(&address.wrapping_sub(CALL_BYTES))
    }

    /// Whether the call was made at `address`, by the program's own code, and nothing of it
    /// recorded. (Behind the `int3`, that depends on whether it was seen to.)
    pub fn is_made(&self, address: u64) -> bool {
        let buffered = self.buffered.call + 1..self.buffered.logged;
        address == self.call + CALL_BYTES || buffered.contains(&address)
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
    /// without asking, or to where it is buffered; else to the `int3` before it. rcx was
    /// saved, and is borrowed.
    pub(super) fn judge(&mut self) -> Emitted {
        let mut judge = Judge { emitter: self, verdicts: Default::default() };
        let by_command = judge.number()?;
        judge.descriptor()?;
        judge.pronounce()?;
        judge.emitter.land(by_command)?;
        judge.command()?;
        judge.pronounce()
    }
}

/// What becomes of a call.
#[derive(Clone, Copy)]
enum Verdict {
    Refused,
    Fine,
    Buffered,
}

/// How far in front of the call code begins that does what a verdict says, by verdict.
const BEGINS: [u64; 3] = [ASK_BYTES, 0, ASK_BYTES + BUFFER_BYTES];

/// The parts of the code that judges.
struct Judge<'a> {
    emitter: &'a mut Emitter,
    /// Short branches that wait for a verdict's code.
    verdicts: [Vec<usize>; 3],
}

impl Judge<'_> {
    /// A branch to `verdict`: always, or as `code` says.
    fn is(&mut self, verdict: Verdict, code: Code) -> Emitted {
        let branch = self.emitter.branch_ahead(code)?;
        self.verdicts[verdict as usize].push(branch);
        Ok(())
    }

    /// Writes what the branches so far go to.
    fn pronounce(&mut self) -> Emitted {
        let go = Instruction::with1(Code::Jmp_rm64, SCRATCH)?;
        for (verdict, distance) in BEGINS.into_iter().enumerate() {
            let branches = std::mem::take(&mut self.verdicts[verdict]);
            branches.into_iter().try_for_each(|from| self.emitter.land(from))?;
            if distance > 0 {
                let place = MemoryOperand::with_base_displ(SCRATCH, -(distance as i64));
                self.emitter.lea(SCRATCH, place)?;
            }
            self.emitter.put(&go)?;
        }
        Ok(())
    }

    /// Judges by the number; falls through if the descriptor tells. The branch that is
    /// returned is taken if the command does.
    fn number(&mut self) -> Emitted<usize> {
        self.emitter.save(slot::CALL, SCRATCH)?;
        self.emitter.restore(Register::RCX, slot::TRUSTED)?;
        self.refuse_zero()?;
        self.look_up(slot::NUMBER, Register::AX, CALLS)?;
        self.less(kind::FINE)?;
        self.is(Verdict::Fine, Code::Jrcxz_rel8_64)?;
        self.less(kind::BY_COMMAND - kind::FINE)?;
        let by_command = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        self.less(kind::BUFFERED - kind::BY_COMMAND)?;
        self.is(Verdict::Buffered, Code::Jrcxz_rel8_64)?;
        Ok(by_command)
    }

    /// Judges by the descriptor.
    fn descriptor(&mut self) -> Emitted {
        self.emitter.save(slot::PARTS, Register::RDI)?;
        self.look_up(slot::PARTS, Register::DI, DESCRIPTORS)?;
        self.entry(Register::AX, CALLS)?;
        self.less(kind::BY_DESCRIPTOR)?;
        self.is(Verdict::Fine, Code::Jrcxz_rel8_64)?;
        self.is(Verdict::Buffered, Code::Jmp_rel8_64)
    }

    /// Judges by the command of a call that has one.
    fn command(&mut self) -> Emitted {
        self.emitter.save(slot::PARTS, Register::RSI)?;
        self.look_up(slot::PARTS, Register::SI, COMMANDS)?;
        self.less(kind::BUFFERED_COMMAND)?;
        self.is(Verdict::Buffered, Code::Jrcxz_rel8_64)?;
        self.is(Verdict::Fine, Code::Jmp_rel8_64)
    }

    /// Takes as much from rcx.
    fn less(&mut self, count: u8) -> Emitted {
        let less = MemoryOperand::with_base_displ(Register::RCX, -i64::from(count));
        self.emitter.lea(Register::RCX, less)
    }

    /// Refuses the call unless the register, whose whole 32 bits are at `kept`, is below
    /// 65536 and its byte in the table is not zero. That byte is in rcx then.
    fn look_up(&mut self, kept: usize, low: Register, table: usize) -> Emitted {
        let high = self.emitter.context(kept + 2);
        self.emitter.put(&Instruction::with2(Code::Movzx_r32_rm16, Register::ECX, high)?)?;
        let none = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        self.is(Verdict::Refused, Code::Jmp_rel8_64)?;
        self.emitter.land(none)?;
        self.entry(low, table)?;
        self.refuse_zero()
    }

    /// The byte for `low` in the table, into rcx.
    fn entry(&mut self, low: Register, table: usize) -> Emitted {
        self.emitter.put(&Instruction::with2(Code::Movzx_r32_rm16, Register::ECX, low)?)?;
        let table = self.emitter.layout.context(table) as i64;
        let byte = MemoryOperand::with_base_displ_size(Register::RCX, table, 8);
        self.emitter.put(&Instruction::with2(Code::Movzx_r32_rm8, Register::ECX, byte)?)
    }

    fn refuse_zero(&mut self) -> Emitted {
        self.is(Verdict::Refused, Code::Jrcxz_rel8_64)
    }
}

impl Writer {
    /// Writes the way to the system call that `prepared` is, by `judge`, from `start` on; and
    /// how it goes on.
    pub(super) fn system_call(
        &mut self,
        prepared: &Prepared,
        judge: u64,
    ) -> Emitted<(Way, Vec<Link>)> {
        let (start, pc) = (self.emitter.here(), prepared.block.start());
        self.emitter.save(slot::RCX, Register::RCX)?;
        self.emitter.save(slot::R11, Register::R11)?;
        self.emitter.save(slot::NUMBER, Register::RAX)?;
        let call = self.emitter.here() + BEFORE_CALL;
        self.emitter.constant(SCRATCH, call)?;
        self.emitter.jump(judge)?;
        let to_buffered = self.emitter.jump(call)?;
        self.emitter.trap()?;
        self.emitter.put(&Instruction::with(Code::Nopd))?;
        if self.emitter.here() != call {
            return Err(Unencodable);
        }
        self.emitter.put(&Instruction::with(Code::Syscall))?;
        let behind = self.emitter.here();
        self.emitter.trap()?;
        let next = pc + CALL_BYTES;
        self.emitter.constant(Register::RCX, next)?;
        let mut sites = Vec::new();
        self.jump(next, &mut sites)?;
        self.emitter.arrive(to_buffered)?;
        let buffered = self.buffered_call(prepared, behind, &mut sites)?;
        let links = self.stubs(&sites)?;
        Ok((Way { code: start..self.emitter.here(), pc, call, buffered }, links))
    }
}

/// Writes the tables of calls and commands.
pub fn write_tables(memory: &mut SharedMemory) {
    for (number, traits) in call_traits::having(LATE) {
        let quiet = traits & QUIET != 0;
        let kind = match traits {
            _ if traits & COMMANDED != 0 => kind::BY_COMMAND,
            _ if traits & (READS | WRITES) == 0 && quiet => kind::BUFFERED,
            _ if traits & (READS | WRITES) == 0 => kind::FINE,
            _ if quiet => kind::BUFFERED_BY_DESCRIPTOR,
            _ => kind::BY_DESCRIPTOR,
        };
        memory.write(CALLS + number as usize, &[kind]);
    }
    for command in 0..MOST_COMMANDS {
        let number = libc::SYS_fcntl.cast_unsigned();
        let call = Call { number, args: [0, command.into(), 0, 0, 0, 0], result: 0 };
        let outputs = outputs(&call, &|_: u64, _: &mut [u8]| false);
        if outputs.known {
            let quiet = outputs.ranges.is_empty();
            let kind = if quiet { kind::BUFFERED_COMMAND } else { kind::FINE };
            memory.write(COMMANDS + usize::from(command), &[kind]);
        }
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
        let verdicts = ["lea r14,[r14-2]", "jmp r14", "jmp r14", "lea r14,[r14-7]", "jmp r14"];
        assert_eq!(code[code.len() - verdicts.len()..], verdicts);
    }

    #[test]
    fn every_place_of_a_way_is_one_of_the_program() {
        let buffered = Buffered { code: 140..180, call: 150, logged: 175 };
        let way = Way { code: 100..190, pc: 0x4000, call: 120, buffered };
        let place = |address| way.place(address).map(|place| (place.pc, place.rcx));
        assert_eq!(place(100), Some((0x4000, Rcx::Own)));
        assert_eq!(place(108), Some((0x4000, Rcx::Saved)));
        assert_eq!(place(120), Some((0x4000, Rcx::Saved)));
        assert_eq!(place(122), None);
        assert_eq!(place(123), Some((0x4002, Rcx::Next)));
        assert_eq!(place(130), Some((0x4002, Rcx::Own)));
        assert_eq!(place(140), Some((0x4000, Rcx::Saved)));
        assert_eq!(place(150), Some((0x4000, Rcx::Saved)));
        assert!((151..175).all(|address| place(address).is_none()));
        assert_eq!(place(175), Some((0x4002, Rcx::Own)));
        assert!(way.is_behind_call(152) && way.is_behind_call(122) && !way.is_behind_call(153));
    }
}
