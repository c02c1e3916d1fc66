//! Everything else: what is written comes from all that is read.

use super::elements::{Elements, elements};
use super::{Flow, Moment, Source, Span, flags};
use iced_x86::Mnemonic as M;

/// Bytes of the shortest vector.
const VECTOR: u32 = 16;

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
    let mut sources = moment.reads();
    let read = flags::condition_flags(moment.instruction);
    if read != 0 {
        sources.push(Span::flags(read));
    }
    let mut flows = Vec::new();
    for (to, register) in moment.written() {
        flows.push(Flow { to, source: source(moment, &to, &sources) });
        flows.extend(register.and_then(|register| moment.above(register)));
    }
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
        _ if is_unmapped(moment, to) => Source::Unmapped(sources.to_vec()),
        _ => Source::Combined(sources.to_vec()),
    }
}

fn mixing(mnemonic: M) -> Mixing {
    match mnemonic {
        M::And | M::Or | M::Xor | M::Not | M::Andn => Mixing::Bytewise,
        M::Add | M::Adc | M::Adcx | M::Adox | M::Sub | M::Sbb => Mixing::Upward,
        M::Inc | M::Dec | M::Neg => Mixing::Upward,
        _ => Mixing::Whole,
    }
}

/// Whether a result is a vector whose elements come from elements in a way that is not described.
fn is_unmapped(moment: &Moment, to: &Span) -> bool {
    let registers = (0..moment.count()).filter_map(|at| moment.register(at));
    let vector = registers.into_iter().any(|register| register.is_vector_register());
    vector && to.length >= VECTOR && elements(moment.mnemonic()) != Some(Elements::Mixed)
}

#[cfg(test)]
mod tests {
    use super::super::tests::source_of;
    use super::*;
    use rdb_schema::registers::Gpr;

    #[test]
    fn a_register_that_is_read_by_name_may_be_a_result_too() {
        let [rax, rdx] = [Gpr::RAX, Gpr::RDX].map(|gpr| Span::gpr(gpr, 8));
        // mul rdx: rdx:rax = rax * rdx
        for result in [rax, rdx] {
            let source = source_of(&[0x48, 0xf7, 0xe2], result);
            assert_eq!(source, Some(Source::Combined(vec![rdx, rax])), "{result:?}");
        }
        // mul dl: ax = al * dl; rdx stays
        assert_eq!(source_of(&[0xf6, 0xe2], Span::gpr(Gpr::RDX, 1)), None);
    }
}
