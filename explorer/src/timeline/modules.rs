//! The modules of a trace.

use super::{StateError, Timeline};
use rdb_schema::header::Module;
use std::sync::Arc;

/// Longest path and build-id that are kept, bytes (PATH_MAX; ld's are 20).
const MAX_PATH: usize = 4096;
const MAX_BUILD_ID: usize = 64;

/// A module of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleInfo {
    /// What mappings name it by.
    pub index: u32,
    /// Path as mapped.
    pub path: String,
    /// GNU build-id, empty if none.
    pub build_id: Vec<u8>,
    /// File size, bytes.
    pub size: u64,
}

impl ModuleInfo {
    fn new(index: u32, module: &Module) -> Self {
        let path = module.path.get(..MAX_PATH).unwrap_or(&module.path);
        let build_id = module.build_id.get(..MAX_BUILD_ID).unwrap_or(&module.build_id);
        Self {
            index,
            path: String::from_utf8_lossy(path).into_owned(),
            build_id: build_id.to_vec(),
            size: module.size,
        }
    }
}

impl Timeline {
    /// Modules named by the trace; those that cannot be read are left out.
    pub fn modules(&self) -> &[ModuleInfo] {
        self.modules.get_or_init(|| {
            let decoded = |(index, frame): (u32, usize)| {
                Some(ModuleInfo::new(index, &self.trace.module(frame).ok()?))
            };
            self.trace.modules().filter_map(decoded).collect()
        })
    }

    /// The file of module `index`.
    ///
    /// # Errors
    /// [`StateError::Damaged`] for the whole history: the trace has no such
    /// module, or it cannot be read.
    pub fn module_bytes(&self, index: u32) -> Result<Arc<[u8]>, StateError> {
        if let Some(bytes) = self.files.get(index) {
            return Ok(bytes);
        }
        let damaged =
            |why: &str| StateError::Damaged(0, self.end(), format!("module {index}: {why}"));
        let bytes: Arc<[u8]> = self.trace.file(index).map_err(|e| damaged(&e.0))?.into();
        self.files.put(index, bytes.clone(), bytes.len());
        Ok(bytes)
    }
}
