//! What surrounds the random part: start, functions' frames, the handler of faults, the end.

use super::elf::at;
use super::emit::{Emitter, GENERAL, Label, place};
use iced_x86::{Code, Instruction, MemoryOperand, Register};

/// Bytes of a function's frame.
const FRAME: i32 = 0x180;

/// Offset of the saved rip in a handler's `ucontext_t`; before it stand r8 to rsp (17 words less
/// one), and rflags behind it (asm/ucontext.h, asm/sigcontext.h).
const SAVED: i64 = 40;
const SAVED_RIP: i64 = SAVED + 16 * 8;

/// Signals that have the handler: SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV.
const SIGNALS: [u64; 5] = [4, 5, 7, 8, 11];

fn two(emitter: &mut Emitter, code: Code, to: Register, from: Register) {
    emitter.push(Instruction::with2(code, to, from).expect("operands"));
}

fn system_call(emitter: &mut Emitter, number: u64) {
    emitter.set(Register::RAX, number);
    emitter.plain(Code::Syscall);
}

/// Sets handlers, the fs base, tables and registers up.
pub fn start(emitter: &mut Emitter, handler: Label, restorer: Label, values: &[u64; 15]) {
    let entries = std::mem::take(&mut emitter.entries);
    for (place, label) in &entries {
        emitter.address_of(Register::RAX, *label);
        let entry = emitter.at(*place);
        emitter.store(Code::Mov_rm64_r64, entry, Register::RAX);
    }
    // struct sigaction of the kernel: handler, flags, restorer, mask.
    for (offset, label) in [(0, handler), (16, restorer)] {
        emitter.address_of(Register::RAX, label);
        let field = emitter.at(place::ACTION + offset);
        emitter.store(Code::Mov_rm64_r64, field, Register::RAX);
    }
    for signal in SIGNALS {
        emitter.set(Register::RDI, signal);
        emitter.point(Register::RSI, place::ACTION);
        emitter.set(Register::RDX, 0);
        emitter.set(Register::R10, 8);
        system_call(emitter, 13);
    }
    // arch_prctl(ARCH_SET_FS): fs:0 is the beginning of data.
    emitter.set(Register::RDI, 0x1002);
    emitter.point(Register::RSI, 0);
    system_call(emitter, 158);
    for (register, value) in GENERAL.into_iter().zip(values) {
        emitter.set(register, *value);
    }
    load_vectors(emitter);
}

fn load_vectors(emitter: &mut Emitter) {
    let wide = std::arch::is_x86_feature_detected!("avx512f");
    for number in 0..if wide { 32u32 } else { 16 } {
        let source = emitter.at(place::WINDOW + u64::from(number) * 16);
        if wide {
            let code = Code::EVEX_Vmovdqu64_zmm_k1z_zmmm512;
            emitter.load(code, Register::ZMM0 + number, source);
        } else {
            emitter.load(Code::Movups_xmm_xmmm128, Register::XMM0 + number, source);
        }
    }
}

/// A function's entry: returns at once when no more calls are to be made.
pub fn enter(emitter: &mut Emitter, entry: Label) {
    emitter.place(entry);
    let (fuel, on) = (emitter.at(place::FUEL), emitter.label());
    emitter.one(Code::Dec_rm32, fuel);
    emitter.branch(Code::Jns_rel32_64, on);
    emitter.plain(Code::Retnq);
    emitter.place(on);
    emitter.push(Instruction::with2(Code::Sub_rm64_imm32, Register::RSP, FRAME).expect("operands"));
}

/// A function's end.
pub fn leave(emitter: &mut Emitter) {
    emitter.push(Instruction::with2(Code::Add_rm64_imm32, Register::RSP, FRAME).expect("operands"));
    emitter.plain(Code::Retnq);
}

/// Sums registers and data up, writes the sum, and exits with its low bits.
pub fn finish(emitter: &mut Emitter) {
    emitter.plain(Code::Cld);
    for (i, register) in (0..).zip(GENERAL) {
        let slot = emitter.at(place::SUMMED + i * 8);
        emitter.store(Code::Add_rm64_r64, slot, register);
    }
    for number in 0..16u32 {
        let slot = emitter.at(place::SUMMED + 0x80 + u64::from(number) * 16);
        emitter.store(Code::Movups_xmmm128_xmm, slot, Register::XMM0 + number);
    }
    let faults = emitter.at(place::FAULTS + 8);
    emitter.load(Code::Mov_r64_rm64, Register::RAX, faults);
    emitter.point(Register::RSI, place::SUMMED);
    emitter.set(Register::RCX, place::SUMMED_BYTES / 8);
    let head = emitter.label();
    emitter.place(head);
    emitter.load(Code::Xor_r64_rm64, Register::RAX, MemoryOperand::with_base(Register::RSI));
    emitter.push(Instruction::with2(Code::Rol_rm64_imm8, Register::RAX, 9).expect("operands"));
    emitter.push(Instruction::with2(Code::Add_rm64_imm8, Register::RSI, 8).expect("operands"));
    emitter.branch(Code::Loop_rel8_64_RCX, head);
    let sum = emitter.at(place::CHECKSUM);
    emitter.store(Code::Mov_rm64_r64, sum, Register::RAX);
    emitter.set(Register::RDI, 1);
    emitter.point(Register::RSI, place::CHECKSUM);
    emitter.set(Register::RDX, 8);
    system_call(emitter, 1);
    let sum = emitter.at(place::CHECKSUM);
    emitter.load(Code::Movzx_r32_rm8, Register::EDI, sum);
    emitter.push(Instruction::with2(Code::And_rm32_imm8, Register::EDI, 0x3f).expect("operands"));
    system_call(emitter, 231);
}

/// The handler: sums up the interrupted registers, and goes on behind the instruction.
pub fn handler(emitter: &mut Emitter, handler: Label, restorer: Label) {
    let saved = |offset: i64| MemoryOperand::with_base_displ(Register::RDX, offset);
    emitter.place(handler);
    let faults = emitter.at(place::FAULTS);
    emitter.one(Code::Inc_rm64, faults);
    two(emitter, Code::Xor_r64_rm64, Register::RAX, Register::RAX);
    for word in 0..18 {
        // Not where the stack and the code are.
        if word != 15 && word != 16 {
            emitter.load(Code::Xor_r64_rm64, Register::RAX, saved(SAVED + word * 8));
            emitter
                .push(Instruction::with2(Code::Rol_rm64_imm8, Register::RAX, 7).expect("operands"));
        }
    }
    let sum = emitter.at(place::FAULTS + 8);
    emitter.store(Code::Add_rm64_r64, sum, Register::RAX);
    let (done, die) = (emitter.label(), emitter.label());
    // int3 stands behind the instruction already.
    emitter.push(Instruction::with2(Code::Cmp_rm32_imm8, Register::EDI, 5).expect("operands"));
    emitter.branch(Code::Je_rel32_64, done);
    emitter.load(Code::Mov_r64_rm64, Register::RAX, saved(SAVED_RIP));
    let (start, lengths) = (emitter.start(), emitter.lengths());
    let start = emitter.at_address(start);
    emitter.load(Code::Lea_r64_m, Register::RCX, start);
    two(emitter, Code::Sub_r64_rm64, Register::RAX, Register::RCX);
    let size = at::CODE_BYTES as i32;
    emitter.push(Instruction::with2(Code::Cmp_rm64_imm32, Register::RAX, size).expect("operands"));
    emitter.branch(Code::Jae_rel32_64, die);
    let lengths = emitter.at_address(lengths);
    emitter.load(Code::Lea_r64_m, Register::RCX, lengths);
    let entry = MemoryOperand::with_base_index(Register::RCX, Register::RAX);
    emitter.load(Code::Movzx_r32_rm8, Register::EAX, entry);
    two(emitter, Code::Test_rm32_r32, Register::EAX, Register::EAX);
    emitter.branch(Code::Je_rel32_64, die);
    emitter.store(Code::Add_rm64_r64, saved(SAVED_RIP), Register::RAX);
    emitter.place(done);
    emitter.plain(Code::Retnq);
    emitter.place(die);
    emitter.set(Register::RDI, 99);
    system_call(emitter, 231);
    emitter.place(restorer);
    system_call(emitter, 15);
}
