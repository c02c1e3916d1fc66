//! Stores whose places vary: bit strings and scatters, found as recordings find them.

use super::{Flow, Moment, Source, Span};
use iced_x86::Register;
use rdb_schema::effects::{Bulk, bit_string_address, effects, scatter_addresses};

/// `bts` and its kin with a register as bit offset, and scatters.
pub(super) fn flows(moment: &Moment) -> Option<Vec<Flow>> {
    let bulk = effects(moment.instruction).bulk?;
    match bulk {
        Bulk::BitString { address, index, bytes } => {
            let at = bit_string_address(&address, index, bytes, moment.before);
            Some(bit(Span::memory(at, bytes.into()), Span::gpr(index, bytes.into())))
        }
        Bulk::Scatter { element, count, mask, .. } => {
            scattered(moment, &bulk, &Lanes { element, count, mask })
        }
        _ => None,
    }
}

fn bit(word: Span, offset: Span) -> Vec<Flow> {
    vec![Flow { to: word, source: Source::Combined(vec![word, offset]) }]
}

/// The elements of a scatter.
struct Lanes {
    element: u8,
    count: u8,
    mask: u8,
}

fn scattered(moment: &Moment, bulk: &Bulk, lanes: &Lanes) -> Option<Vec<Flow>> {
    let from = moment.span(1)?;
    let size = u32::from(lanes.element);
    let mask = moment.before.mask.get(usize::from(lanes.mask)).copied()?;
    let chosen = (0..u32::from(lanes.count)).filter(|lane| mask >> lane & 1 != 0);
    let stores = chosen.zip(scatter_addresses(bulk, moment.before));
    let store = |(lane, address): (u32, u64)| Flow {
        to: Span::memory(address, size),
        source: Source::Copy(from.part(lane * size, size)),
    };
    let mut flows: Vec<Flow> = stores.map(store).collect();
    // Of elements that lie over each other, the last counts.
    flows.reverse();
    let cleared = Span::register(Register::K0 + u32::from(lanes.mask & 7))?;
    flows.push(Flow { to: cleared, source: Source::Constant });
    Some(flows)
}
