//! The ELF files a process maps, each kept once.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use object::Object;
use rdb_schema::container::MAX_RAW_BYTES;
use rdb_schema::header::Module;
use rdb_schema::space::Mapping;

use super::open;

/// Largest file embedded: one frame of the trace holds it, with its names.
pub const MAX_MODULE_BYTES: u64 = MAX_RAW_BYTES - (1 << 20);

/// What tells two readings of a file apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct FileKey {
    device: u64,
    inode: u64,
    modified: i64,
    size: u64,
}

/// The modules seen so far.
#[derive(Debug, Default)]
pub struct ModuleCatalog {
    modules: Vec<Arc<Vec<u8>>>,
    by_file: HashMap<FileKey, u32>,
    by_build_id: HashMap<Vec<u8>, Vec<u32>>,
}

impl ModuleCatalog {
    /// An empty catalog.
    pub fn new() -> Self {
        Self::default()
    }

    /// The module that a file mapping of process `pid` shows: its index, and the
    /// module itself when it was not known yet. `mapping` must have the bounds
    /// the kernel shows.
    ///
    /// `None` for anonymous mappings, files that are not ELF or larger than
    /// [`MAX_MODULE_BYTES`], and files that can no longer be opened.
    /// Files are the same by device, inode, modification time and size, or by
    /// build-id and equal bytes.
    pub fn find(&mut self, pid: u32, mapping: &Mapping) -> Option<(u32, Option<Module>)> {
        if mapping.inode == 0 {
            return None;
        }
        let mut file = open::open_mapped(pid, mapping)?;
        let key = FileKey::of(&file)?;
        if let Some(index) = self.by_file.get(&key) {
            return Some((*index, None));
        }
        let bytes = open::read_elf(&mut file, MAX_MODULE_BYTES).ok()??;
        let build_id = build_id(&bytes);
        if let Some(index) = self.same(&build_id, &bytes) {
            self.by_file.insert(key, index);
            return Some((index, None));
        }
        let index = u32::try_from(self.modules.len()).ok()?;
        let module = key.module(index, mapping, build_id, bytes.len() as u64);
        self.add(key, &module, bytes);
        Some((module.index, Some(module)))
    }

    /// The bytes of a module.
    pub fn bytes(&self, index: u32) -> Option<&[u8]> {
        self.modules.get(usize::try_from(index).ok()?).map(|bytes| bytes.as_slice())
    }

    /// The bytes of a module, shared.
    pub fn shared(&self, index: u32) -> Option<Arc<Vec<u8>>> {
        self.modules.get(usize::try_from(index).ok()?).cloned()
    }

    /// A known module with this build-id and these bytes: a tool that edits a
    /// file can leave its build-id.
    fn same(&self, build_id: &[u8], bytes: &[u8]) -> Option<u32> {
        let known = self.by_build_id.get(build_id)?;
        known.iter().copied().find(|index| self.bytes(*index) == Some(bytes))
    }

    fn add(&mut self, key: FileKey, module: &Module, bytes: Vec<u8>) {
        self.modules.push(Arc::new(bytes));
        self.by_file.insert(key, module.index);
        if !module.build_id.is_empty() {
            self.by_build_id.entry(module.build_id.clone()).or_default().push(module.index);
        }
    }
}

impl FileKey {
    fn of(file: &std::fs::File) -> Option<Self> {
        let metadata = file.metadata().ok()?;
        let seconds = metadata.mtime().saturating_mul(1_000_000_000);
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: seconds.saturating_add(metadata.mtime_nsec()),
            size: metadata.len(),
        })
    }

    fn module(self, index: u32, mapping: &Mapping, build_id: Vec<u8>, size: u64) -> Module {
        let (device, inode, modified) = (self.device, self.inode, self.modified);
        Module { index, path: mapping.name.clone(), build_id, device, inode, modified, size }
    }
}

/// The GNU build-id; empty if the file has none or is damaged.
fn build_id(bytes: &[u8]) -> Vec<u8> {
    let id = object::File::parse(bytes).ok().and_then(|file| Some(file.build_id().ok()??.to_vec()));
    id.unwrap_or_default()
}

#[cfg(test)]
#[path = "modules_tests.rs"]
mod tests;
