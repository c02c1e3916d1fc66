//! How a module calls functions of others: stubs, and slots that hold their addresses.

use std::collections::BTreeMap;

use object::{
    Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, RelocationFlags, RelocationTarget, elf,
};

use super::address::ModuleAddr;
use super::elf::ElfView;
use super::guard::guarded;
use super::module::ModuleSymbols;
use super::table::Kind;

impl ModuleSymbols {
    /// All names of the function that begins at an address, as the symbol tables have them.
    pub fn names_at(&self, address: ModuleAddr) -> Vec<String> {
        let all = self.table().all();
        let first = all.partition_point(|symbol| symbol.address < address.0);
        let here = all.get(first..).unwrap_or_default().iter();
        let here = here.take_while(|symbol| symbol.address == address.0);
        here.filter(|symbol| symbol.is_code()).map(|symbol| symbol.name.to_string()).collect()
    }

    /// The stubs of its procedure linkage table for a function of one of these names.
    pub fn stubs_of(&self, names: &[String]) -> Vec<ModuleAddr> {
        let is = |name: &str| {
            let own = name.strip_suffix("@plt");
            own.is_some_and(|own| names.iter().any(|wanted| wanted == own))
        };
        let stubs = self.table().all().iter().filter(|symbol| symbol.kind == Kind::Plt);
        stubs.filter(|stub| is(&stub.name)).map(|stub| ModuleAddr(stub.address)).collect()
    }

    /// The variables of other modules that it has a copy of, which is the one that all use (the
    /// relocation R_X86_64_COPY: System V ABI for x86-64, 4.4.1): by all their names.
    pub fn copies(&self) -> &BTreeMap<String, ModuleAddr> {
        self.copies.get_or_init(|| {
            let read = || self.elf().and_then(|elf| elf.view()).map(|view| copied(&view));
            let addresses = guarded(read).unwrap_or_default();
            let names = addresses.into_iter().flat_map(|address| {
                self.table().at(address).map(move |one| (one.name.to_string(), ModuleAddr(address)))
            });
            names.collect()
        })
    }

    /// The slots in which the dynamic linker puts addresses of functions and of variables, with
    /// the names that it looks them up by (System V ABI for x86-64, 4.4.1).
    pub fn imports(&self) -> &BTreeMap<ModuleAddr, String> {
        self.imports.get_or_init(|| {
            let read = || self.elf().and_then(|elf| elf.view()).map(|view| slots(&view));
            guarded(read).unwrap_or_default()
        })
    }

    /// The slots of the global offset table in which the dynamic linker puts addresses of the
    /// module itself, and these (R_X86_64_RELATIVE: System V ABI for x86-64, 4.4.1).
    pub fn own_slots(&self) -> &BTreeMap<ModuleAddr, ModuleAddr> {
        self.own_slots.get_or_init(|| {
            let read = || self.elf().and_then(|elf| elf.view()).map(|view| relative(&view));
            guarded(read).unwrap_or_default()
        })
    }
}

fn copied(view: &ElfView<'_>) -> Vec<u64> {
    let copies = |relocation: &object::Relocation| {
        matches!(relocation.flags(), RelocationFlags::Elf { r_type: elf::R_X86_64_COPY })
    };
    let all = view.dynamic_relocations().into_iter().flatten();
    all.filter(|(_, relocation)| copies(relocation)).map(|(address, _)| address).collect()
}

fn relative(view: &ElfView<'_>) -> BTreeMap<ModuleAddr, ModuleAddr> {
    let Some(table) = view.section_by_name(".got") else { return BTreeMap::new() };
    let slots = table.address()..table.address().saturating_add(table.size());
    let is_own = |(slot, relocation): &(u64, object::Relocation)| {
        let kind = RelocationFlags::Elf { r_type: elf::R_X86_64_RELATIVE };
        slots.contains(slot) && relocation.flags() == kind
    };
    let all = view.dynamic_relocations().into_iter().flatten().filter(is_own);
    let pair = |(slot, relocation): (u64, object::Relocation)| {
        (ModuleAddr(slot), ModuleAddr(relocation.addend().cast_unsigned()))
    };
    all.map(pair).collect()
}

fn slots(view: &ElfView<'_>) -> BTreeMap<ModuleAddr, String> {
    let mut names = BTreeMap::new();
    let (Some(relocations), Some(table)) =
        (view.dynamic_relocations(), view.dynamic_symbol_table())
    else {
        return names;
    };
    for (slot, relocation) in relocations {
        let RelocationFlags::Elf { r_type: elf::R_X86_64_GLOB_DAT | elf::R_X86_64_JUMP_SLOT } =
            relocation.flags()
        else {
            continue;
        };
        let RelocationTarget::Symbol(index) = relocation.target() else { continue };
        if let Ok(symbol) = table.symbol_by_index(index)
            && let Ok(name) = symbol.name()
        {
            names.insert(ModuleAddr(slot), name.to_owned());
        }
    }
    names
}
