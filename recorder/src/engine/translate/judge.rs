//! Which system calls may be made in the cache, and how: what shared code finds out from
//! tables in the region, without touching the program's flags (see [`super::layout`]).

use super::calls::{ASK_BYTES, BUFFER_BYTES};
use super::emitter::{Emitted, Emitter, SCRATCH};
use super::layout::{CALLS, COMMANDS, DESCRIPTORS, slot};
use crate::engine::undefined::syscall_saves_flags;
use crate::os::call_traits::{self, COMMANDED, LATE, QUIET, READS, WRITES};
use crate::tracee::SharedMemory;
use iced_x86::{Code, Instruction, MemoryOperand, Register};
use rdb_schema::syscalls::{Call, outputs};

/// Largest command of fcntl(2) that is looked at.
const MOST_COMMANDS: u16 = 2048;

/// An address that a command may be given.
const SOMEWHERE: u64 = 0x10_0000;

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

/// Writes the tables of calls and commands.
pub fn write_tables(memory: &mut SharedMemory) {
    let buffers = syscall_saves_flags();
    for (number, traits) in call_traits::having(LATE) {
        let quiet = buffers && traits & QUIET != 0;
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
        let call = Call { number, args: [0, command.into(), SOMEWHERE, 0, 0, 0], result: 0 };
        let outputs = outputs(&call, &|_: u64, _: &mut [u8]| false);
        if outputs.known {
            let quiet = buffers && outputs.ranges.is_empty();
            let kind = if quiet { kind::BUFFERED_COMMAND } else { kind::FINE };
            memory.write(COMMANDS + usize::from(command), &[kind]);
        }
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
}
