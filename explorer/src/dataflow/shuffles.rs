//! Vector instructions that put elements in another order, which an immediate operand or a
//! register says.

use super::{Flow, Moment, Source, masking};
use iced_x86::{EncodingKind, Mnemonic as M, OpKind};

/// Bytes that SSE's instructions work on, and that AVX's repeat.
const BLOCK: u32 = 16;

/// Where an element comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// The element of that number of the first operand that is read.
    First(u32),
    /// Of the second.
    Second(u32),
    /// It is zero.
    Zero,
}

use Lane::{First, Second, Zero};

/// Elements by number: where each comes from.
struct Order {
    /// Bytes of each.
    size: u32,
    lanes: Vec<Lane>,
}

/// Operands that are read: where there are two, the first is the result itself without VEX.
#[derive(Clone, Copy)]
struct Operands {
    first: u32,
    second: u32,
}

/// Shuffles, interleavings, blends, shifts by whole bytes.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    moment.register(0).filter(|register| register.is_vector_register())?;
    let (order, operands) = order(moment)?;
    let one = |lane: &Lane| {
        let (operand, number) = match *lane {
            First(number) => (operands.first, number),
            Second(number) => (operands.second, number),
            Zero => return Some(Source::Constant),
        };
        let span = moment.span(operand)?;
        let repeats = moment.instruction.is_broadcast() && moment.register(operand).is_none();
        let start = if repeats { 0 } else { number.checked_mul(order.size)? };
        let fits = start.checked_add(order.size)? <= span.length;
        fits.then(|| Source::Copy(span.part(start, order.size)))
    };
    let sources = order.lanes.iter().map(one).collect::<Option<_>>()?;
    masking::elements(moment, order.size, sources)
}

fn order(moment: &Moment) -> Option<(Order, Operands)> {
    let vex = moment.instruction.encoding() != EncodingKind::Legacy;
    let two = if vex { Operands { first: 1, second: 2 } } else { Operands { first: 0, second: 1 } };
    let one = Operands { first: 1, second: 1 };
    let with = |operands| move |order| (order, operands);
    None.or_else(|| interleaved(moment).map(with(two)))
        .or_else(|| of_two(moment).map(with(two)))
        .or_else(|| of_one(moment).map(with(one)))
        .or_else(|| shifted(moment).map(with(Operands { second: two.first, ..two })))
        .or_else(|| blended(moment).map(with(two)))
        .or_else(|| selected(moment, vex))
}

/// Every element of a result of `size` bytes each, by its number, the number of the first of its
/// block, and its place in that.
fn each(moment: &Moment, size: u32, of: impl Fn(u32, u32, u32) -> Lane) -> Option<Order> {
    let count = moment.span(0)?.length / size;
    let per = (BLOCK / size).max(1);
    let lanes = (0..count).map(|at| of(at, at / per * per, at % per)).collect();
    Some(Order { size, lanes })
}

/// The control of a shuffle, if it is an immediate operand.
fn control(moment: &Moment) -> Option<u32> {
    let last = moment.count().checked_sub(1)?;
    matches!(moment.kind(last)?, OpKind::Immediate8).then(|| moment.immediate(last))?.map(low)
}

fn low(number: u64) -> u32 {
    (number & 0xff) as u32
}

/// Two bits of a control.
fn two_bits(control: u32, number: u32) -> u32 {
    control >> (2 * (number & 3)) & 3
}

/// `punpcklbw` and its kin: elements of both operands in turn, of a half of each block.
fn interleaved(moment: &Moment) -> Option<Order> {
    let (size, upper) = match moment.mnemonic() {
        M::Punpcklbw | M::Vpunpcklbw => (1, false),
        M::Punpcklwd | M::Vpunpcklwd => (2, false),
        M::Punpckldq | M::Vpunpckldq | M::Unpcklps | M::Vunpcklps => (4, false),
        M::Punpcklqdq | M::Vpunpcklqdq | M::Unpcklpd | M::Vunpcklpd => (8, false),
        M::Punpckhbw | M::Vpunpckhbw => (1, true),
        M::Punpckhwd | M::Vpunpckhwd => (2, true),
        M::Punpckhdq | M::Vpunpckhdq | M::Unpckhps | M::Vunpckhps => (4, true),
        M::Punpckhqdq | M::Vpunpckhqdq | M::Unpckhpd | M::Vunpckhpd => (8, true),
        _ => return None,
    };
    let half = if upper { BLOCK / size / 2 } else { 0 };
    each(moment, size, |_, block, inside| {
        let number = block + half + inside / 2;
        if inside % 2 == 0 { First(number) } else { Second(number) }
    })
}

/// Shuffles of two operands, and of halves of them.
fn of_two(moment: &Moment) -> Option<Order> {
    let control = control(moment)?;
    match moment.mnemonic() {
        M::Shufps | M::Vshufps => each(moment, 4, |_, block, inside| {
            let number = block + two_bits(control, inside);
            if inside < 2 { First(number) } else { Second(number) }
        }),
        M::Shufpd | M::Vshufpd => each(moment, 8, |at, block, inside| {
            let number = block + (control >> (at & 7) & 1);
            if inside == 0 { First(number) } else { Second(number) }
        }),
        M::Vperm2f128 | M::Vperm2i128 => each(moment, 16, |at, _, _| {
            let own = control >> (4 * (at & 1));
            match (own & 8, own & 2) {
                (0, 0) => First(own & 1),
                (0, _) => Second(own & 1),
                _ => Zero,
            }
        }),
        M::Vshuff32x4 | M::Vshufi32x4 => of_blocks(moment, control, 4),
        M::Vshuff64x2 | M::Vshufi64x2 => of_blocks(moment, control, 8),
        _ => None,
    }
}

/// Whole blocks of two operands, told by their elements of `size` bytes, which a mask is for.
fn of_blocks(moment: &Moment, control: u32, size: u32) -> Option<Order> {
    let (per, count) = (BLOCK / size, moment.span(0)?.length / BLOCK);
    each(moment, size, |at, _, inside| {
        let block = at / per;
        let from = if count > 2 { two_bits(control, block) } else { control >> (block & 1) & 1 };
        let number = from * per + inside;
        if block < count / 2 { First(number) } else { Second(number) }
    })
}

/// Shuffles of one operand.
fn of_one(moment: &Moment) -> Option<Order> {
    match moment.mnemonic() {
        M::Movsldup | M::Vmovsldup => return each(moment, 4, |at, _, _| First(at & !1)),
        M::Movshdup | M::Vmovshdup => return each(moment, 4, |at, _, _| First(at | 1)),
        M::Vmovddup => return each(moment, 8, |at, _, _| First(at & !1)),
        _ => {}
    }
    let control = control(moment)?;
    match moment.mnemonic() {
        M::Pshufd | M::Vpshufd | M::Vpermilps => {
            each(moment, 4, |_, block, inside| First(block + two_bits(control, inside)))
        }
        M::Vpermilpd => each(moment, 8, |at, block, _| First(block + (control >> (at & 7) & 1))),
        M::Vpermq | M::Vpermpd => {
            each(moment, 8, |at, _, _| First(at / 4 * 4 + two_bits(control, at)))
        }
        M::Pshuflw | M::Vpshuflw => each(moment, 2, |at, block, inside| {
            First(if inside < 4 { block + two_bits(control, inside) } else { at })
        }),
        M::Pshufhw | M::Vpshufhw => each(moment, 2, |at, block, inside| {
            First(if inside < 4 { at } else { block + 4 + two_bits(control, inside) })
        }),
        _ => None,
    }
}

/// Shifts by whole elements: what comes in is the lower operand's, or zero.
fn shifted(moment: &Moment) -> Option<Order> {
    let by = control(moment)?;
    match moment.mnemonic() {
        M::Pslldq | M::Vpslldq => {
            each(moment, 1, |at, _, inside| if inside < by { Zero } else { First(at - by) })
        }
        M::Psrldq | M::Vpsrldq => {
            each(moment, 1, |at, _, inside| if inside + by < BLOCK { First(at + by) } else { Zero })
        }
        _ => None,
    }
}

/// Blends by an immediate, and what `palignr` and `insertps` put together.
fn blended(moment: &Moment) -> Option<Order> {
    let control = control(moment)?;
    let one = |size| {
        each(moment, size, |at, _, inside| {
            let bit = if size == 2 { inside } else { at };
            if control >> (bit & 7) & 1 == 0 { First(at) } else { Second(at) }
        })
    };
    match moment.mnemonic() {
        M::Pblendw | M::Vpblendw => one(2),
        M::Blendps | M::Vblendps | M::Vpblendd => one(4),
        M::Blendpd | M::Vblendpd => one(8),
        M::Palignr | M::Vpalignr => {
            each(moment, 1, |_, block, inside| match control.saturating_add(inside) {
                number @ ..BLOCK => Second(block + number),
                number if number < 2 * BLOCK => First(block + number - BLOCK),
                _ => Zero,
            })
        }
        M::Valignd => aligned(moment, control, 4),
        M::Valignq => aligned(moment, control, 8),
        M::Insertps | M::Vinsertps => {
            let last = moment.count().checked_sub(2)?;
            let from = if moment.register(last).is_some() { control >> 6 } else { 0 };
            each(moment, 4, |at, _, _| match () {
                () if control >> at & 1 != 0 => Zero,
                () if control >> 4 & 3 == at => Second(from),
                () => First(at),
            })
        }
        _ => None,
    }
}

fn aligned(moment: &Moment, by: u32, size: u32) -> Option<Order> {
    let count = moment.span(0)?.length / size;
    let by = by & count.checked_sub(1)?;
    each(
        moment,
        size,
        |at, _, _| {
            if at + by < count { Second(at + by) } else { First(at + by - count) }
        },
    )
}

/// Shuffles and blends by what an operand holds.
fn selected(moment: &Moment, vex: bool) -> Option<(Order, Operands)> {
    let (first, control) = if vex { (1, 2) } else { (0, 1) };
    let one = |first: u32| Operands { first, second: first };
    let blends = Operands { first, second: first + 1 };
    let size = match moment.mnemonic() {
        M::Pblendvb | M::Vpblendvb => 1,
        M::Vpermilps | M::Vpermd | M::Vpermps | M::Blendvps | M::Vblendvps => 4,
        M::Vpermilpd | M::Vpermq | M::Vpermpd | M::Blendvpd | M::Vblendvpd => 8,
        M::Pshufb | M::Vpshufb => 1,
        _ => return None,
    };
    let count = moment.span(0)?.length / size;
    let (control, operands) = match moment.mnemonic() {
        M::Pblendvb | M::Blendvps | M::Blendvpd => {
            (moment.held(&super::Span::register(iced_x86::Register::XMM0)?)?, blends)
        }
        M::Vpblendvb | M::Vblendvps | M::Vblendvpd => (moment.held(&moment.span(3)?)?, blends),
        M::Vpermd | M::Vpermps | M::Vpermq | M::Vpermpd => (moment.held(&moment.span(1)?)?, one(2)),
        _ => (moment.held(&moment.span(control)?)?, one(first)),
    };
    let byte = |at: u32| control.get(at as usize).copied().map_or(0, u32::from);
    let highest = |at: u32| byte(at * size + size - 1) & 0x80 != 0;
    let order = each(moment, size, |at, block, _| match moment.mnemonic() {
        M::Pshufb | M::Vpshufb if highest(at) => Zero,
        M::Pshufb | M::Vpshufb => First(block + (byte(at) & 15)),
        M::Vpermilps => First(block + (byte(at * size) & 3)),
        M::Vpermilpd => First(block + (byte(at * size) >> 1 & 1)),
        M::Vpermd | M::Vpermps | M::Vpermq | M::Vpermpd => {
            First(byte(at * size) & (count.saturating_sub(1)))
        }
        _ if highest(at) => Second(at),
        _ => First(at),
    })?;
    (control.len() >= (count * size) as usize).then_some((order, operands))
}

#[cfg(test)]
mod tests {
    use super::super::Span;
    use super::super::tests::{masked, source_of, source_with};
    use super::*;
    use iced_x86::Register::{self, XMM0, XMM1, XMM2, YMM0, YMM1, YMM2, ZMM0, ZMM1, ZMM2};

    /// Where four bytes from `first` on of xmm0 come from.
    fn four(code: &[u8], first: u32) -> Option<Source> {
        source_of(code, Span::register(XMM0).unwrap().part(first, 4))
    }

    fn copy(register: Register, first: u32) -> Option<Source> {
        Some(Source::Copy(Span::register(register).unwrap().part(first, 4)))
    }

    #[test]
    fn elements_come_from_where_the_control_says() {
        // shufps xmm0, xmm1, 0x1b
        let code = [0x0f, 0xc6, 0xc1, 0x1b];
        assert_eq!([four(&code, 0), four(&code, 8)], [copy(XMM0, 12), copy(XMM1, 4)]);
        // vshufps xmm0, xmm1, xmm2, 0x1b
        let code = [0xc5, 0xf0, 0xc6, 0xc2, 0x1b];
        assert_eq!([four(&code, 4), four(&code, 12)], [copy(XMM1, 8), copy(XMM2, 0)]);
        // unpcklps xmm0, xmm1; unpckhps xmm0, xmm1
        let code = [0x0f, 0x14, 0xc1];
        assert_eq!([four(&code, 4), four(&code, 8)], [copy(XMM1, 0), copy(XMM0, 4)]);
        let code = [0x0f, 0x15, 0xc1];
        assert_eq!([four(&code, 0), four(&code, 12)], [copy(XMM0, 8), copy(XMM1, 12)]);
        // vpermq ymm0, ymm1, 0x1b
        let code = [0xc4, 0xe3, 0xfd, 0x00, 0xc1, 0x1b];
        assert_eq!([four(&code, 0), four(&code, 28)], [copy(YMM1, 24), copy(YMM1, 4)]);
        // insertps xmm0, xmm1, 0x98: element 2 to 1, and the last zero
        let code = [0x66, 0x0f, 0x3a, 0x21, 0xc1, 0x98];
        let found = [four(&code, 0), four(&code, 4), four(&code, 12)];
        assert_eq!(found, [copy(XMM0, 0), copy(XMM1, 8), Some(Source::Constant)]);
    }

    #[test]
    fn bytes_come_from_where_the_control_says() {
        let of = |register: Register, at: u32| Span::register(register).unwrap().part(at, 1);
        let byte = |register, at| Some(Source::Copy(of(register, at)));
        let one = |code: &[u8], at| source_of(code, of(XMM0, at));
        // palignr xmm0, xmm1, 8
        let code = [0x66, 0x0f, 0x3a, 0x0f, 0xc1, 8];
        assert_eq!([one(&code, 0), one(&code, 9)], [byte(XMM1, 8), byte(XMM0, 1)]);
        // psrldq xmm0, 4
        let code = [0x66, 0x0f, 0x73, 0xd8, 4];
        assert_eq!([one(&code, 0), one(&code, 12)], [byte(XMM0, 4), Some(Source::Constant)]);
        // pshufb xmm0, xmm1 with zeros in xmm1
        assert_eq!(one(&[0x66, 0x0f, 0x38, 0, 0xc1], 7), byte(XMM0, 0));
    }

    #[test]
    fn a_mask_is_for_the_elements_of_lanes() {
        let of =
            |register: Register, at, length| Span::register(register).unwrap().part(at, length);
        let copied = |register, at, length| Some(Source::Copy(of(register, at, length)));
        // vshuff32x4 zmm0{k1}, zmm1, zmm2, 0x1b
        let code = [0x62, 0xf3, 0x75, 0x49, 0x23, 0xc2, 0x1b];
        let found = |bits, at| source_with(&masked(bits), &code, of(ZMM0, at, 4));
        assert_eq!([found(2, 0), found(2, 4)], [None, copied(ZMM1, 52, 4)]);
        assert_eq!([found(1 << 9, 16), found(1 << 9, 36)], [None, copied(ZMM2, 20, 4)]);
        // vshufi64x2 ymm0{k1}{z}, ymm1, ymm2, 1
        let code = [0x62, 0xf3, 0xf5, 0xa9, 0x43, 0xc2, 1];
        let found = |at| source_with(&masked(6), &code, of(YMM0, at, 8));
        assert_eq!([found(0), found(24)], [Some(Source::Extension), Some(Source::Extension)]);
        assert_eq!([found(8), found(16)], [copied(YMM1, 24, 8), copied(YMM2, 0, 8)]);
    }
}
