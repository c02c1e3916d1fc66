//! Keeping what outlives a session beside its trace.

use super::Session;
use super::bookmark::Bookmarks;
use super::saved::{self, Saved, SavedBreakpoint, SavedDisplay, UNREADABLE};
use std::io;
use std::path::{Path, PathBuf};

/// Other names tried for a file that is in the way.
const NAMES: u32 = 1000;

/// What is known of the session file.
#[derive(Default)]
pub(super) struct Keeper {
    /// What it holds, once it was looked at.
    held: Option<Saved>,
    /// Its bytes as they were read or written last.
    bytes: Option<Vec<u8>>,
    /// Whether breakpoints and displays are kept too.
    whole: bool,
    /// Whether the user knows that it cannot be written.
    refused: bool,
}

/// A session file that can be used.
struct Found {
    bytes: Vec<u8>,
    saved: Saved,
    bookmarks: Bookmarks,
}

impl Session {
    /// Takes up bookmarks, breakpoints and displays where they were left, and keeps them
    /// from now on. Without this, only bookmarks are, from their first use on.
    pub fn restore(&mut self) {
        self.load();
        self.keeper.whole = true;
        let Some(held) = &self.keeper.held else { return };
        self.breakpoints.restore(held.breakpoints.iter().filter_map(SavedBreakpoint::restore));
        self.displays.restore(held.displays.iter().filter_map(SavedDisplay::restore));
        let several = self.processes().len() > 1;
        let counts = [
            (held.bookmarks.len(), "bookmark"),
            (held.breakpoints.len(), "breakpoint"),
            (held.displays.len(), "display"),
        ];
        let some = counts.iter().filter(|(count, _)| *count > 0);
        let named = |(count, name): &(usize, &str)| {
            format!("{count} {name}{}", if *count == 1 { "" } else { "s" })
        };
        let parts: Vec<_> = some.map(named).collect();
        if !parts.is_empty() {
            let path = saved::path(self.timeline.path());
            self.notice(format!("{} restored from {}", parts.join(", "), path.display()));
        }
        if several {
            // They may have been left in another process.
            self.find_breakpoints();
        }
    }

    /// The bookmarks.
    pub fn bookmarks(&mut self) -> &mut Bookmarks {
        if self.keeper.held.is_none() {
            self.load();
        }
        self.bookmarks.set_process(self.timeline.other_process());
        &mut self.bookmarks
    }

    /// The bookmarks, if anybody has asked for them yet.
    pub fn known_bookmarks(&self) -> &Bookmarks {
        &self.bookmarks
    }

    /// Writes what has changed since it was last kept.
    pub fn keep(&mut self) {
        let Some(held) = &self.keeper.held else { return };
        let mut now = Saved { bookmarks: self.bookmarks.iter().cloned().collect(), ..held.clone() };
        if self.keeper.whole {
            now.breakpoints = self.breakpoints.iter().map(SavedBreakpoint::new).collect();
            now.displays = self.displays.iter().map(SavedDisplay::new).collect();
        }
        if now == *held {
            return;
        }
        match self.write(now) {
            Ok(()) => self.keeper.refused = false,
            Err(_) if self.keeper.refused => {}
            Err(error) => {
                self.keeper.refused = true;
                let path = saved::path(self.timeline.path());
                let what = if self.keeper.whole { "this session" } else { "bookmarks" };
                let path = path.display();
                self.notice(format!("failed to keep {what} in {path}: {error}"));
            }
        }
    }

    fn load(&mut self) {
        let path = saved::path(self.timeline.path());
        let (mut held, mut bookmarks) = (Saved::default(), Bookmarks::default());
        match self.read(&path) {
            Ok(None) => {}
            Ok(Some(found)) => {
                self.keeper.bytes = Some(found.bytes);
                (held, bookmarks) = (found.saved, found.bookmarks);
            }
            Err(UNREADABLE) => {
                self.keeper.refused = true;
                self.notice(format!("failed to keep bookmarks: {} {UNREADABLE}", path.display()));
            }
            Err(why) => self.notice(format!(
                "the session {} {why}: it will be kept under another name when a new one is written",
                path.display()
            )),
        }
        self.bookmarks = bookmarks;
        self.keeper.held = Some(held);
    }

    /// What the file holds, if there is one.
    fn read(&self, path: &Path) -> Result<Option<Found>, &'static str> {
        let Some(bytes) = saved::read(path)? else { return Ok(None) };
        let saved = Saved::decode(&bytes, self.timeline.identity())?;
        let whole = saved.breakpoints.iter().all(|one| one.restore().is_some())
            && saved.displays.iter().all(|one| one.restore().is_some());
        match Bookmarks::new(saved.bookmarks.clone()) {
            Ok(bookmarks) if whole => Ok(Some(Found { bytes, saved, bookmarks })),
            _ => Err("is damaged"),
        }
    }

    /// Writes the file. What another explorer wrote there since is taken in; what is no
    /// session of this trace is kept under another name.
    fn write(&mut self, mut now: Saved) -> io::Result<()> {
        let path = saved::path(self.timeline.path());
        let mut aside = None;
        match self.read(&path) {
            Ok(None) => {}
            Ok(Some(found)) if Some(&found.bytes) == self.keeper.bytes.as_ref() => {}
            Ok(Some(found)) => self.take_in(&mut now, found),
            Err(UNREADABLE) => return Err(io::Error::other("it cannot be read")),
            Err(_) => aside = Some(free_name(&path)?),
        }
        let bytes = now.encode(self.timeline.identity())?;
        saved::write(&path, &bytes, aside.as_deref())?;
        if let Some(aside) = aside {
            self.notice(format!("what was {} is now {}", path.display(), aside.display()));
        }
        self.keeper.bytes = Some(bytes);
        self.keeper.held = Some(now);
        Ok(())
    }

    fn take_in(&mut self, now: &mut Saved, theirs: Found) {
        let held = self.keeper.held.as_ref().map(|held| held.bookmarks.clone());
        let base = Bookmarks::new(held.unwrap_or_default()).unwrap_or_default();
        self.bookmarks.merge(&base, &theirs.bookmarks);
        now.bookmarks = self.bookmarks.iter().cloned().collect();
        if !self.keeper.whole {
            (now.breakpoints, now.displays) = (theirs.saved.breakpoints, theirs.saved.displays);
        }
    }
}

/// A name beside `path` that nothing has.
fn free_name(path: &Path) -> io::Result<PathBuf> {
    let names = (1..=NAMES).map(|number| saved::with_ending(path, &format!(".kept-{number}")));
    let free = |name: &PathBuf| name.symlink_metadata().is_err();
    let name = names.into_iter().find(free);
    name.ok_or_else(|| io::Error::other(format!("{NAMES} files were kept already")))
}
