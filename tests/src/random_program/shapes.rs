//! Branches, loops, calls, stack traffic, faults and code that rewrites itself.

use super::emit::{Emitter, Label};
use super::straight::straight;
use iced_x86::{Code, Instruction, MemoryOperand, Register};

/// Conditional branches with 32-bit displacements: one for each condition.
const CONDITIONS: [Code; 16] = [
    Code::Jo_rel32_64,
    Code::Jno_rel32_64,
    Code::Jb_rel32_64,
    Code::Jae_rel32_64,
    Code::Je_rel32_64,
    Code::Jne_rel32_64,
    Code::Jbe_rel32_64,
    Code::Ja_rel32_64,
    Code::Js_rel32_64,
    Code::Jns_rel32_64,
    Code::Jp_rel32_64,
    Code::Jnp_rel32_64,
    Code::Jl_rel32_64,
    Code::Jge_rel32_64,
    Code::Jle_rel32_64,
    Code::Jg_rel32_64,
];

/// Status flags, direction and identification: what `popf` may set.
const FLAGS: i32 = 0x20_0cd5;

/// The program's functions; each calls only later ones.
pub struct Functions {
    /// Their entries.
    pub entries: Vec<Label>,
    /// Places of their addresses in a table.
    pub table: u64,
}

/// Where something is emitted.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// All functions.
    pub functions: &'a Functions,
    /// Index of the function that is made.
    pub function: usize,
    /// Depth of loops and branches.
    pub depth: u32,
}

impl Scope<'_> {
    fn inner(self) -> Self {
        Scope { depth: self.depth + 1, ..self }
    }
}

/// Appends `count` random things.
pub fn several(emitter: &mut Emitter, scope: Scope<'_>, count: u64) {
    for _ in 0..count {
        one(emitter, scope);
    }
}

fn one(emitter: &mut Emitter, scope: Scope<'_>) {
    let nested = scope.depth < 2;
    match emitter.random.below(100) {
        0..=5 if nested => choice(emitter, scope),
        6..=10 if nested => counted_loop(emitter, scope),
        11..=12 if nested => switch(emitter, scope),
        13..=17 => call(emitter, scope),
        18..=19 => count_loop(emitter),
        20..=22 => push_and_pop(emitter),
        23..=24 => flags(emitter),
        25..=26 => stack_tricks(emitter),
        27..=28 => divide(emitter),
        29 => fault(emitter),
        30 if emitter.writable_code => rewrite(emitter),
        31 => return_elsewhere(emitter),
        _ => straight(emitter),
    }
}

fn some(emitter: &mut Emitter, scope: Scope<'_>) {
    let count = 1 + emitter.random.below(5);
    several(emitter, scope.inner(), count);
}

/// A conditional branch over some code, or one of two pieces.
fn choice(emitter: &mut Emitter, scope: Scope<'_>) {
    let (other, end) = (emitter.label(), emitter.label());
    let code = if emitter.random.chance(8) {
        Code::Jrcxz_rel8_64
    } else {
        emitter.random.pick(&CONDITIONS)
    };
    if code == Code::Jrcxz_rel8_64 {
        // It reaches 127 bytes only.
        emitter.branch(code, other);
        emitter.branch(Code::Jmp_rel32_64, end);
        emitter.place(other);
        some(emitter, scope);
    } else {
        emitter.branch(code, other);
        some(emitter, scope);
        emitter.branch(Code::Jmp_rel32_64, end);
        emitter.place(other);
        some(emitter, scope);
    }
    emitter.place(end);
}

/// A loop that counts in memory, so that its body may use every register.
fn counted_loop(emitter: &mut Emitter, scope: Scope<'_>) {
    let Some(counter) = emitter.counter() else { return };
    let counter = emitter.at(counter);
    let times = 1 + emitter.random.below(4) as i32;
    emitter.immediate(Code::Mov_rm32_imm32, counter, times);
    let head = emitter.label();
    emitter.place(head);
    some(emitter, scope);
    emitter.one(Code::Dec_rm32, counter);
    emitter.branch(Code::Jg_rel32_64, head);
}

/// `loop`, `loope`, `loopne` or `dec; jne` around a few instructions.
fn count_loop(emitter: &mut Emitter) {
    let times = 1 + emitter.random.below(6);
    emitter.set(Register::RCX, times);
    let head = emitter.label();
    emitter.place(head);
    let place = emitter.somewhere(8);
    let memory = emitter.at(place);
    let code = emitter.random.pick(&[Code::Add_rm64_r64, Code::Xor_rm64_r64, Code::Adc_rm64_r64]);
    emitter.store(code, memory, Register::RCX);
    emitter.load(Code::Sub_r64_rm64, Register::RDX, memory);
    let codes = [
        Code::Loop_rel8_64_RCX,
        Code::Loope_rel8_64_RCX,
        Code::Loopne_rel8_64_RCX,
        Code::Jne_rel32_64,
    ];
    let code = emitter.random.pick(&codes);
    if code == Code::Jne_rel32_64 {
        emitter.push(Instruction::with1(Code::Dec_rm64, Register::RCX).expect("an operand"));
    }
    emitter.branch(code, head);
}

/// A jump through a table, by register or memory.
fn switch(emitter: &mut Emitter, scope: Scope<'_>) {
    let arms: Vec<Label> = (0..4).map(|_| emitter.label()).collect();
    let Some(table) = emitter.table(&arms) else { return };
    let place = emitter.somewhere(8);
    let selector = emitter.at(place);
    let (index, base) = (emitter.general(), emitter.general());
    if index == base {
        return;
    }
    emitter.load(Code::Mov_r64_rm64, index, selector);
    emitter.push(Instruction::with2(Code::And_rm64_imm8, index, 3).expect("operands"));
    emitter.point(base, table);
    let entry = MemoryOperand::new(base, index, 8, 0, 0, false, Register::None);
    if emitter.random.chance(50) {
        emitter.one(Code::Jmp_rm64, entry);
    } else {
        emitter.load(Code::Mov_r64_rm64, index, entry);
        emitter.push(Instruction::with1(Code::Jmp_rm64, index).expect("an operand"));
    }
    let end = emitter.label();
    for arm in arms {
        emitter.place(arm);
        some(emitter, scope);
        emitter.branch(Code::Jmp_rel32_64, end);
    }
    emitter.place(end);
}

/// A call of a later function: direct, or through register or memory.
fn call(emitter: &mut Emitter, scope: Scope<'_>) {
    let later = scope.functions.entries.len() - scope.function - 1;
    if later == 0 {
        return straight(emitter);
    }
    let callee = scope.function + 1 + emitter.random.below(later as u64) as usize;
    let entry = scope.functions.entries[callee];
    let pointer = emitter.at(scope.functions.table + callee as u64 * 8);
    match emitter.random.below(3) {
        0 => emitter.branch(Code::Call_rel32_64, entry),
        1 => emitter.one(Code::Call_rm64, pointer),
        _ => {
            let register = emitter.general();
            emitter.load(Code::Mov_r64_rm64, register, pointer);
            emitter.push(Instruction::with1(Code::Call_rm64, register).expect("an operand"));
        }
    }
}

fn push_and_pop(emitter: &mut Emitter) {
    let (from, to) = (emitter.general(), emitter.general());
    let short = emitter.random.chance(20);
    let codes =
        if short { (Code::Push_r16, Code::Pop_r16) } else { (Code::Push_r64, Code::Pop_r64) };
    let part = |register: Register| {
        if short { Register::AX + register.number() as u32 } else { register }
    };
    emitter.push(Instruction::with1(codes.0, part(from)).expect("an operand"));
    straight(emitter);
    emitter.push(Instruction::with1(codes.1, part(to)).expect("an operand"));
}

/// Flags through the stack, changed there.
fn flags(emitter: &mut Emitter) {
    let top = MemoryOperand::with_base(Register::RSP);
    emitter.plain(Code::Pushfq);
    let code = emitter.random.pick(&[Code::Xor_rm32_imm32, Code::Or_rm32_imm32]);
    let bits = emitter.random.number() as i32 & FLAGS;
    emitter.immediate(code, top, bits);
    emitter.plain(Code::Popfq);
    let code = emitter.random.pick(&[Code::Cld, Code::Std, Code::Cmc, Code::Lahf, Code::Sahf]);
    emitter.plain(code);
}

/// Instructions that read or write rsp in unusual ways, and leave it as it was.
fn stack_tricks(emitter: &mut Emitter) {
    let register = emitter.general();
    match emitter.random.below(5) {
        0 => {
            emitter.push(Instruction::with1(Code::Push_r64, Register::RSP).expect("an operand"));
            emitter.push(Instruction::with1(Code::Pop_r64, register).expect("an operand"));
        }
        1 => {
            emitter.push(Instruction::with1(Code::Push_r64, Register::RSP).expect("an operand"));
            emitter.push(Instruction::with1(Code::Pop_r64, Register::RSP).expect("an operand"));
        }
        2 => {
            for _ in 0..2 {
                let exchange = Instruction::with2(Code::Xchg_rm64_r64, Register::RSP, register);
                emitter.push(exchange.expect("operands"));
            }
        }
        3 => {
            // The address of the next instruction, popped.
            let next = emitter.label();
            emitter.branch(Code::Call_rel32_64, next);
            emitter.place(next);
            emitter.push(Instruction::with1(Code::Pop_r64, register).expect("an operand"));
        }
        _ => {
            emitter.push(Instruction::with1(Code::Push_r64, register).expect("an operand"));
            let top = MemoryOperand::with_base(Register::RSP);
            emitter.store(Code::Xchg_rm64_r64, top, register);
            emitter.one(Code::Pop_rm64, MemoryOperand::with_base_displ(Register::RSP, -64));
        }
    }
}

/// A division whose quotient mostly fits.
fn divide(emitter: &mut Emitter) {
    let place = emitter.somewhere(8);
    let divisor = emitter.at(place);
    if emitter.random.chance(80) {
        emitter.immediate(Code::Or_rm32_imm8, divisor, 1);
        emitter.push(
            Instruction::with2(Code::Xor_r64_rm64, Register::RDX, Register::RDX).expect("operands"),
        );
    }
    let code =
        emitter.random.pick(&[Code::Div_rm64, Code::Idiv_rm32, Code::Div_rm16, Code::Div_rm8]);
    emitter.one(code, divisor);
}

/// An instruction that raises a signal.
fn fault(emitter: &mut Emitter) {
    let register = emitter.general();
    match emitter.random.below(6) {
        0 => emitter.plain(Code::Ud2),
        1 => emitter.plain(Code::Hlt),
        2 => emitter.plain(Code::Int3),
        3 => {
            emitter.set(register, 16);
            emitter.load(Code::Add_r64_rm64, register, MemoryOperand::with_base(register));
        }
        4 => {
            // Not canonical.
            emitter.set(register, 0x8000_0000_0000_0000);
            emitter.one(Code::Push_rm64, MemoryOperand::with_base(register));
        }
        _ => {
            // The table of lengths cannot be written.
            let lengths = emitter.lengths();
            let memory = emitter.at_address(lengths);
            emitter.store(Code::Mov_rm64_r64, memory, register);
        }
    }
}

/// Changes the immediate of an instruction, soon or at once to be executed.
fn rewrite(emitter: &mut Emitter) {
    let (target, source) = (emitter.label(), emitter.general());
    let address = emitter.general();
    if address == source {
        return;
    }
    emitter.address_of(address, target);
    // Behind the REX prefix and the opcode.
    let immediate = MemoryOperand::with_base_displ(address, 2);
    emitter.store(Code::Mov_rm32_r32, immediate, Register::EAX + source.number() as u32);
    for _ in 0..emitter.random.below(3) {
        straight(emitter);
    }
    emitter.place(target);
    let high = emitter.random.pick(&[Register::R8D, Register::R14D, Register::R15D, Register::R9D]);
    let set = Instruction::with2(Code::Mov_r32_imm32, high, 0x1234_5678_u32);
    emitter.push(set.expect("operands"));
}

/// A `ret` to an address that was pushed.
fn return_elsewhere(emitter: &mut Emitter) {
    let (target, register) = (emitter.label(), emitter.general());
    emitter.address_of(register, target);
    emitter.push(Instruction::with1(Code::Push_r64, register).expect("an operand"));
    let wide = emitter.random.chance(30);
    if wide {
        emitter.push(Instruction::with1(Code::Push_r64, register).expect("an operand"));
        let over = MemoryOperand::with_base_displ(Register::RSP, 8);
        emitter.store(Code::Xor_rm64_r64, over, register);
        emitter.push(Instruction::with1(Code::Retnq_imm16, 8).expect("an operand"));
    } else {
        emitter.plain(Code::Retnq);
    }
    emitter.bytes(&[0x0f, 0x0b]);
    emitter.place(target);
}
