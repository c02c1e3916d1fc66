//! Vector instructions that move halves and single elements, exact to the byte.

use super::{Flow, Moment, Source};
use iced_x86::Mnemonic as M;

/// Bytes of half an XMM register.
const HALF: u32 = 8;

/// A lane: which operand it comes from, and the first byte there.
type Lane = (u32, u32);

/// Moves of halves, broadcasts, insertions and extractions.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    if moment.instruction.has_op_mask() {
        return None;
    }
    halves(moment).or_else(|| broadcast(moment)).or_else(|| part(moment))
}

/// What the lower and the upper half of an XMM register get.
fn halves(moment: &Moment) -> Option<Vec<Flow>> {
    let three = moment.count() == 3;
    // The operand that is kept where two are given: the register itself.
    let (kept, other) = if three { (1, 2) } else { (0, 1) };
    let memory = moment.register(other).is_none();
    let stores = moment.register(0).is_none();
    let lanes: [Lane; 2] = match moment.mnemonic() {
        M::Movlps | M::Movlpd | M::Vmovlps | M::Vmovlpd if stores => {
            return Some(moment.write(0, Source::Copy(moment.span(1)?.part(0, HALF))));
        }
        M::Movhps | M::Movhpd | M::Vmovhps | M::Vmovhpd if stores => {
            return Some(moment.write(0, Source::Copy(moment.span(1)?.part(HALF, HALF))));
        }
        M::Movlps | M::Movlpd | M::Vmovlps | M::Vmovlpd => [(other, 0), (kept, HALF)],
        M::Movhps | M::Movhpd | M::Vmovhps | M::Vmovhpd => [(kept, 0), (other, 0)],
        M::Movlhps | M::Vmovlhps => [(kept, 0), (other, 0)],
        M::Movhlps | M::Vmovhlps => [(other, HALF), (kept, HALF)],
        M::Movddup if !memory || moment.span(1)?.length == 8 => [(1, 0), (1, 0)],
        _ => return None,
    };
    laned(moment, &lanes, HALF)
}

/// The first operand made of lanes of `size` bytes.
fn laned(moment: &Moment, lanes: &[Lane], size: u32) -> Option<Vec<Flow>> {
    let to = moment.span(0)?;
    let mut flows = Vec::new();
    for (at, (operand, first)) in (0..).zip(lanes) {
        let source = Source::Copy(moment.span(*operand)?.part(*first, size));
        flows.push(Flow { to: to.part(at * size, size), source });
    }
    flows.extend(moment.register(0).and_then(|register| moment.above(register)));
    Some(flows)
}

/// One element, everywhere.
fn broadcast(moment: &Moment) -> Option<Vec<Flow>> {
    let size = match moment.mnemonic() {
        M::Vpbroadcastb => 1,
        M::Vpbroadcastw => 2,
        M::Vpbroadcastd | M::Vbroadcastss => 4,
        M::Vpbroadcastq | M::Vbroadcastsd => 8,
        M::Vbroadcastf128 | M::Vbroadcasti128 => 16,
        _ => return None,
    };
    let lanes = moment.span(0)?.length / size;
    laned(moment, &vec![(1, 0); lanes as usize], size)
}

/// A part of a vector out of it or into it, by an immediate.
fn part(moment: &Moment) -> Option<Vec<Flow>> {
    let size = match moment.mnemonic() {
        M::Pextrb | M::Vpextrb | M::Pinsrb | M::Vpinsrb => 1,
        M::Pextrw | M::Vpextrw | M::Pinsrw | M::Vpinsrw => 2,
        M::Pextrd | M::Vpextrd | M::Pinsrd | M::Vpinsrd | M::Extractps | M::Vextractps => 4,
        M::Pextrq | M::Vpextrq | M::Pinsrq | M::Vpinsrq => 8,
        M::Vextractf128 | M::Vextracti128 | M::Vinsertf128 | M::Vinserti128 => 16,
        M::Vextractf32x4 | M::Vextracti32x4 | M::Vinsertf32x4 | M::Vinserti32x4 => 16,
        M::Vextractf64x2 | M::Vextracti64x2 | M::Vinsertf64x2 | M::Vinserti64x2 => 16,
        M::Vextractf32x8 | M::Vextracti32x8 | M::Vinsertf32x8 | M::Vinserti32x8 => 32,
        M::Vextractf64x4 | M::Vextracti64x4 | M::Vinsertf64x4 | M::Vinserti64x4 => 32,
        _ => return None,
    };
    let last = moment.count().checked_sub(1)?;
    let selected = moment.immediate(last)? as u32;
    // What is put in is shorter than what it is put into.
    let inserts =
        moment.register(0).is_some_and(|r| r.is_vector_register()) && moment.span(0)?.length > size;
    if inserts { inserted(moment, size, selected, last) } else { extracted(moment, size, selected) }
}

fn extracted(moment: &Moment, size: u32, selected: u32) -> Option<Vec<Flow>> {
    let (to, from) = (moment.span(0)?, moment.span(1)?);
    let first = selected % (from.length / size).max(1) * size;
    let moved = size.min(to.length);
    let mut flows =
        vec![Flow { to: to.part(0, moved), source: Source::Copy(from.part(first, moved)) }];
    if to.length > moved {
        flows.push(Flow { to: to.from(moved), source: Source::Extension });
    }
    flows.extend(moment.register(0).and_then(|register| moment.above(register)));
    Some(flows)
}

fn inserted(moment: &Moment, size: u32, selected: u32, last: u32) -> Option<Vec<Flow>> {
    let (to, from) = (moment.span(0)?, moment.span(last.checked_sub(1)?)?);
    let first = selected % (to.length / size).max(1) * size;
    let mut flows =
        vec![Flow { to: to.part(first, size), source: Source::Copy(from.part(0, size)) }];
    if last == 3 {
        // Elsewhere from another register; the flow above it counts first.
        let others = moment.span(1)?.part(0, to.length);
        flows.push(Flow { to, source: Source::Copy(others) });
    }
    flows.extend(moment.register(0).and_then(|register| moment.above(register)));
    Some(flows)
}

#[cfg(test)]
mod tests {
    use super::super::{Place, Span, decode, flows};
    use super::*;
    use rdb_schema::registers::Registers;

    /// Where the bytes of a register's first eight come from, by the first flow that has them.
    fn origins(bytes: &[u8], register: iced_x86::Register, count: u32) -> Vec<Option<Place>> {
        let registers = Registers::default();
        let instruction = decode(0, bytes).unwrap();
        let flows = flows(&Moment::new(&instruction, &registers, &registers));
        let whole = Span::register(register).unwrap();
        let of = |at: u32| {
            let byte = whole.part(at, 1);
            let flow = flows.iter().find(|flow| byte.within(&flow.to).is_some())?;
            let offset = byte.behind(&flow.to);
            match flow.source.part(offset, 1, flow.to.length) {
                Source::Copy(from) => Some(from.place),
                _ => None,
            }
        };
        (0..count).map(of).collect()
    }

    fn byte(register: iced_x86::Register, at: u32) -> Option<Place> {
        Some(Span::register(register).unwrap().part(at, 1).place)
    }

    #[test]
    fn lanes_come_from_where_they_were() {
        use iced_x86::Register::{RAX, XMM0, XMM1};
        // punpcklqdq xmm0, xmm1
        let found = origins(&[0x66, 0x0f, 0x6c, 0xc1], XMM0, 16);
        assert_eq!([found[0], found[8], found[15]], [byte(XMM0, 0), byte(XMM1, 0), byte(XMM1, 7)]);
        // pshufd xmm0, xmm1, 0x1b: in reverse
        let found = origins(&[0x66, 0x0f, 0x70, 0xc1, 0x1b], XMM0, 16);
        assert_eq!([found[0], found[15]], [byte(XMM1, 12), byte(XMM1, 3)]);
        // pinsrq xmm0, rax, 1: the lower half stays
        let found = origins(&[0x66, 0x48, 0x0f, 0x3a, 0x22, 0xc0, 1], XMM0, 16);
        assert_eq!([found[0], found[8]], [None, byte(RAX, 0)]);
        // bswap rax
        let registers = Registers::default();
        let swap = decode(0, &[0x48, 0x0f, 0xc8]).unwrap();
        let part = flows_of(&swap, &registers);
        assert_eq!(
            part.source.part(0, 1, 8),
            Source::Reversed(Span::register(RAX).unwrap().part(7, 1))
        );
    }

    fn flows_of(instruction: &iced_x86::Instruction, registers: &Registers) -> Flow {
        flows(&Moment::new(instruction, registers, registers)).remove(0)
    }
}
