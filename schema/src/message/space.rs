//! Mappings and their changes.

use super::{MessageError, Result};
use crate::space::{Base, Mapping, MappingChange};
use crate::trace_capnp::{address_range, mapping, mapping_change};
use crate::varint::Malformed;

pub(super) fn set_mapping(mut out: mapping::Builder, value: &Mapping) {
    out.set_start(value.start);
    out.set_end(value.end);
    out.set_protection(value.protection);
    out.set_flags(value.flags);
    out.set_file_offset(value.file_offset);
    out.set_device(value.device);
    out.set_inode(value.inode);
    out.set_name(&value.name);
    out.set_since(value.since);
    out.set_key(value.key);
    let mut advice = out.reborrow().init_advice(value.advice.len() as u32);
    for (i, one) in value.advice.iter().enumerate() {
        advice.set(i as u32, *one);
    }
    let mut base = out.init_base();
    match value.base {
        Base::Zero => base.set_zero(()),
        Base::Module(index) => base.set_module(index),
        Base::Unreadable => base.set_unreadable(()),
        Base::Moved(from) => base.set_moved(from),
    }
}

pub(super) fn mapping(from: mapping::Reader) -> Result<Mapping> {
    use mapping::base::Which;
    let base = match from.get_base().which()? {
        Which::Zero(()) => Base::Zero,
        Which::Module(index) => Base::Module(index),
        Which::Unreadable(()) => Base::Unreadable,
        Which::Moved(address) => Base::Moved(address),
    };
    let range = (from.get_start(), from.get_end());
    check_range(range)?;
    Ok(Mapping {
        start: range.0,
        end: range.1,
        protection: from.get_protection(),
        flags: from.get_flags(),
        file_offset: from.get_file_offset(),
        device: from.get_device(),
        inode: from.get_inode(),
        name: from.get_name()?.to_vec(),
        advice: from.get_advice()?.iter().collect(),
        since: from.get_since(),
        base,
        key: from.get_key(),
    })
}

fn check_range((start, end): (u64, u64)) -> Result<()> {
    if start < end && (start | end).is_multiple_of(crate::space::PAGE) {
        Ok(())
    } else {
        Err(MessageError::Column(Malformed))
    }
}

fn set_range(mut out: address_range::Builder, start: u64, end: u64) {
    out.set_start(start);
    out.set_end(end);
}

fn range(from: address_range::Reader) -> Result<(u64, u64)> {
    let range = (from.get_start(), from.get_end());
    check_range(range)?;
    Ok(range)
}

pub(super) fn set_change(out: mapping_change::Builder, value: &MappingChange) {
    let mut out = out;
    match value {
        MappingChange::Map(new) => set_mapping(out.init_map(), new),
        MappingChange::Unmap { start, end } => set_range(out.init_unmap(), *start, *end),
        MappingChange::Protect { start, end, protection, key } => {
            let mut protect = out.init_protect();
            set_range(protect.reborrow().init_range(), *start, *end);
            protect.set_protection(*protection);
            protect.set_key(*key);
        }
        MappingChange::Advise { start, end, advice } => {
            let mut advise = out.init_advise();
            set_range(advise.reborrow().init_range(), *start, *end);
            advise.set_advice(*advice);
        }
        MappingChange::Clear => out.set_clear(()),
    }
}

pub(super) fn change(from: mapping_change::Reader) -> Result<MappingChange> {
    use mapping_change::Which;
    Ok(match from.which()? {
        Which::Map(new) => MappingChange::Map(mapping(new?)?),
        Which::Unmap(gone) => {
            let (start, end) = range(gone?)?;
            MappingChange::Unmap { start, end }
        }
        Which::Protect(protect) => {
            let protect = protect?;
            let (start, end) = range(protect.get_range()?)?;
            let protection = protect.get_protection();
            MappingChange::Protect { start, end, protection, key: protect.get_key() }
        }
        Which::Advise(advise) => {
            let advise = advise?;
            let (start, end) = range(advise.get_range()?)?;
            MappingChange::Advise { start, end, advice: advise.get_advice() }
        }
        Which::Clear(()) => MappingChange::Clear,
    })
}
