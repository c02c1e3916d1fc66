//! xsave, xrstor and their kin, whole register files at a time: where each register lies
//! (Intel SDM vol. 1, 13.4).

use super::{Flow, Moment, Source, Span};
use iced_x86::{Mnemonic as M, Register};
use rdb_schema::registers::Gpr;

/// State components by number.
const SSE: u32 = 1;
const AVX: u32 = 2;
const MASKS: u32 = 5;
const UPPER_HALVES: u32 = 6;
const UPPER_REGISTERS: u32 = 7;

/// Those whose registers are followed.
const COMPONENTS: [u32; 5] = [SSE, AVX, MASKS, UPPER_HALVES, UPPER_REGISTERS];

/// Bytes of components 2 to 7 in the compacted format.
const SIZES: [u32; 6] = [256, 64, 64, 64, 512, 1024];

/// Where the XMM registers, XSTATE_BV, XCOMP_BV and the first further component are.
const XMM: u32 = 160;
const SAVED: u32 = 512;
const COMPACTED: u32 = 520;
const FURTHER: u32 = 576;

/// Whether XCOMP_BV says that the format is the compacted one.
const IS_COMPACTED: u64 = 1 << 63;

/// Registers saved to memory, or loaded from it.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    let (saves, header) = match moment.mnemonic() {
        M::Fxsave | M::Fxsave64 => (true, false),
        M::Fxrstor | M::Fxrstor64 => (false, false),
        M::Xsave | M::Xsave64 | M::Xsavec | M::Xsavec64 | M::Xsaveopt | M::Xsaveopt64 => {
            (true, true)
        }
        M::Xrstor | M::Xrstor64 => (false, true),
        _ => return None,
    };
    let area = moment.address(0)?;
    let at = |offset: u32, length: u32| Span::memory(area.wrapping_add(offset.into()), length);
    let (chosen, compacted) = match header {
        false => (1 << SSE, None),
        true => {
            let saved = word(moment, &at(SAVED, 8), saves)?;
            let compacted = word(moment, &at(COMPACTED, 8), saves)?;
            (asked(moment) & saved, Some(compacted).filter(|bits| bits & IS_COMPACTED != 0))
        }
    };
    let chosen = COMPONENTS.into_iter().filter(|number| chosen >> number & 1 != 0);
    let pairs = chosen.filter_map(|number| Some((number, offset(number, compacted)?)));
    let flow = |(register, memory): (Span, Span)| match saves {
        true => Flow { to: memory, source: Source::Copy(register) },
        false => Flow { to: register, source: Source::Copy(memory) },
    };
    let registers = pairs.flat_map(|(number, offset)| {
        let registers = registers(number);
        let place =
            move |(register, inside): (Span, u32)| (register, at(offset + inside, register.length));
        registers.into_iter().map(place)
    });
    let mut flows: Vec<Flow> = registers.map(flow).collect();
    flows.extend(rest(moment, saves, header));
    Some(flows)
}

/// What is not told by component: all else that `fxsave` writes, and what `xrstor` sets to zero
/// or loads from where only the processor knows.
fn rest(moment: &Moment, saves: bool, header: bool) -> Vec<Flow> {
    match (saves, header) {
        (true, false) => moment.write(0, Source::Unknown),
        (false, true) => {
            let area = moment.address(0).map(|area| area.wrapping_add(SAVED.into()));
            let saved = area.and_then(|at| word(moment, &Span::memory(at, 8), false));
            let source = |number: u32| match saved {
                Some(saved) if saved >> number & 1 == 0 => Source::Extension,
                _ => Source::Unknown,
            };
            let asked = COMPONENTS.into_iter().filter(|number| asked(moment) >> number & 1 != 0);
            let all =
                asked.flat_map(|number| registers(number).into_iter().map(move |of| (of, number)));
            all.map(|((to, _), number)| Flow { to, source: source(number) }).collect()
        }
        _ => Vec::new(),
    }
}

/// The components that edx and eax ask for.
fn asked(moment: &Moment) -> u64 {
    let half = |register| super::operands::gpr(moment.before, register) & u64::from(u32::MAX);
    half(Gpr::RDX) << 32 | half(Gpr::RAX)
}

/// A word of the header, as the instruction leaves or finds it.
fn word(moment: &Moment, at: &Span, saves: bool) -> Option<u64> {
    let bytes = if saves { moment.held_after(at)? } else { moment.held(at)? };
    Some(u64::from_le_bytes(*bytes.first_chunk()?))
}

/// Where a component begins. Where those beyond AVX lie in the standard format is the
/// processor's to say.
fn offset(number: u32, compacted: Option<u64>) -> Option<u32> {
    match (number, compacted) {
        (SSE, _) => Some(XMM),
        (AVX, None) => Some(FURTHER),
        (_, None) => None,
        (_, Some(all)) => {
            let before = (AVX..number).zip(SIZES).filter(|(other, _)| all >> other & 1 != 0);
            Some(FURTHER + before.map(|(_, size)| size).sum::<u32>())
        }
    }
}

/// The registers of a component, and where they are in it.
fn registers(number: u32) -> Vec<(Span, u32)> {
    let vector = |first: u32, start: u32, length: u32| {
        let one = move |at: u32| {
            let register = Span::register(Register::ZMM0 + (first + at))?;
            Some((register.part(start, length), at * length))
        };
        (0..16).filter_map(one).collect()
    };
    match number {
        SSE => vector(0, 0, 16),
        AVX => vector(0, 16, 16),
        UPPER_HALVES => vector(0, 32, 32),
        UPPER_REGISTERS => vector(16, 0, 64),
        MASKS => {
            let one = |at: u32| Some((Span::register(Register::K0 + at)?, at * 8));
            (0..8).filter_map(one).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{decode, flows};
    use super::*;
    use rdb_schema::registers::Registers;

    #[test]
    fn registers_lie_where_the_header_says() {
        // xsavec [rbx] and xrstor [rbx] of SSE, AVX and masks.
        let mut registers = Registers::default();
        (registers.gpr[0], registers.gpr[3]) = (0x26, 0x1000);
        let header = |address: u64, _| match address {
            0x1200 => Some(0x26u64.to_le_bytes().to_vec()),
            0x1208 => Some((IS_COMPACTED | 0x26).to_le_bytes().to_vec()),
            _ => None,
        };
        let all = |code: &[u8]| {
            let instruction = decode(0, code).expect("an instruction");
            let moment = Moment::new(&instruction, &registers, &registers);
            flows(&moment.with_memory(&header, &header))
        };
        let zmm3 = Span::register(Register::ZMM3).expect("a register");
        let (saved, restored) = (all(&[0x0f, 0xc7, 0x23]), all(&[0x0f, 0xae, 0x2b]));
        let upper = Span::memory(0x1000 + 576 + 3 * 16, 16);
        for (register, memory) in [
            (zmm3.part(0, 16), Span::memory(0x1000 + 160 + 3 * 16, 16)),
            (zmm3.part(16, 16), upper),
            (Span::register(Register::K1).expect("k1"), Span::memory(0x1000 + 832 + 8, 8)),
        ] {
            assert!(saved.contains(&Flow { to: memory, source: Source::Copy(register) }));
            assert!(restored.contains(&Flow { to: register, source: Source::Copy(memory) }));
        }
    }
}
