//! Vector instructions that compute elements, each of its own.

use super::elements::{Elements, elements, keeps_result};
use super::{Flow, Moment, Place, Source, Span, masking};
use iced_x86::EncodingKind;

/// Bytes that SSE's instructions work on, and that AVX's repeat.
const BLOCK: u32 = 16;

/// What is computed element by element.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    if !moment.register(0).is_some_and(|r| r.is_vector_register()) && !stores_vector(moment) {
        return None;
    }
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

fn stores_vector(moment: &Moment) -> bool {
    moment.register(1).is_some_and(|r| r.is_vector_register())
}

/// The operands that a result is computed of.
fn operands(moment: &Moment) -> Vec<Span> {
    let result = moment.span(0).filter(|_| masks_result(moment));
    let vector = |span: &Span| matches!(span.place, Place::Memory(_)) || span.length >= BLOCK;
    let reads = moment.reads().into_iter();
    reads.filter(|span| vector(span) && Some(*span) != result).collect()
}

/// Whether the result is an operand only because a mask may keep it.
fn masks_result(moment: &Moment) -> bool {
    moment.instruction.has_op_mask() && !keeps_result(moment.mnemonic())
}

/// The bytes of an operand: those of one element, if that is repeated.
fn of_operand(moment: &Moment, span: &Span, first: u32, length: u32) -> Option<Span> {
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
    let one = |at: u32| match of_operand(moment, &operand, at * from, from) {
        Some(part) => Source::Combined(vec![part]),
        None => Source::Extension,
    };
    masking::elements(moment, to, (0..all.length / to).map(one).collect())
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
    let result = moment.span(0).filter(|_| masks_result(moment));
    let is_mask = |span: &Span| *span == Span { length: 8, ..*span } && is_mask_register(span);
    let reads = moment.reads().into_iter();
    reads.filter(|span| Some(*span) != result && !is_mask(span)).collect()
}

fn is_mask_register(span: &Span) -> bool {
    let first = Span::register(iced_x86::Register::K0);
    first.is_some_and(|first| span.within(&Span { length: 64, ..first }).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::tests::source_of;
    use super::*;
    use iced_x86::Register::{self, XMM0, XMM1, XMM2, YMM1, YMM2};

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
}
