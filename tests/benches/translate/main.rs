//! The `translate` engine, measured end to end: programs recorded by the built recorder, sealing
//! included, beside their unrecorded runs and single-stepping in the same run. Prints a table of
//! figures and bars, where the time went, and the bars missed.
//!
//! `cargo bench -p rdb-tests --bench translate -- [--quick] [--long] [--json] [--rounds N]
//! [--only WORKLOAD]… [WORKLOAD…]`
//!
//! A failure of the benchmark itself panics with a message, which is the report.

mod busy;
mod cold;
mod long;
mod options;
mod profile;
mod run;
mod starts;
mod subject;

use options::Options;
use profile::Profile;
use rdb_tests::measure::report::Report;

fn main() {
    let options = Options::parse(std::env::args().skip(1));
    let mut report = Report::new(options.json);
    let mut profile = Profile::default();
    for subject in subject::all(&options) {
        subject.measure(&options, &mut report, &mut profile);
    }
    if options.long {
        long::measure(&options, &mut report, &mut profile);
    }
    profile.print(options.json);
    report.finish();
}
