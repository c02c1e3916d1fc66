//! Source text on this machine, if it is on this machine.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Largest source file read, in bytes.
const MAX_SOURCE: u64 = 16 << 20;

/// Most files kept; beyond, the cache starts afresh.
const MAX_CACHED: usize = 256;

/// The text of one source file, by lines.
#[derive(Debug)]
pub struct SourceText {
    lines: Vec<Box<str>>,
}

impl SourceText {
    /// The lines of `bytes`; what is not UTF-8 is replaced.
    pub fn new(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Self { lines: text.lines().map(Box::from).collect() }
    }

    /// Line `number`, counted from 1.
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.lines.get(index).map(AsRef::as_ref)
    }

    /// How many lines there are.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// All lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(AsRef::as_ref)
    }
}

/// Finds and keeps source files.
#[derive(Debug, Default)]
pub struct Sources {
    substitutions: Vec<(PathBuf, PathBuf)>,
    cache: Mutex<HashMap<PathBuf, Option<Arc<SourceText>>>>,
}

impl Sources {
    /// Sources where `substitutions` replace leading directories: (as
    /// compiled, as found here). The first that fits and leads to a file wins;
    /// the name as compiled is tried last.
    pub fn new(substitutions: Vec<(PathBuf, PathBuf)>) -> Self {
        Self { substitutions, cache: Mutex::default() }
    }

    /// Makes `text` the content of `file`, for sources that travel in a trace.
    pub fn insert(&self, file: &str, text: &[u8]) {
        let text = Some(Arc::new(SourceText::new(text)));
        self.cache().insert(PathBuf::from(file), text);
    }

    /// The text of the file with this absolute name; `None` if it is not
    /// here, not a regular file, or larger than 16 MiB.
    pub fn text(&self, file: &str) -> Option<Arc<SourceText>> {
        let path = Path::new(file);
        if let Some(known) = self.cache().get(path) {
            return known.clone();
        }
        let text = self.candidates(path).find_map(|path| read(&path)).map(Arc::new);
        let mut cache = self.cache();
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(path.to_owned(), text.clone());
        text
    }

    fn candidates<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        let replaced = self
            .substitutions
            .iter()
            .filter_map(|(from, to)| path.strip_prefix(from).ok().map(|rest| to.join(rest)));
        replaced.chain(path.is_absolute().then(|| path.to_owned()))
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Option<Arc<SourceText>>>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Option<SourceText> {
    // A name from a trace may be a pipe or a device: opening those can block.
    let described = fs::metadata(path).ok()?;
    if !described.is_file() || described.len() > MAX_SOURCE {
        return None;
    }
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(MAX_SOURCE).read_to_end(&mut bytes).ok()?;
    Some(SourceText::new(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_text_through_a_substitution() {
        let here = tempfile::tempdir().unwrap();
        fs::write(here.path().join("a.c"), "one\ntwo\n").unwrap();
        let sources = Sources::new(vec![("/nowhere/build".into(), here.path().into())]);
        let text = sources.text("/nowhere/build/a.c").unwrap();
        assert_eq!(text.line(2), Some("two"));
        assert_eq!((text.line(0), text.line(3)), (None, None));
        assert!(sources.text("/nowhere/build/b.c").is_none());
        assert!(sources.text("/dev/zero").is_none());
    }
}
