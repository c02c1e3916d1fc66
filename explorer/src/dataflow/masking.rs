//! Results of vector instructions element by element, as far as a mask lets them be written
//! (Intel SDM vol. 1, 15.6.1).

use super::{Flow, Moment, Source};

/// Elements of a result that are written from these sources, in order, and zeros above it.
pub(super) fn elements(moment: &Moment, size: u32, sources: Vec<Source>) -> Option<Vec<Flow>> {
    let to = moment.span(0)?;
    let mask = mask(moment);
    let mut flows = Vec::new();
    for (at, source) in (0..to.length / size.max(1)).zip(sources) {
        let part = to.part(at * size, size);
        if mask.checked_shr(at).unwrap_or_default() & 1 != 0 {
            flows.push(Flow { to: part, source });
        } else if moment.instruction.zeroing_masking() {
            flows.push(Flow { to: part, source: Source::Extension });
        }
    }
    flows.extend(moment.register(0).and_then(|register| moment.above(register)));
    Some(flows)
}

/// The elements that are written, by bits.
pub(super) fn mask(moment: &Moment) -> u64 {
    if !moment.instruction.has_op_mask() {
        return u64::MAX;
    }
    let number = moment.instruction.op_mask().number();
    moment.before.mask.get(number).copied().unwrap_or_default()
}
