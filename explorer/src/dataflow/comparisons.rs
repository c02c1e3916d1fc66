//! Comparisons into a mask register (EVEX): a bit of it for each element (Intel SDM vol. 2,
//! VPCMPEQB, VCMPPS).

use super::elements::{Elements, elements};
use super::packed::of_operand;
use super::{Flow, Moment, Source, Span};

/// Elements whose bits a byte has.
const PER_BYTE: u32 = 8;

/// Each byte of the mask from the elements whose bits it has.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    moment.register(0).filter(|register| register.is_k())?;
    let first = moment.register(1).filter(|register| register.is_vector_register())?;
    let (size, length) = match elements(moment.mnemonic())? {
        Elements::Same(size) => (size, first.size() as u32),
        Elements::Scalar { read, .. } => (read, read),
        _ => return None,
    };
    let to = moment.span(0)?;
    let one = |at: u32| {
        let start = at * PER_BYTE * size;
        let part = (start < length).then(|| (start, (PER_BYTE * size).min(length - start)));
        let source = part.map_or(Some(Source::Extension), |part| compared(moment, at, part))?;
        Some(Flow { to: to.part(at, 1), source })
    };
    (0..to.length).map(one).collect()
}

/// What byte `at` comes from: bytes of both operands, and a mask that takes bits out.
fn compared(moment: &Moment, at: u32, (start, length): (u32, u32)) -> Option<Source> {
    let operands = [1, 2].map(|operand| of_operand(moment, &moment.span(operand)?, start, length));
    let mut spans: Vec<Span> = operands.into_iter().collect::<Option<_>>()?;
    if moment.instruction.has_op_mask() {
        spans.push(Span::register(moment.instruction.op_mask())?.part(at, 1));
    }
    Some(Source::Combined(spans))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{masked, source_of, source_with};
    use super::super::{Source, Span};
    use iced_x86::Register::{self, K1, K2, K3, XMM0, XMM1, YMM0, YMM1, ZMM0, ZMM1};

    fn part(register: Register, first: u32, length: u32) -> Span {
        Span::register(register).unwrap().part(first, length)
    }

    #[test]
    fn a_byte_of_a_mask_comes_from_eight_elements() {
        let own = |spans: &[Span]| Some(Source::Combined(spans.to_vec()));
        // vpcmpeqb k2, zmm0, zmm1
        let found = source_of(&[0x62, 0xf1, 0x7d, 0x48, 0x74, 0xd1], part(K2, 7, 1));
        assert_eq!(found, own(&[part(ZMM0, 56, 8), part(ZMM1, 56, 8)]));
        // vcmpltpd k2, zmm0, zmm1
        let code = [0x62, 0xf1, 0xfd, 0x48, 0xc2, 0xd1, 1];
        let all = own(&[part(ZMM0, 0, 64), part(ZMM1, 0, 64)]);
        assert_eq!(source_of(&code, part(K2, 0, 1)), all);
        assert_eq!(source_of(&code, part(K2, 1, 1)), Some(Source::Extension));
        // vpcmpgtb k3{k1}, ymm0, ymm1
        let code = [0x62, 0xf1, 0x7d, 0x29, 0x64, 0xd9];
        let found = source_with(&masked(1), &code, part(K3, 3, 1));
        assert_eq!(found, own(&[part(YMM0, 24, 8), part(YMM1, 24, 8), part(K1, 3, 1)]));
        // vpcmpeqd k2, zmm0, [0x40]{1to16}
        let code = [0x62, 0xf1, 0x7d, 0x58, 0x76, 0x14, 0x25, 0x40, 0, 0, 0];
        let found = source_of(&code, part(K2, 1, 1));
        assert_eq!(found, own(&[part(ZMM0, 32, 32), Span::memory(0x40, 4)]));
        // vcmpltss k2, xmm0, xmm1
        let found = source_of(&[0x62, 0xf1, 0x7e, 0x08, 0xc2, 0xd1, 1], part(K2, 0, 1));
        assert_eq!(found, own(&[part(XMM0, 0, 4), part(XMM1, 0, 4)]));
    }
}
