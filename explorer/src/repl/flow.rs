//! Where the text of an answer goes while it is made: to the user's pager once it is longer than
//! the screen, else out.

use super::pager::Pager;
use crate::render::Flow;
use std::io::{self, Write};

/// Text on its way.
pub(super) struct Outflow<'a> {
    out: &'a mut dyn Write,
    /// Lines of the screen, if longer text goes to a pager.
    height: Option<usize>,
    /// What is not known yet where to go.
    held: String,
    pager: Option<Pager>,
    failed: Option<io::Error>,
}

impl<'a> Outflow<'a> {
    /// To `out`, or a pager if it has `height` lines or more.
    pub fn new(out: &'a mut dyn Write, height: Option<usize>) -> Self {
        Self { out, height, held: String::new(), pager: None, failed: None }
    }

    /// Takes the last text, and waits until all was seen.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(mut self, text: &str) -> io::Result<()> {
        self.take(text);
        if let Some(pager) = self.pager.take()
            && let Some(unseen) = pager.end()?
        {
            self.out.write_all(unseen.as_bytes())?;
        }
        let held = std::mem::take(&mut self.held);
        self.failed.map_or_else(|| self.out.write_all(held.as_bytes()), Err)
    }

    fn give(&mut self, text: &str) -> io::Result<bool> {
        if let Some(pager) = &mut self.pager {
            match pager.take(text)? {
                None => return Ok(true),
                Some(_) if pager.was_left() => return Ok(false),
                // There is no such pager.
                Some(unseen) => {
                    (self.pager, self.height) = (None, None);
                    self.out.write_all(unseen.as_bytes())?;
                    return Ok(true);
                }
            }
        }
        let Some(height) = self.height else {
            self.out.write_all(text.as_bytes())?;
            return Ok(true);
        };
        self.held.push_str(text);
        if self.held.lines().count() < height {
            return Ok(true);
        }
        let held = std::mem::take(&mut self.held);
        match Pager::new() {
            Some(pager) => self.pager = Some(pager),
            None => self.height = None,
        }
        self.give(&held)
    }
}

impl Flow for Outflow<'_> {
    fn take(&mut self, text: &str) -> bool {
        if self.failed.is_some() {
            return false;
        }
        let given = self.give(text);
        given.unwrap_or_else(|error| {
            self.failed = Some(error);
            false
        })
    }
}
