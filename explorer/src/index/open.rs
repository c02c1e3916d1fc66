//! Opening the index of a timeline, or making it.

use super::build::{BuildError, build};
use super::file::{self, Unusable};
use super::{Index, IndexError};
use crate::timeline::{StateError, Timeline};
use crate::whole_file::WholeFile;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

impl Index {
    /// The index beside the trace, if there is one that can be used.
    pub fn existing(timeline: &Timeline) -> Option<Self> {
        let path = file::path(timeline.path(), timeline.other_process());
        let opened = file::open(&path, timeline.history_identity(), timeline.chunk_count());
        opened.ok().map(Self::new)
    }

    /// The index beside the trace, or one made now; and what the user should know.
    ///
    /// # Errors
    /// [`IndexError::State`]: building was interrupted, or there is no room.
    pub fn open(timeline: &Timeline) -> Result<(Self, Option<String>), IndexError> {
        let path = file::path(timeline.path(), timeline.other_process());
        match file::open(&path, timeline.history_identity(), timeline.chunk_count()) {
            Ok(opened) => Ok((Self::new(opened), None)),
            Err(Unusable::Missing) => Ok((Self::make(timeline)?, None)),
            Err(Unusable::Wrong(why)) => {
                let notice = format!("the index {} {why}: it is made anew", path.display());
                Ok((Self::make(timeline)?, Some(notice)))
            }
        }
    }

    /// A new index, beside the trace if possible.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn make(timeline: &Timeline) -> Result<Self, IndexError> {
        let path = file::path(timeline.path(), timeline.other_process());
        match beside(timeline, &path) {
            Ok(index) => Ok(index),
            Err(BuildError::Interrupted) => Err(StateError::Interrupted.into()),
            // A directory that takes no files, or a full disk.
            Err(BuildError::Io(_)) => unnamed(timeline).map_err(|error| match error {
                BuildError::Interrupted => StateError::Interrupted.into(),
                BuildError::Io(error) => {
                    StateError::Storage(format!("failed to keep an index: {error}")).into()
                }
            }),
        }
    }
}

/// Made under another name, which it keeps until it is whole.
fn beside(timeline: &Timeline, path: &Path) -> Result<Index, BuildError> {
    let made = WholeFile::new(path)?;
    build(timeline, made.file())?;
    let index = read(timeline, made.file())?;
    made.finish()?;
    Ok(index)
}

fn unnamed(timeline: &Timeline) -> Result<Index, BuildError> {
    let made = tempfile::tempfile_in(folder())?;
    build(timeline, &made)?;
    read(timeline, &made)
}

fn read(timeline: &Timeline, file: &File) -> Result<Index, BuildError> {
    let opened = file::read(file, timeline.history_identity(), timeline.chunk_count());
    let wrong = |why| match why {
        Unusable::Missing => io::Error::other("the index is gone"),
        Unusable::Wrong(why) => io::Error::other(format!("the index just made {why}")),
    };
    opened.map(Index::new).map_err(|why: Unusable| BuildError::Io(wrong(why)))
}

/// Where large files without a name go.
fn folder() -> PathBuf {
    let asked = std::env::var_os("TMPDIR").is_some();
    let large = Path::new("/var/tmp");
    if !asked && large.is_dir() { large.to_path_buf() } else { std::env::temp_dir() }
}
