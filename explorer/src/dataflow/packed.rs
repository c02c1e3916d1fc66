//! Vector instructions that compute elements, each of its own.

use super::elements::{Elements, elements, keeps_result};
use super::{Flow, Moment, Place, Source, Span, masking};
use iced_x86::EncodingKind;

/// Bytes that SSE's instructions work on, and that AVX's repeat.
const BLOCK: u32 = 16;

/// What is computed element by element.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    let result = match moment.register(0) {
        Some(register) => Some(register),
        None => moment.register(1),
    };
    result.filter(|register| register.is_vector_register())?;
    match elements(moment.mnemonic())? {
        Elements::Same(size) => same(moment, size),
        Elements::Lower(size) => own(moment, size, size / 2),
        Elements::Shifted(size) => shifted(moment, size),
        Elements::Resized { from, to } => resized(moment, from, to),
        Elements::Packed { from, to } => {
            let per = BLOCK / from;
            by_block(moment, to, |index| (index / per, index % per * from, from))
        }
        Elements::Paired(size) => {
            let per = BLOCK / size / 2;
            by_block(moment, size, |index| (index / per, index % per * 2 * size, 2 * size))
        }
        Elements::Scalar { written, read, alone } => scalar(moment, (written, read), alone),
        Elements::Mixed => None,
    }
}

/// The operands that a result is computed of.
fn operands(moment: &Moment) -> Vec<Span> {
    let vector = |span: &Span| matches!(span.place, Place::Memory(_)) || span.length >= BLOCK;
    sources(moment).into_iter().filter(vector).collect()
}

/// What it reads; not the result, where that is read only because a mask may keep it.
fn sources(moment: &Moment) -> Vec<Span> {
    if !moment.instruction.has_op_mask() || keeps_result(moment.mnemonic()) {
        return moment.reads();
    }
    let mut behind: Vec<_> = (1..moment.count()).filter_map(|at| moment.span(at)).collect();
    behind.dedup();
    behind
}

/// The bytes of an operand: those of one element, if that is repeated.
pub(super) fn of_operand(moment: &Moment, span: &Span, first: u32, length: u32) -> Option<Span> {
    if moment.instruction.is_broadcast() && matches!(span.place, Place::Memory(_)) {
        return Some(*span);
    }
    (first.checked_add(length)? <= span.length).then(|| span.part(first, length))
}

fn same(moment: &Moment, size: u32) -> Option<Vec<Flow>> {
    let (to, of) = (moment.span(0)?, operands(moment));
    if of.is_empty() {
        return None;
    }
    let as_long = of.iter().all(|span| span.length == to.length);
    if as_long && !moment.instruction.has_op_mask() {
        return Some(moment.write(0, Source::Lanewise(size, of)));
    }
    // A mask is for elements, of which bitwise operations have none.
    let size = element_size(moment, size);
    own(moment, size, size)
}

/// Each element from the first bytes of those in the same place.
fn own(moment: &Moment, size: u32, read: u32) -> Option<Vec<Flow>> {
    let (to, of) = (moment.span(0)?, operands(moment));
    let one = |at: u32| {
        let of = of.iter().map(|span| of_operand(moment, span, at * size, read));
        Some(Source::Combined(of.collect::<Option<_>>()?))
    };
    let sources = (0..to.length / size).map(one).collect::<Option<_>>()?;
    masking::elements(moment, size, sources)
}

/// Bytes of the elements of a bitwise operation that a mask is for.
fn element_size(moment: &Moment, size: u32) -> u32 {
    if size > 1 {
        return size;
    }
    match format!("{:?}", moment.mnemonic()).chars().next_back() {
        Some('q' | 'd') if format!("{:?}", moment.mnemonic()).ends_with("pd") => 8,
        Some('q') => 8,
        Some('d' | 's') => 4,
        _ => size,
    }
}

fn shifted(moment: &Moment, size: u32) -> Option<Vec<Flow>> {
    let to = moment.span(0)?;
    let last = moment.count().checked_sub(1)?;
    let data = moment.span(last.saturating_sub(1)).filter(|data| data.length == to.length)?;
    let count = match moment.immediate(last) {
        Some(_) => None,
        None => Some(moment.span(last)?.part(0, 8)),
    };
    let one = |at: u32| {
        let own = data.part(at * size, size);
        Source::Combined(std::iter::once(own).chain(count).collect())
    };
    masking::elements(moment, size, (0..to.length / size).map(one).collect())
}

fn resized(moment: &Moment, from: u32, to: u32) -> Option<Vec<Flow>> {
    let (all, operand) = (moment.span(0)?, moment.span(1)?);
    let count = (operand_bytes(moment, &operand)? / from).min(all.length / to);
    let one =
        |at: u32| Some(Source::Combined(vec![of_operand(moment, &operand, at * from, from)?]));
    let mut flows = masking::elements(moment, to, (0..count).map(one).collect::<Option<_>>()?)?;
    // A mask keeps nothing above them (Intel SDM vol. 2, VCVTPD2PS).
    if let Some(rest) = all.length.checked_sub(count * to).filter(|rest| *rest > 0) {
        flows.push(Flow { to: all.part(count * to, rest), source: Source::Extension });
    }
    Some(flows)
}

/// How long an operand is: with what is repeated in it, which the size's name says
/// (`Broadcast256_Float64`).
fn operand_bytes(moment: &Moment, operand: &Span) -> Option<u32> {
    if !moment.instruction.is_broadcast() {
        return Some(operand.length);
    }
    let name = format!("{:?}", moment.instruction.memory_size());
    let (bits, _) = name.strip_prefix("Broadcast")?.split_once('_')?;
    Some(bits.parse::<u32>().ok()? / 8)
}

/// Elements of two operands, whose place in them `of` says for each of a block: which operand,
/// the first byte, and how many.
fn by_block(moment: &Moment, size: u32, of: impl Fn(u32) -> (u32, u32, u32)) -> Option<Vec<Flow>> {
    let to = moment.span(0)?;
    let first = if moment.count() >= 3 { 1 } else { 0 };
    let operands = [moment.span(first)?, moment.span(first + 1)?];
    let one = |at: u32| {
        let (block, inside) = (at * size / BLOCK * BLOCK, at % (BLOCK / size));
        let (operand, start, length) = of(inside);
        let span = operands.get(operand as usize)?;
        Some(Source::Combined(vec![of_operand(moment, span, block + start, length)?]))
    };
    let sources = (0..to.length / size).map(one).collect::<Option<_>>()?;
    masking::elements(moment, size, sources)
}

/// The one element that is computed; with VEX the others are the second operand's.
fn scalar(moment: &Moment, (written, read): (u32, u32), alone: bool) -> Option<Vec<Flow>> {
    let to = moment.span(0).filter(|to| to.length >= BLOCK)?;
    let mut values = (0..moment.count()).filter(|at| moment.immediate(*at).is_none());
    let last = values.next_back().and_then(|at| moment.span(at))?;
    let all = if alone { vec![last] } else { operands_of_scalar(moment) };
    let of = all.iter().map(|span| span.part(0, span.length.min(read))).collect();
    let mut flows = masking::elements(moment, written, vec![Source::Combined(of)])?;
    let vex = moment.instruction.encoding() != EncodingKind::Legacy;
    let others = moment.register(1).filter(|other| other.is_vector_register());
    let others = others.filter(|_| vex && moment.count() >= 3 && !keeps_result(moment.mnemonic()));
    if let Some(others) = others.and_then(Span::register) {
        let rest = Source::Copy(others.part(written, to.length - written));
        flows.push(Flow { to: to.from(written), source: rest });
    }
    Some(flows)
}

fn operands_of_scalar(moment: &Moment) -> Vec<Span> {
    let is_mask = |span: &Span| *span == Span { length: 8, ..*span } && is_mask_register(span);
    sources(moment).into_iter().filter(|span| !is_mask(span)).collect()
}

fn is_mask_register(span: &Span) -> bool {
    let first = Span::register(iced_x86::Register::K0);
    first.is_some_and(|first| span.within(&Span { length: 64, ..first }).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{masked, source_of, source_with};
    use super::*;
    use iced_x86::Register::{self, XMM0, XMM1, XMM2, YMM1, YMM2, ZMM0, ZMM1, ZMM2};

    fn part(register: Register, first: u32, length: u32) -> Span {
        Span::register(register).unwrap().part(first, length)
    }

    #[test]
    fn an_element_comes_from_its_own() {
        let own = |spans: &[Span]| Some(Source::Combined(spans.to_vec()));
        // addps xmm0, xmm1
        let found = source_of(&[0x0f, 0x58, 0xc1], part(XMM0, 4, 4));
        assert_eq!(found, own(&[part(XMM0, 4, 4), part(XMM1, 4, 4)]));
        // vaddpd ymm0, ymm1, ymm2: its upper half
        let found = source_of(&[0xc5, 0xf5, 0x58, 0xc2], part(XMM0, 24, 8));
        assert_eq!(found, own(&[part(YMM1, 24, 8), part(YMM2, 24, 8)]));
        // cvtdq2pd xmm0, xmm1
        let found = source_of(&[0xf3, 0x0f, 0xe6, 0xc1], part(XMM0, 8, 8));
        assert_eq!(found, own(&[part(XMM1, 4, 4)]));
        // packssdw xmm0, xmm1
        let found = source_of(&[0x66, 0x0f, 0x6b, 0xc1], part(XMM0, 10, 2));
        assert_eq!(found, own(&[part(XMM1, 4, 4)]));
        // haddps xmm0, xmm1
        let found = source_of(&[0xf2, 0x0f, 0x7c, 0xc1], part(XMM0, 4, 4));
        assert_eq!(found, own(&[part(XMM0, 8, 8)]));
        // pmuludq xmm0, xmm1
        let found = source_of(&[0x66, 0x0f, 0xf4, 0xc1], part(XMM0, 8, 8));
        assert_eq!(found, own(&[part(XMM0, 8, 4), part(XMM1, 8, 4)]));
        // pslld xmm0, 3
        let found = source_of(&[0x66, 0x0f, 0x72, 0xf0, 3], part(XMM0, 12, 4));
        assert_eq!(found, own(&[part(XMM0, 12, 4)]));
    }

    #[test]
    fn a_scalar_is_the_first_element_alone() {
        let own = |spans: &[Span]| Some(Source::Combined(spans.to_vec()));
        // vsqrtss xmm0, xmm1, xmm2
        let code = [0xc5, 0xf2, 0x51, 0xc2];
        assert_eq!(source_of(&code, part(XMM0, 0, 4)), own(&[part(XMM2, 0, 4)]));
        assert_eq!(source_of(&code, part(XMM0, 4, 4)), Some(Source::Copy(part(XMM1, 4, 4))));
        // mulsd xmm0, xmm1
        let code = [0xf2, 0x0f, 0x59, 0xc1];
        let both = own(&[part(XMM0, 0, 8), part(XMM1, 0, 8)]);
        assert_eq!(source_of(&code, part(XMM0, 0, 8)), both);
        assert_eq!(source_of(&code, part(XMM0, 8, 8)), None);
    }

    #[test]
    fn a_result_may_be_an_operand_beside_a_mask() {
        let own = |spans: &[Span]| Some(Source::Combined(spans.to_vec()));
        let all = masked(u64::MAX);
        // vaddps zmm0{k1}, zmm0, zmm1
        let found = source_with(&all, &[0x62, 0xf1, 0x7c, 0x49, 0x58, 0xc1], part(ZMM0, 36, 4));
        assert_eq!(found, own(&[part(ZMM0, 36, 4), part(ZMM1, 36, 4)]));
        // vaddss xmm0{k1}{z}, xmm0, xmm1
        let found = source_with(&all, &[0x62, 0xf1, 0x7e, 0x89, 0x58, 0xc1], part(XMM0, 0, 4));
        assert_eq!(found, own(&[part(XMM0, 0, 4), part(XMM1, 0, 4)]));
        // vaddps zmm0{k1}, zmm1, zmm2: what it held is only kept
        let found = source_with(&all, &[0x62, 0xf1, 0x74, 0x49, 0x58, 0xc2], part(ZMM0, 4, 4));
        assert_eq!(found, own(&[part(ZMM1, 4, 4), part(ZMM2, 4, 4)]));
        // vfmadd231ps zmm0{k1}, zmm1, zmm2
        let found = source_with(&all, &[0x62, 0xf2, 0x75, 0x49, 0xb8, 0xc2], part(ZMM0, 4, 4));
        assert_eq!(found, own(&[part(ZMM0, 4, 4), part(ZMM1, 4, 4), part(ZMM2, 4, 4)]));
    }

    #[test]
    fn a_result_is_zero_above_its_elements_whatever_the_mask() {
        // vcvtpd2ps xmm0{k1}, xmm1
        let code = [0x62, 0xf1, 0xfd, 0x09, 0x5a, 0xc1];
        let found = |bits, at| source_with(&masked(bits), &code, part(XMM0, at, 4));
        assert_eq!(found(0, 0), None);
        assert_eq!(found(3, 4), Some(Source::Combined(vec![part(XMM1, 8, 8)])));
        assert_eq!(
            [found(0, 8), found(15, 12)],
            [Some(Source::Extension), Some(Source::Extension)]
        );
        // vcvtpd2ps xmm0, [0x40]{1to2}; {1to4}
        let one = Some(Source::Combined(vec![Span::memory(0x40, 8)]));
        let code = [0x62, 0xf1, 0xfd, 0x18, 0x5a, 0x04, 0x25, 0x40, 0, 0, 0];
        assert_eq!(source_of(&code, part(XMM0, 4, 4)), one);
        assert_eq!(source_of(&code, part(XMM0, 8, 4)), Some(Source::Extension));
        let code = [0x62, 0xf1, 0xfd, 0x38, 0x5a, 0x04, 0x25, 0x40, 0, 0, 0];
        assert_eq!(source_of(&code, part(XMM0, 12, 4)), one);
    }
}
