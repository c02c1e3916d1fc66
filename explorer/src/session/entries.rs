//! Where functions are entered, for questions about their calls.

use super::location::{is_line, pattern_in};
use super::targets::Part;
use super::{LocationError, Session, Target};
use std::collections::BTreeSet;

impl Session {
    /// Where the functions that a location means are entered: one by name or address, those
    /// that a pattern matches, or those that hold a line. Empty, if there are only inlined
    /// copies.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn entries_of(&self, location: &str) -> Result<Vec<Target>, LocationError> {
        let location = location.trim();
        if location.starts_with('*') {
            return self.entry_at(location);
        }
        let interrupt = &self.interrupt;
        self.locator.complete(&self.timeline, &|| interrupt.raised())?;
        let targets = self.locator.entries(&self.timeline, location);
        if !targets.is_empty() {
            return self.bound(targets, Part::Entry);
        }
        // What is wrong with the name; or all of it is inlined.
        let places = self.resolve(location)?;
        if pattern_in(location).is_some() {
            return self.entries_named(&places);
        }
        match is_line(location) {
            true => Ok(places.iter().filter_map(|place| self.entry_around(place)).collect()),
            false => Ok(Vec::new()),
        }
    }

    /// Addresses in the code that a location means, for `info line`: of a function the first, as
    /// in gdb, where a breakpoint is behind the prologue; inlined copies, if there is nothing
    /// else.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn line_addresses(&self, location: &str) -> Result<Vec<u64>, LocationError> {
        let place = location.trim().starts_with('*') || is_line(location);
        let targets = match place {
            true => Vec::new(),
            false => self.entries_of(location)?,
        };
        let targets = if targets.is_empty() { self.resolve(location)? } else { targets };
        Ok(targets.into_iter().map(|target| target.address).collect())
    }

    /// The function that is entered at an address, if it is not known to be inside of one.
    fn entry_at(&self, location: &str) -> Result<Vec<Target>, LocationError> {
        let targets = self.resolve(location)?;
        for target in &targets {
            let bounds = self.locator.bounds(&self.timeline, self.cursor, target.address);
            let function = bounds.filter(|function| {
                function.start < function.end && function.entry != target.address
            });
            if let Some(function) = function {
                let address = crate::render::hex(target.address);
                return Err(LocationError::NoEntry(address, function.name));
            }
        }
        Ok(targets)
    }

    fn entries_named(&self, places: &[Target]) -> Result<Vec<Target>, LocationError> {
        let name = |place: &Target| place.indirect.clone().or_else(|| place.function.clone());
        let names: BTreeSet<String> = places.iter().filter_map(name).collect();
        let of = |name: &String| self.locator.entries(&self.timeline, name);
        let mut targets: Vec<Target> = names.iter().flat_map(of).collect();
        targets.sort_by_key(|target| (target.address, target.module));
        targets.dedup_by_key(|target| (target.address, target.module));
        self.bound(targets, Part::Entry)
    }

    /// The entry of the function around a place.
    fn entry_around(&self, place: &Target) -> Option<Target> {
        self.locator.entry_around(&self.timeline, place.module?, place.address)
    }
}
