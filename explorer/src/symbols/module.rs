//! One module's symbols, each kind read when first needed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::address::ModuleAddr;
use super::bytes::Reader;
use super::debug_file::DebugSearch;
use super::dies::Dies;
use super::dwarf::DebugInfo;
use super::elf::Elf;
use super::guard::guarded;
use super::index::FunctionIndex;
use super::layout::Layout;
use super::scope_names::KeptNames;
use super::table::{SymbolTable, first_thread_locals};
use super::units::Units;
use super::unwind::Cfi;

/// The symbols of one ELF file. Cheap to make; may be shared by threads.
#[derive(Debug)]
pub struct ModuleSymbols {
    path: String,
    elf: Option<Elf>,
    layout: Layout,
    search: DebugSearch,
    notices: Mutex<Vec<String>>,
    separate: OnceLock<Option<Elf>>,
    units: OnceLock<Units>,
    table: OnceLock<SymbolTable>,
    index: OnceLock<FunctionIndex>,
    cfi: OnceLock<Cfi>,
    shared: OnceLock<Arc<gimli::Dwarf<Reader>>>,
    dies: OnceLock<Arc<Dies>>,
    pub(super) names: KeptNames,
    pub(super) copies: OnceLock<BTreeMap<String, ModuleAddr>>,
    pub(super) imports: OnceLock<BTreeMap<ModuleAddr, String>>,
    pub(super) own_slots: OnceLock<BTreeMap<ModuleAddr, ModuleAddr>>,
}

impl ModuleSymbols {
    /// The symbols of `elf`, recorded under the name `path_hint`. Reads the
    /// headers only. A file that cannot be read has no symbols, and
    /// [`ModuleSymbols::notices`] says why.
    pub fn parse(path_hint: &str, elf: Arc<[u8]>, search: &DebugSearch) -> Self {
        let parsed = guarded(|| Some(Elf::parse(elf)));
        let (elf, notices) = match parsed {
            Some(Ok(elf)) => (Some(elf), Vec::new()),
            Some(Err(reason)) => (None, vec![format!("{path_hint}: no symbols: {reason}")]),
            None => (None, vec![format!("{path_hint}: no symbols: malformed ELF file")]),
        };
        Self {
            path: path_hint.to_owned(),
            layout: elf.as_ref().map(|elf| elf.layout.clone()).unwrap_or_default(),
            elf,
            search: search.clone(),
            notices: Mutex::new(notices),
            separate: OnceLock::new(),
            units: OnceLock::new(),
            table: OnceLock::new(),
            index: OnceLock::new(),
            cfi: OnceLock::new(),
            shared: OnceLock::new(),
            dies: OnceLock::new(),
            names: KeptNames::default(),
            copies: OnceLock::new(),
            imports: OnceLock::new(),
            own_slots: OnceLock::new(),
        }
    }

    /// The name it was recorded under.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where its bytes lie in memory.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The GNU build-id.
    pub fn build_id(&self) -> Option<Vec<u8>> {
        guarded(|| self.elf.as_ref()?.build_id())
    }

    /// What a user should know about missing or refused information, found
    /// so far.
    pub fn notices(&self) -> Vec<String> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there is DWARF, in the file or separate.
    pub fn has_debug_info(&self) -> bool {
        self.units().len() > 0
    }

    /// The DWARF sections for other readers (types, variables). Shared, and
    /// usable from any thread.
    pub fn dwarf(&self) -> Arc<gimli::Dwarf<Reader>> {
        Arc::clone(self.shared.get_or_init(|| Arc::new(self.units().info().share())))
    }

    /// Bytes of a thread's copy of its thread-local variables, and their alignment.
    pub fn thread_local(&self) -> Option<(u64, u64)> {
        self.elf.as_ref()?.thread_local
    }

    /// The entries of its debug information.
    pub fn dies(&self) -> &Arc<Dies> {
        let first = || first_thread_locals(self.elf.as_ref()?, self.separate());
        let read = || Arc::new(Dies::new(self.dwarf(), guarded(first)));
        self.dies.get_or_init(read)
    }

    /// The separate debug file, if the module has no DWARF of its own.
    pub(crate) fn separate(&self) -> Option<&Elf> {
        let find = || {
            let elf = self.elf.as_ref().filter(|elf| !elf.has_debug_info())?;
            let mut notices = Vec::new();
            let found = self.search.find(&self.path, elf, &mut notices);
            self.notify(notices);
            found
        };
        self.separate.get_or_init(|| guarded(find)).as_ref()
    }

    /// Code as the file has it, from `address` to the end of its segment.
    pub(crate) fn code(&self, address: u64) -> Option<super::bytes::Bytes> {
        self.elf.as_ref()?.bytes_at(address)
    }

    pub(crate) fn elf(&self) -> Option<&Elf> {
        self.elf.as_ref()
    }

    pub(crate) fn units(&self) -> &Units {
        self.units.get_or_init(|| {
            let mut notices = Vec::new();
            let source = self.separate().or(self.elf.as_ref());
            let load = || source.map(|elf| DebugInfo::load(elf, &self.search, &mut notices));
            let info = guarded(load).unwrap_or_default();
            self.notify(notices);
            Units::new(info, self.layout.clone())
        })
    }

    pub(crate) fn table(&self) -> &SymbolTable {
        self.table.get_or_init(|| {
            let read = || self.elf.as_ref().map(|elf| SymbolTable::new(elf, self.separate()));
            guarded(read).unwrap_or_default()
        })
    }

    pub(crate) fn index(&self) -> &FunctionIndex {
        self.index.get_or_init(|| FunctionIndex::new(self.units(), self.table()))
    }

    pub(crate) fn cfi(&self) -> &Cfi {
        let load = || self.elf.as_ref().map(|elf| Cfi::load(elf, self.separate()));
        self.cfi.get_or_init(|| guarded(load).unwrap_or_default())
    }

    fn notify(&self, new: Vec<String>) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
    }
}
