//! Bookmarks: tracepoints with names.

use crate::render::thousands;
use serde::{Deserialize, Serialize};

/// Most bookmarks of a session.
const MOST: usize = 10_000;

/// Longest name, characters.
const LONGEST: usize = 100;

/// Names that an error lists.
const LISTED: usize = 10;

/// A tracepoint with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bookmark {
    /// No other has it.
    pub name: String,
    /// Where it is.
    pub tracepoint: u64,
    /// Of the history of this process, if it is not the trace's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
}

/// What cannot be done with bookmarks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookmarkError {
    /// None has this name.
    #[error("no bookmark {0:?}{1}")]
    Unknown(String, String),
    /// Another has this name.
    #[error("there is a bookmark {0:?} already, at #{1}")]
    Taken(String, String),
    /// Not a name.
    #[error("a bookmark's name has 1 to {LONGEST} characters, and no control characters")]
    Name,
    /// One more than there may be.
    #[error("there are {MOST} bookmarks already")]
    Many,
}

/// All bookmarks of a session, by tracepoint, then by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bookmarks {
    list: Vec<Bookmark>,
    process: Option<u32>,
}

impl Bookmarks {
    /// All of `list`.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn new(list: Vec<Bookmark>) -> Result<Self, BookmarkError> {
        let mut all = Self::default();
        for Bookmark { name, tracepoint, process } in list {
            all.process = process;
            all.create(Some(&name), tracepoint)?;
        }
        all.process = None;
        Ok(all)
    }

    /// Of which process those made from now on are, if not of the first.
    pub fn set_process(&mut self, process: Option<u32>) {
        self.process = process;
    }

    /// All of them, by tracepoint, then by name.
    pub fn iter(&self) -> impl Iterator<Item = &Bookmark> {
        self.list.iter()
    }

    /// The one of this name.
    ///
    /// # Errors
    /// [`BookmarkError::Unknown`].
    pub fn get(&self, name: &str) -> Result<&Bookmark, BookmarkError> {
        self.list.get(self.index(name)?).ok_or_else(|| self.unknown(name))
    }

    /// One more; without a name, the first number that is none's name.
    ///
    /// # Errors
    /// [`BookmarkError`], but not `Unknown`.
    pub fn create(
        &mut self,
        name: Option<&str>,
        tracepoint: u64,
    ) -> Result<Bookmark, BookmarkError> {
        if self.list.len() >= MOST {
            return Err(BookmarkError::Many);
        }
        let name = name.map_or_else(|| self.number(), str::to_owned);
        self.check(&name)?;
        Ok(self.put(Bookmark { name, tracepoint, process: self.process }))
    }

    /// Removes the one of this name.
    ///
    /// # Errors
    /// [`BookmarkError::Unknown`].
    pub fn delete(&mut self, name: &str) -> Result<Bookmark, BookmarkError> {
        let index = self.index(name)?;
        Ok(self.list.remove(index))
    }

    /// Gives the one named `old` the name `new`.
    ///
    /// # Errors
    /// [`BookmarkError`], but not `Many`.
    pub fn rename(&mut self, old: &str, new: &str) -> Result<Bookmark, BookmarkError> {
        let one = self.get(old)?.clone();
        if old != new {
            self.check(new)?;
        }
        self.delete(old)?;
        Ok(self.put(Bookmark { name: new.to_owned(), ..one }))
    }

    /// Puts the one of this name elsewhere.
    ///
    /// # Errors
    /// [`BookmarkError::Unknown`].
    pub fn set(&mut self, name: &str, tracepoint: u64) -> Result<Bookmark, BookmarkError> {
        let Bookmark { name, .. } = self.delete(name)?;
        Ok(self.put(Bookmark { name, tracepoint, process: self.process }))
    }

    /// Takes in what became of `base` elsewhere: `other`. Where both changed, this one
    /// counts.
    pub fn merge(&mut self, base: &Self, other: &Self) {
        let place = |one: &Bookmark| (one.process, one.tracepoint);
        let of = |all: &Self, name: &str| all.get(name).ok().map(place);
        self.list.retain(|one| {
            let unchanged = of(base, &one.name) == Some(place(one));
            !(unchanged && of(other, &one.name).is_none())
        });
        for one in &other.list {
            let (before, here) = (of(base, &one.name), of(self, &one.name));
            if before != Some(place(one)) && before == here {
                self.list.retain(|old| old.name != one.name);
                self.put(one.clone());
            }
        }
    }

    fn put(&mut self, bookmark: Bookmark) -> Bookmark {
        let key = |b: &Bookmark| (b.tracepoint, b.name.clone());
        let at = self.list.partition_point(|other| key(other) < key(&bookmark));
        self.list.insert(at, bookmark.clone());
        bookmark
    }

    fn number(&self) -> String {
        let taken = |name: &String| self.list.iter().any(|b| b.name == *name);
        let free = (1..=MOST).map(|number| number.to_string()).find(|name| !taken(name));
        free.unwrap_or_default()
    }

    fn index(&self, name: &str) -> Result<usize, BookmarkError> {
        self.list.iter().position(|b| b.name == name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> BookmarkError {
        let names: Vec<_> = self.list.iter().take(LISTED).map(|b| b.name.as_str()).collect();
        let more = if self.list.len() > LISTED { ", …" } else { "" };
        let hint = match names.as_slice() {
            [] => "; there are none".to_owned(),
            names => format!("; there are {}{more}", names.join(", ")),
        };
        BookmarkError::Unknown(name.to_owned(), hint)
    }

    fn check(&self, name: &str) -> Result<(), BookmarkError> {
        if let Ok(Bookmark { name, tracepoint, .. }) = self.get(name) {
            return Err(BookmarkError::Taken(name.clone(), thousands(*tracepoint)));
        }
        let fits = (1..=LONGEST).contains(&name.chars().count());
        let plain = !name.chars().any(char::is_control);
        if fits && plain { Ok(()) } else { Err(BookmarkError::Name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bookmarks: &Bookmarks) -> Vec<(&str, u64)> {
        bookmarks.iter().map(|b| (b.name.as_str(), b.tracepoint)).collect()
    }

    #[test]
    fn names_are_unique_and_order_is_by_time() {
        let mut all = Bookmarks::default();
        all.create(Some("late"), 9).unwrap();
        all.create(None, 5).unwrap();
        all.create(None, 5).unwrap();
        assert_eq!(names(&all), [("1", 5), ("2", 5), ("late", 9)]);
        assert_eq!(all.create(Some("late"), 1).unwrap_err().to_string(), {
            "there is a bookmark \"late\" already, at #9"
        });
        all.rename("1", "first").unwrap();
        all.set("late", 2).unwrap();
        assert_eq!(names(&all), [("late", 2), ("2", 5), ("first", 5)]);
        assert!(matches!(all.rename("2", "late"), Err(BookmarkError::Taken(..))));
        assert!(matches!(all.delete("1"), Err(BookmarkError::Unknown(..))));
        assert_eq!(all.create(Some("a\nb"), 1), Err(BookmarkError::Name));
        assert_eq!(all.create(Some(""), 1), Err(BookmarkError::Name));
        all.rename("2", "2").unwrap();
        assert_eq!(all.iter().count(), 3);
    }

    #[test]
    fn merging_takes_in_what_changed_elsewhere_and_keeps_what_changed_here() {
        let of = |list: &[(&str, u64)]| {
            let one = |(name, tracepoint): &(&str, u64)| Bookmark {
                name: (*name).to_owned(),
                tracepoint: *tracepoint,
                process: None,
            };
            Bookmarks::new(list.iter().map(one).collect()).unwrap()
        };
        let base = of(&[("same", 1), ("gone", 2), ("moved", 3), ("mine", 4), ("dropped", 6)]);
        let mut here = of(&[("same", 1), ("gone", 2), ("moved", 3), ("mine", 40), ("new", 5)]);
        let there = of(&[("same", 1), ("moved", 30), ("mine", 41), ("new", 50), ("dropped", 6)]);
        here.merge(&base, &there);
        assert_eq!(names(&here), [("same", 1), ("new", 5), ("moved", 30), ("mine", 40)]);
    }
}
