//! ELF symbol tables: what is left when there is no DWARF.

use object::read::elf::FileHeader;
use object::{LittleEndian, Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, elf};
use std::collections::HashSet;
use std::ops::Range;

use super::demangle::demangle_short;
use super::elf::{Elf, ElfView};
use super::plt;

/// Bytes of names one module may have.
const MAX_NAME_BYTES: usize = 1 << 28;

/// Symbols of one module looked through for thread-local variables.
const MAX_SYMBOLS: usize = 1 << 24;

/// How many symbols before an address are tried for one that contains it.
const MAX_BACK: usize = 64;

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Function,
    /// A stub of the procedure linkage table, `name@plt`.
    Plt,
    Data,
    /// A label without a type: assembly.
    Label,
}

/// One symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    pub address: u64,
    /// 0 if the table does not say.
    pub size: u64,
    /// One past the section it is in: without a size it names nothing further.
    section_end: u64,
    pub kind: Kind,
    /// Global before weak before local.
    rank: u8,
    /// Whether it is an indirect function (STT_GNU_IFUNC), and its address that of the resolver.
    pub indirect: bool,
    /// As the table has it: mangled.
    pub name: Box<str>,
}

impl Symbol {
    /// A stub of the procedure linkage table.
    pub fn plt(address: u64, size: u64, name: &str) -> Self {
        let name = format!("{name}@plt").into_boxed_str();
        let section_end = address.saturating_add(size);
        Self { address, size, section_end, kind: Kind::Plt, rank: 2, indirect: false, name }
    }

    fn contains(&self, address: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|offset| offset < self.size)
    }

    /// Whether it has no size, and `address` lies behind it in its section.
    fn is_label_of(&self, address: u64) -> bool {
        self.size == 0 && address < self.section_end
    }

    /// Whether it may name code.
    pub fn is_code(&self) -> bool {
        self.kind != Kind::Data
    }
}

/// The symbols of a module and of its separate debug file.
#[derive(Debug, Default)]
pub(crate) struct SymbolTable {
    /// By address, then rank.
    symbols: Vec<Symbol>,
    /// Where the procedure linkage table is.
    stubs: Vec<Range<u64>>,
}

impl SymbolTable {
    /// Reads all tables.
    pub fn new(elf: &Elf, separate: Option<&Elf>) -> Self {
        let mut symbols = Vec::new();
        for file in separate.into_iter().chain([elf]) {
            let Some(view) = file.view() else { continue };
            collect(&view, &mut symbols);
        }
        symbols.extend(elf.view().iter().flat_map(plt::symbols));
        let order = |s: &Symbol| (s.address, s.kind, s.rank, s.size == 0);
        symbols.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.name.cmp(&b.name)));
        symbols.dedup_by(|a, b| a.address == b.address && a.name == b.name);
        let stubs = elf.view().iter().flat_map(plt::ranges).collect();
        Self { symbols, stubs }
    }

    /// Whether an address is in the procedure linkage table, or in the thunk of a virtual
    /// function (Itanium C++ ABI, 5.1.4.2).
    pub fn is_stub(&self, address: u64) -> bool {
        let is_thunk = |symbol: &Symbol| {
            ["_ZTh", "_ZTv", "_ZTc"].iter().any(|start| symbol.name.starts_with(start))
        };
        self.stubs.iter().any(|stubs| stubs.contains(&address))
            || self.function_at(address).is_some_and(is_thunk)
    }

    /// All symbols, by address.
    pub fn all(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The code symbol that contains an address: a sized one, else a label
    /// before it with nothing sized in between.
    pub fn function_at(&self, address: u64) -> Option<&Symbol> {
        let mut before = self.before(address).filter(|symbol| symbol.is_code());
        let nearest = before.clone().next()?;
        let sized = before.find(|symbol| symbol.contains(address));
        sized.or_else(|| self.first_at(nearest).filter(|_| nearest.is_label_of(address)))
    }

    /// The qualified name of the function `plain` entered at `entry`: DWARF
    /// gives functions of anonymous namespaces no linkage name.
    pub fn qualify(&self, plain: &str, entry: u64) -> Option<String> {
        let mangled =
            self.at(entry).filter(|symbol| symbol.is_code() && symbol.name.starts_with('_'));
        mangled
            .map(|symbol| demangle_short(&symbol.name))
            .find(|name| name.strip_suffix(plain).is_some_and(|scopes| scopes.ends_with("::")))
    }

    /// The symbol to render an address with: one that contains it, else the
    /// label before it with nothing sized in between. Behind the end of what
    /// has a size lies something else, however near.
    pub fn near(&self, address: u64) -> Option<&Symbol> {
        let exact = |s: &&Symbol| s.contains(address) || s.address == address;
        let containing = self.before(address).filter(exact).last_of_nearest();
        let label = || self.before(address).next().filter(|s| s.is_label_of(address));
        containing.or_else(|| self.first_at(label()?))
    }

    /// The symbols at an address, best-ranked first.
    pub fn at(&self, address: u64) -> impl Iterator<Item = &Symbol> {
        let first = self.symbols.partition_point(|symbol| symbol.address < address);
        let from = self.symbols.get(first..).unwrap_or_default().iter();
        from.take_while(move |symbol| symbol.address == address)
    }

    /// The best-ranked symbol at the address of `symbol`.
    fn first_at(&self, symbol: &Symbol) -> Option<&Symbol> {
        let first = self.symbols.partition_point(|s| s.address < symbol.address);
        self.symbols.get(first)
    }

    /// Whether an indirect function of this name has its resolver at an address.
    pub fn is_resolver_of(&self, name: &str, address: u64) -> bool {
        self.at(address)
            .any(|own| own.indirect && (&*own.name == name || demangle_short(&own.name) == name))
    }

    fn before(&self, address: u64) -> impl Iterator<Item = &Symbol> + Clone {
        let after = self.symbols.partition_point(|symbol| symbol.address <= address);
        self.symbols.get(..after).unwrap_or_default().iter().rev().take(MAX_BACK)
    }
}

/// Among symbols in descending order, the best-ranked at the first's address.
trait LastOfNearest<'a> {
    fn last_of_nearest(self) -> Option<&'a Symbol>;
}

impl<'a, I: Iterator<Item = &'a Symbol>> LastOfNearest<'a> for I {
    fn last_of_nearest(mut self) -> Option<&'a Symbol> {
        let first = self.next()?;
        Some(self.take_while(|symbol| symbol.address == first.address).last().unwrap_or(first))
    }
}

fn collect(view: &ElfView<'_>, symbols: &mut Vec<Symbol>) {
    // In position-dependent and -independent files alike, st_value is an
    // address; in relocatable ones it is not, and there are no segments.
    if view.elf_header().e_type(LittleEndian) == elf::ET_REL {
        return;
    }
    let mut left = MAX_NAME_BYTES;
    let tables = [view.symbol_table(), view.dynamic_symbol_table()];
    for symbol in tables.iter().flatten().flat_map(ObjectSymbolTable::symbols) {
        let Some(kind) = kind(&symbol) else { continue };
        // A name that does not end costs a scan of the whole string table.
        let name = symbol.name_bytes().unwrap_or_default();
        left = left.saturating_sub(name.len().max(16));
        if left == 0 {
            break;
        }
        if name.is_empty() || symbol.address() == 0 {
            continue;
        }
        let rank = match (symbol.is_local(), symbol.is_weak()) {
            (true, _) => 2,
            (_, true) => 1,
            _ => 0,
        };
        let (address, size) = (symbol.address(), symbol.size());
        let section_end = section_end(view, &symbol);
        let name = String::from_utf8_lossy(name).into();
        let indirect = st_type(&symbol) == Some(elf::STT_GNU_IFUNC);
        symbols.push(Symbol { address, size, section_end, kind, rank, indirect, name });
    }
}

/// What the symbols call the thread-local variables at the beginning of a thread's storage: their
/// names as the source has them. `None` if there are none, as in stripped files.
pub(crate) fn first_thread_locals(elf: &Elf, separate: Option<&Elf>) -> Option<HashSet<String>> {
    elf.thread_local?;
    let mut names = HashSet::new();
    for view in separate.into_iter().chain([elf]).filter_map(Elf::view) {
        for symbol in view.symbols().take(MAX_SYMBOLS) {
            let first = st_type(&symbol) == Some(elf::STT_TLS) && symbol.address() == 0;
            if first && !symbol.is_undefined() {
                let name = String::from_utf8_lossy(symbol.name_bytes().unwrap_or_default());
                names.insert(source_name(&name));
            }
        }
    }
    (!names.is_empty()).then_some(names)
}

/// What the source calls a variable: without scopes, and without what compilers put behind the
/// names of those that are static in functions, `calls.0`.
fn source_name(symbol: &str) -> String {
    let name = demangle_short(symbol);
    let last = name.rsplit("::").next().unwrap_or(&name);
    last.split('.').next().unwrap_or(last).to_owned()
}

/// One past a symbol's section; the last address if it is in none.
fn section_end<'a>(view: &ElfView<'a>, symbol: &impl ObjectSymbol<'a>) -> u64 {
    let section = symbol.section_index().and_then(|index| view.section_by_index(index).ok());
    section.map_or(u64::MAX, |section| section.address().saturating_add(section.size()))
}

fn kind<'a>(symbol: &impl ObjectSymbol<'a>) -> Option<Kind> {
    if symbol.is_undefined() || symbol.section_index().is_none() {
        return None;
    }
    match st_type(symbol)? {
        elf::STT_FUNC | elf::STT_GNU_IFUNC => Some(Kind::Function),
        elf::STT_OBJECT | elf::STT_COMMON => Some(Kind::Data),
        elf::STT_NOTYPE => Some(Kind::Label),
        _ => None,
    }
}

/// What the table says that a symbol stands for (System V ABI, symbol table).
fn st_type<'a>(symbol: &impl ObjectSymbol<'a>) -> Option<elf::SymbolType> {
    let object::SymbolFlags::Elf { st_info, .. } = symbol.flags() else { return None };
    Some(st_info.st_type())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_holds_an_address_names_it() {
        let symbol = |address, size, kind, name: &str| Symbol {
            address,
            size,
            section_end: 0x280,
            kind,
            rank: 0,
            indirect: false,
            name: name.into(),
        };
        let symbols = vec![
            symbol(0x100, 0x20, Kind::Data, "tag"),
            symbol(0x200, 0, Kind::Label, "label"),
            symbol(0x300, 8, Kind::Plt, "f@plt"),
        ];
        let table = SymbolTable { symbols, stubs: Vec::new() };
        let near = |address| table.near(address).map(|symbol| &*symbol.name);
        assert_eq!((near(0x100), near(0x11f), near(0x120)), (Some("tag"), Some("tag"), None));
        assert_eq!((near(0x1ff), near(0x200), near(0x27f)), (None, Some("label"), Some("label")));
        assert_eq!(near(0x280), None);
        assert_eq!((near(0x307), near(0x308), near(0xff)), (Some("f@plt"), None, None));
    }
}
