//! Everything else: what is written comes from all that is read.

use super::{Flow, Moment, Source, Span, flags};
use iced_x86::Mnemonic as M;

/// How the bytes of operands become those of a result.
enum Mixing {
    /// Each from its own.
    Bytewise,
    /// Each from its own and the lower ones: what carries goes up.
    Upward,
    /// Each from all.
    Whole,
}

/// Results of whatever has results.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    let scalar = scalar_bytes(moment.mnemonic());
    let mut sources = moment.reads();
    let mut rest = Vec::new();
    if let Some(size) = scalar {
        sources.iter_mut().for_each(|span| *span = span.part(0, span.length.min(size)));
        rest.extend(unscalar(moment, size));
        if moment.count() == 2 && !keeps_destination(moment.mnemonic()) {
            sources =
                moment.span(1).map(|span| span.part(0, span.length.min(8))).into_iter().collect();
        }
    }
    let read = flags::condition_flags(moment.instruction);
    if read != 0 {
        sources.push(Span::flags(read));
    }
    let mut flows = Vec::new();
    for (to, register) in moment.written() {
        let to = match scalar {
            Some(size) => to.part(0, to.length.min(size)),
            None => to,
        };
        flows.push(Flow { to, source: source(moment, &to, &sources) });
        flows.extend(register.and_then(|register| moment.above(register)));
    }
    flows.extend(rest);
    Some(flows)
}

fn source(moment: &Moment, to: &Span, sources: &[Span]) -> Source {
    if sources.is_empty() {
        let known = moment.count() == 0 || moment.immediate(moment.count() - 1).is_some();
        return if known { Source::Constant } else { Source::Unknown };
    }
    let as_long = sources.iter().all(|span| span.length == to.length);
    match mixing(moment.mnemonic()) {
        Mixing::Bytewise if as_long => Source::Bytewise(sources.to_vec()),
        Mixing::Upward if sources.iter().all(|span| span.length <= to.length) => {
            Source::Upward(sources.to_vec())
        }
        _ => Source::Combined(sources.to_vec()),
    }
}

fn mixing(mnemonic: M) -> Mixing {
    match mnemonic {
        M::And | M::Or | M::Xor | M::Not | M::Andn => Mixing::Bytewise,
        M::Pand | M::Por | M::Pxor | M::Pandn | M::Vpand | M::Vpor | M::Vpxor | M::Vpandn => {
            Mixing::Bytewise
        }
        M::Andps | M::Andpd | M::Orps | M::Orpd | M::Xorps | M::Xorpd => Mixing::Bytewise,
        M::Paddb | M::Psubb | M::Vpaddb | M::Vpsubb => Mixing::Bytewise,
        M::Add | M::Adc | M::Adcx | M::Adox | M::Sub | M::Sbb => Mixing::Upward,
        M::Inc | M::Dec | M::Neg => Mixing::Upward,
        _ => Mixing::Whole,
    }
}

/// Bytes of the one element that an instruction on scalars computes.
fn scalar_bytes(mnemonic: M) -> Option<u32> {
    Some(match mnemonic {
        M::Addss | M::Subss | M::Mulss | M::Divss | M::Minss | M::Maxss | M::Sqrtss => 4,
        M::Rcpss | M::Rsqrtss | M::Roundss | M::Cvtsd2ss | M::Cvtsi2ss | M::Cmpss => 4,
        M::Vaddss | M::Vsubss | M::Vmulss | M::Vdivss | M::Vminss | M::Vmaxss | M::Vsqrtss => 4,
        M::Addsd | M::Subsd | M::Mulsd | M::Divsd | M::Minsd | M::Maxsd | M::Sqrtsd => 8,
        M::Roundsd | M::Cvtss2sd | M::Cvtsi2sd | M::Cmpsd => 8,
        M::Vaddsd | M::Vsubsd | M::Vmulsd | M::Vdivsd | M::Vminsd | M::Vmaxsd | M::Vsqrtsd => 8,
        _ => return None,
    })
}

/// Whether what a scalar's destination held is an operand.
fn keeps_destination(mnemonic: M) -> bool {
    !matches!(
        mnemonic,
        M::Sqrtss
            | M::Rcpss
            | M::Rsqrtss
            | M::Cvtsd2ss
            | M::Cvtsi2ss
            | M::Sqrtsd
            | M::Cvtss2sd
            | M::Cvtsi2sd
    )
}

/// The bytes beside the scalar: with VEX from the second operand.
fn unscalar(moment: &Moment, size: u32) -> Option<Flow> {
    let three = moment.count() >= 3 && moment.register(1).is_some_and(|r| r.is_vector_register());
    let vex = moment.instruction.encoding() != iced_x86::EncodingKind::Legacy;
    if !three || !vex {
        return None;
    }
    let source = Source::Copy(moment.span(1)?.from(size));
    Some(Flow { to: moment.span(0)?.from(size), source })
}
