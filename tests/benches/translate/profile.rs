//! Where the time of the median recordings went.

use rdb_tests::timings::{Numbers, Timings};

/// The timings of each workload.
#[derive(Default)]
pub struct Profile {
    columns: Vec<(String, Timings)>,
}

impl Profile {
    /// Adds a workload's.
    pub fn add(&mut self, name: &str, timings: Timings) {
        self.columns.push((name.to_owned(), timings));
    }

    /// Prints two tables, seconds and stops, with a column for each workload.
    pub fn print(&self, json: bool) {
        if json || self.columns.is_empty() {
            return;
        }
        self.table("seconds", 3, |timings| &timings.seconds);
        self.table("stops", 0, |timings| &timings.stops);
    }

    fn table(&self, what: &str, digits: usize, part: fn(&Timings) -> &Numbers) {
        print!("\n{what:<24}");
        self.columns.iter().for_each(|(name, _)| print!(" {name:>9}"));
        println!();
        let names = part(&self.columns[0].1).iter().map(|(name, _)| name);
        for (row, name) in names.enumerate() {
            print!("{name:<24}");
            self.columns.iter().for_each(|(_, timings)| {
                print!(" {:>9.digits$}", part(timings)[row].1);
            });
            println!();
        }
    }
}
