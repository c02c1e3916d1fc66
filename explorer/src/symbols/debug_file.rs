//! Separate debug files: the only part of this module that reads files.
//!
//! The places are gdb's ("Debugging Information in Separate Files").

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::elf::Elf;

/// Largest debug file read, in bytes.
const MAX_FILE: u64 = 4 << 30;

/// Where to look for separate debug files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DebugSearch {
    /// Directories laid out like `/usr/lib/debug`.
    pub directories: Vec<PathBuf>,
    /// Whether to look beside the module itself, for `.gnu_debuglink`.
    pub beside_module: bool,
}

impl DebugSearch {
    /// Nowhere: only debug information in the module itself counts.
    pub fn none() -> Self {
        Self::default()
    }

    /// `/usr/lib/debug` and beside the module.
    pub fn system() -> Self {
        Self { directories: vec!["/usr/lib/debug".into()], beside_module: true }
    }

    /// Also this directory, first.
    pub fn with(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directories.insert(0, directory.into());
        self
    }

    /// The debug file of a module that was recorded under the name `path`.
    /// A notice is added for each candidate that turned out unusable.
    pub(crate) fn find(&self, path: &str, elf: &Elf, notices: &mut Vec<String>) -> Option<Elf> {
        self.by_link(path, elf, notices).or_else(|| self.by_build_id(&elf.build_id()?))
    }

    fn by_link(&self, path: &str, elf: &Elf, notices: &mut Vec<String>) -> Option<Elf> {
        let (name, crc) = elf.debug_link()?;
        // The name comes from the module: it may not climb out of a directory.
        if name.is_empty() || name.contains('/') {
            return None;
        }
        for candidate in self.link_candidates(path, &name) {
            let Some(bytes) = read(&candidate) else { continue };
            if crc32(&bytes) != crc {
                notices.push(format!("{}: checksum does not match {path}", candidate.display()));
                continue;
            }
            match Elf::parse(bytes) {
                Ok(found) if found.has_debug_info() => return Some(found),
                Ok(_) => {}
                Err(reason) => notices.push(format!("{}: {reason}", candidate.display())),
            }
        }
        None
    }

    fn link_candidates(&self, path: &str, name: &str) -> Vec<PathBuf> {
        let mut candidates = Vec::new();
        if let Some(directory) = Path::new(path).parent().filter(|d| d.is_absolute()) {
            if self.beside_module {
                candidates.push(directory.join(name));
                candidates.push(directory.join(".debug").join(name));
            }
            let relative = directory.strip_prefix("/").unwrap_or(directory);
            candidates.extend(self.directories.iter().map(|d| d.join(relative).join(name)));
        }
        candidates.extend(self.directories.iter().map(|d| d.join(name)));
        candidates
    }

    fn by_build_id(&self, id: &[u8]) -> Option<Elf> {
        let name = build_id_path(id)?;
        let candidates = self.directories.iter().map(|d| d.join(&name));
        candidates.filter_map(|path| matching(&path, id)).find(Elf::has_debug_info)
    }

    /// The supplementary file (made by `dwz -m`) of a file with debug
    /// information.
    pub(crate) fn supplementary(&self, elf: &Elf) -> Option<Elf> {
        let (name, id) = elf.debug_alt_link()?;
        let by_id = build_id_path(&id).unwrap_or_default();
        let by_id = self.directories.iter().map(|d| d.join(&by_id));
        let by_name = Path::new(&name).is_absolute().then(|| PathBuf::from(&name));
        by_id.chain(by_name).find_map(|path| matching(&path, &id))
    }
}

fn matching(path: &Path, id: &[u8]) -> Option<Elf> {
    let elf = Elf::parse(read(path)?).ok()?;
    (elf.build_id().as_deref() == Some(id)).then_some(elf)
}

/// `.build-id/xx/yyyy.debug`.
fn build_id_path(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(PathBuf::from(format!(".build-id/{first:02x}/{rest}.debug")))
}

fn read(path: &Path) -> Option<Arc<[u8]>> {
    let described = fs::metadata(path).ok()?;
    if !described.is_file() || described.len() > MAX_FILE {
        return None;
    }
    fs::read(path).ok().map(Arc::from)
}

/// The CRC of `.gnu_debuglink`: polynomial 0xedb88320, reflected, as zlib's.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = crc_table();
    let step = |crc: u32, byte: &u8| {
        let index = (crc ^ u32::from(*byte)) & 0xff;
        TABLE.get(index as usize).copied().unwrap_or_default() ^ (crc >> 8)
    };
    !bytes.iter().fold(!0, step)
}

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_crc() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn the_path_of_a_build_id() {
        assert_eq!(build_id_path(&[0xab, 1, 2]), Some(".build-id/ab/0102.debug".into()));
        assert_eq!(build_id_path(&[]), None);
    }
}
