//! Where functions are entered, for questions about their calls.

use super::linespec::Linespec;
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
        let spec = Linespec::parse(location)?;
        if matches!(spec, Linespec::Address(_)) {
            return self.entry_at(location);
        }
        let interrupt = &self.interrupt;
        self.locator.complete(&self.timeline, &|| interrupt.raised())?;
        if let Linespec::Function(name) = spec {
            let targets = self.locator.entries(&self.timeline, name);
            if !targets.is_empty() {
                return self.bound(targets, Part::Entry);
            }
        }
        // What is wrong with the name; or all of it is inlined.
        let places = self.resolve(location)?;
        match spec {
            Linespec::Pattern(_) => self.entries_named(&places),
            Linespec::Line(..) => {
                Ok(places.iter().filter_map(|place| self.entry_around(place)).collect())
            }
            _ => Ok(Vec::new()),
        }
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
