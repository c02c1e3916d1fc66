//! Results that do not depend on their operands, and what only the processor knows.

use super::{Flow, Moment, Source};
use iced_x86::{Mnemonic as M, Register};

/// Zeroing and other idioms; clocks, random numbers, the processor's identity.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    if let Some(what) = machine(moment.mnemonic()) {
        return Some(written(moment, &Source::Machine(what)));
    }
    let address = moment.mnemonic() == M::Lea
        && matches!(moment.instruction.memory_base(), Register::None | Register::RIP)
        && moment.instruction.memory_index() == Register::None;
    (address || is_constant(moment) || overrides(moment))
        .then(|| written(moment, &Source::Constant))
}

fn written(moment: &Moment, source: &Source) -> Vec<Flow> {
    let mut flows = Vec::new();
    for (to, register) in moment.written() {
        flows.push(Flow { to, source: source.clone() });
        flows.extend(register.and_then(|register| moment.above(register)));
    }
    flows
}

/// Whether the result is the same whatever the one register holds that it is made of
/// (Intel Optimization Reference Manual, "dependency-breaking idioms").
pub(super) fn is_constant(moment: &Moment) -> bool {
    let last = moment.count().saturating_sub(1);
    let same = last >= 1
        && moment.register(last).is_some()
        && moment.register(last) == moment.register(last - 1);
    same && !moment.instruction.has_op_mask()
        && matches!(
            moment.mnemonic(),
            M::Xor
                | M::Sub
                | M::Pxor
                | M::Xorps
                | M::Xorpd
                | M::Psubb
                | M::Psubw
                | M::Psubd
                | M::Psubq
                | M::Vpxor
                | M::Vpxord
                | M::Vpxorq
                | M::Vxorps
                | M::Vxorpd
                | M::Vpsubb
                | M::Vpsubw
                | M::Vpsubd
                | M::Vpsubq
                | M::Pcmpeqb
                | M::Pcmpeqw
                | M::Pcmpeqd
                | M::Pcmpeqq
                | M::Vpcmpeqb
                | M::Vpcmpeqw
                | M::Vpcmpeqd
                | M::Vpcmpeqq
                | M::Kxorb
                | M::Kxorw
                | M::Kxord
                | M::Kxorq
                | M::Kxnorb
                | M::Kxnorw
                | M::Kxnord
                | M::Kxnorq
        )
}

/// Whether an immediate operand says all bits of the result: `and x, 0`, `or x, -1`.
fn overrides(moment: &Moment) -> bool {
    let all = match (moment.mnemonic(), moment.immediate(1)) {
        (M::And, Some(mask)) => !mask,
        (M::Or, Some(bits)) => bits,
        _ => return false,
    };
    let unused = moment.span(0).map_or(0, |to| 64 - (to.length * 8).clamp(1, 64));
    all << unused == u64::MAX << unused
}

fn machine(mnemonic: M) -> Option<&'static str> {
    Some(match mnemonic {
        M::Rdtsc | M::Rdtscp => "the processor's time-stamp counter",
        M::Rdrand | M::Rdseed => "the processor's random numbers",
        M::Cpuid => "the processor's identification",
        M::Rdpid => "the processor's number",
        M::Xgetbv => "the processor's enabled features",
        M::Rdpmc => "a performance counter",
        _ => return None,
    })
}
