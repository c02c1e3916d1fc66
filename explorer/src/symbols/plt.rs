//! Names for the stubs of the procedure linkage table.
//!
//! A stub jumps through a slot of the global offset table; the relocation of
//! that slot names the function (System V ABI for x86-64, 5.2).

use std::collections::HashMap;
use std::ops::Range;

use object::{Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, RelocationTarget};

use super::elf::ElfView;
use super::table::Symbol;

/// Sections with stubs, and the size of a stub.
const SECTIONS: [(&str, usize); 3] = [(".plt.sec", 16), (".plt.got", 8), (".plt", 16)];

/// The stubs of a module as symbols `name@plt`.
pub(crate) fn symbols(view: &ElfView<'_>) -> Vec<Symbol> {
    let names = slots(view);
    let mut found = Vec::new();
    for (section, stub) in SECTIONS {
        let Some(section) = view.section_by_name(section) else { continue };
        let Ok(bytes) = section.data() else { continue };
        // With IBT, `.plt.got` has stubs of 16 bytes too.
        let stub = if bytes.starts_with(&[0xf3, 0x0f, 0x1e, 0xfa]) { 16 } else { stub };
        for (index, code) in bytes.chunks_exact(stub).enumerate() {
            let address = section.address().wrapping_add((index * stub) as u64);
            if let Some(name) = slot_of(code, address).and_then(|slot| names.get(&slot)) {
                found.push(Symbol::plt(address, stub as u64, name));
            }
        }
    }
    found
}

/// Where a module has stubs.
pub(crate) fn ranges(view: &ElfView<'_>) -> Vec<Range<u64>> {
    let sections = SECTIONS.iter().filter_map(|(name, _)| view.section_by_name(name));
    sections.map(|one| one.address()..one.address().saturating_add(one.size())).collect()
}

/// Slot address → name of the function whose address the loader puts there.
fn slots<'a>(view: &ElfView<'a>) -> HashMap<u64, &'a str> {
    let mut names = HashMap::new();
    let (Some(relocations), Some(table)) =
        (view.dynamic_relocations(), view.dynamic_symbol_table())
    else {
        return names;
    };
    for (slot, relocation) in relocations {
        let RelocationTarget::Symbol(index) = relocation.target() else { continue };
        if let Ok(symbol) = table.symbol_by_index(index)
            && let Ok(name) = symbol.name()
        {
            names.insert(slot, name);
        }
    }
    names
}

/// The slot a stub at `address` jumps through: `[endbr64] [bnd] jmp *slot(%rip)`.
fn slot_of(code: &[u8], address: u64) -> Option<u64> {
    let skip_endbr = code.strip_prefix(&[0xf3, 0x0f, 0x1e, 0xfa]).unwrap_or(code);
    let rest = skip_endbr.strip_prefix(&[0xf2]).unwrap_or(skip_endbr);
    let rest = rest.strip_prefix(&[0xff, 0x25])?;
    let displacement = i32::from_le_bytes(*rest.first_chunk::<4>()?);
    let next = address.wrapping_add((code.len() - rest.len() + 4) as u64);
    Some(next.wrapping_add_signed(displacement.into()))
}

#[cfg(test)]
mod tests {
    use super::slot_of;

    #[test]
    fn stubs_of_both_kinds() {
        assert_eq!(slot_of(&[0xff, 0x25, 0x10, 0, 0, 0, 0x66, 0x90], 0x1000), Some(0x1016));
        let ibt = [0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, 0x10, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(slot_of(&ibt, 0x1000), Some(0x101b));
        assert_eq!(slot_of(&[0x90; 16], 0x1000), None);
    }
}
