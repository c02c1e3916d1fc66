//! Whether this CPU's undefined flags are as the schema's rules foretell: tried,
//! since no manual says it, and CPUs differ.

use rdb_schema::derive::{FlagRule, Inputs, Known, Operand};
use rdb_schema::effects::Undefined;
use rdb_schema::registers::{Gpr, Registers, STATUS_FLAGS};
use std::arch::asm;
use std::sync::OnceLock;

/// Runs an instruction on rax and rcx, and returns the flags after it: (rax, rcx,
/// flags before).
type Run = fn(u64, u64, u64) -> u64;

/// A rule, the bytes of the operands, the count if it is an immediate, and an
/// instruction that the rule is to suit.
type Trial = (FlagRule, u8, Option<u8>, Run);

/// What of rax the instructions see; at both ends of each width.
const VALUES: [u64; 9] = [
    0,
    1,
    2,
    0x5555_aaaa_9669_c37a,
    0x8000_0000_8000_8080,
    0x4000_0000_4000_4040,
    0x7fff_ffff_7fff_7f7f,
    0xc000_0001_c001_c1c1,
    u64::MAX,
];

/// The bits of RFLAGS that are always set for a program.
const FIXED: u64 = 0x202;

/// What this CPU does, tried once.
pub fn of_this_cpu() -> Undefined {
    static FOUND: OnceLock<Undefined> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let suits = trials().all(|trial| suits(&trial));
        if suits { Undefined::Foretold } else { Undefined::Logged }
    })
}

/// Whether `syscall` leaves the flags in r11, as it does but where the kernel is entered by
/// FRED (Intel Flexible Return and Event Delivery specification, 8).
pub fn syscall_saves_flags() -> bool {
    let mut kept: u64 = u64::MAX;
    // SAFETY: getppid(2) changes nothing; rcx and r11 are what `syscall` itself writes.
    unsafe {
        asm!("syscall", inlateout("rax") libc::SYS_getppid => _, lateout("rcx") _, inlateout("r11") kept);
    }
    kept & !STATUS_FLAGS == FIXED
}

fn suits(trial: &Trial) -> bool {
    let others = if trial.1 == 8 { 65 } else { 33 };
    let others = 0..if trial.2.is_some() { 1 } else { others };
    let cases = others.flat_map(|other| VALUES.map(|value| (value, other)));
    cases.flat_map(|(a, b)| [(a, b, FIXED), (a, b, FIXED | STATUS_FLAGS)]).all(
        |(value, other, flags)| {
            let found = (trial.3)(value, other, flags) & STATUS_FLAGS;
            found == foretold(trial, value, other, flags)
        },
    )
}

/// What the rule says.
fn foretold(&(rule, width, count, _): &Trial, value: u64, other: u64, rflags: u64) -> u64 {
    let mut before = Registers { rflags, ..Registers::default() };
    before.gpr[Gpr::RAX.index()] = value;
    before.gpr[Gpr::RCX.index()] = other;
    let (left, right) = (Operand::Old(Gpr::RAX), Operand::Old(Gpr::RCX));
    let inputs = match (rule, count) {
        // Of the results only that of `xor` is tried: flags depend on nothing else.
        (FlagRule::Logic, _) => Inputs::one(width, Operand::New(Gpr::RAX)),
        (_, None) => Inputs::two(width, left, right),
        (_, Some(count)) => {
            Inputs { constant: count.into(), ..Inputs::two(width, left, Operand::Constant) }
        }
    };
    let mut after = before.gpr;
    after[Gpr::RAX.index()] ^= other;
    inputs.flags(rule, &Known { before: &before, after: &after, stored: 0 })
}

macro_rules! run {
    ($($code:expr),*) => {{
        fn run(value: u64, other: u64, flags: u64) -> u64 {
            let after;
            // SAFETY: touches its registers, the status flags, and stack that is free
            // (without `nostack`, the compiler keeps nothing below rsp).
            unsafe {
                asm!(
                    "push {flags}",
                    "popfq",
                    concat!($($code),*),
                    "pushfq",
                    "pop {flags}",
                    flags = inout(reg) flags => after,
                    inout("rax") value => _,
                    in("rcx") other,
                );
            }
            after
        }
        run as Run
    }};
}

/// An instruction on rax of each width, with cl or an immediate as count.
macro_rules! shifts {
    ($rule:ident, $name:literal, $counted:expr, $count:literal) => {
        [
            (FlagRule::$rule, 8, $counted, run!($name, " rax, ", $count)),
            (FlagRule::$rule, 4, $counted, run!($name, " eax, ", $count)),
            (FlagRule::$rule, 2, $counted, run!($name, " ax, ", $count)),
            (FlagRule::$rule, 1, $counted, run!($name, " al, ", $count)),
        ]
    };
}

/// The same with immediates: one, some, as wide as the narrow operands, wider.
macro_rules! immediates {
    ($rule:ident, $name:literal) => {
        [
            shifts!($rule, $name, Some(1), "1"),
            shifts!($rule, $name, Some(5), "5"),
            shifts!($rule, $name, Some(7), "7"),
            shifts!($rule, $name, Some(8), "8"),
            shifts!($rule, $name, Some(16), "16"),
            shifts!($rule, $name, Some(27), "27"),
            shifts!($rule, $name, Some(45), "45"),
        ]
    };
}

macro_rules! logic {
    ($rule:ident, $name:literal) => {
        [
            (FlagRule::$rule, 8, None, run!($name, " rax, rcx")),
            (FlagRule::$rule, 4, None, run!($name, " eax, ecx")),
            (FlagRule::$rule, 2, None, run!($name, " ax, cx")),
            (FlagRule::$rule, 1, None, run!($name, " al, cl")),
        ]
    };
}

fn trials() -> impl Iterator<Item = Trial> {
    let immediates = [
        immediates!(ShiftLeft, "shl"),
        immediates!(ShiftRight, "shr"),
        immediates!(ShiftRightSigned, "sar"),
        immediates!(RotateLeft, "rol"),
        immediates!(RotateRight, "ror"),
    ];
    let others = [
        logic!(Logic, "xor"),
        logic!(Test, "test"),
        shifts!(ShiftLeft, "shl", None, "cl"),
        shifts!(ShiftRight, "shr", None, "cl"),
        shifts!(ShiftRightSigned, "sar", None, "cl"),
    ];
    immediates.into_iter().flatten().chain(others).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_does_not_suit_is_noticed() {
        let unlike: Trial = (FlagRule::ShiftLeft, 8, Some(3), run!("shr rax, 3"));
        assert!(!suits(&unlike));
        let count: Trial = (FlagRule::RotateLeft, 8, None, run!("shl rax, cl"));
        assert!(!suits(&count));
    }
}
