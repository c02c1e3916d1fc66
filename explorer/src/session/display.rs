//! Expressions shown wherever the cursor stops.

use super::examine::DisplayFormat;
use serde::Serialize;

/// Most displays.
const MAX_DISPLAYS: usize = 1000;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Display {
    /// From 1; never used twice.
    pub number: u32,
    /// As typed.
    pub expression: String,
    /// How it is shown.
    pub format: DisplayFormat,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Displays {
    all: Vec<Display>,
    last: u32,
}

impl Displays {
    /// One more; its number. Beyond 1000 the oldest is dropped.
    pub fn add(&mut self, expression: &str, format: DisplayFormat) -> u32 {
        if self.all.len() >= MAX_DISPLAYS {
            self.all.remove(0);
        }
        self.last = self.last.saturating_add(1);
        self.all.push(Display { number: self.last, expression: expression.to_owned(), format });
        self.last
    }

    /// Adds displays with the numbers they had.
    pub fn restore(&mut self, all: impl Iterator<Item = Display>) {
        self.all.extend(all.take(MAX_DISPLAYS));
        self.last = self.all.iter().map(|d| d.number).max().unwrap_or(0).max(self.last);
    }

    /// Removes one, or all; how many.
    pub fn remove(&mut self, number: Option<u64>) -> usize {
        let before = self.all.len();
        self.all.retain(|display| number.is_some_and(|n| n != u64::from(display.number)));
        before - self.all.len()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Display> {
        self.all.iter()
    }
}
