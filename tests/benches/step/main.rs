//! The `step` engine and the explorer, measured: rates against a bare tracer in the same run,
//! sizes, audits, opening and jumping. Prints a table of figures and bars.
//!
//! `cargo bench -p rdb-tests --bench step -- [--quick] [--json] [WORKLOAD…]`
//!
//! A failure of the benchmark itself panics with a message, which is the report.

mod bare;
mod exploring;
mod jumps;
mod options;
mod rates;
mod whole;
mod workload;

use options::Options;
use rdb_tests::measure::report::Report;
use workload::Workload;

fn main() {
    let options = Options::parse(std::env::args().skip(1));
    if let Some(trace) = &options.jumps_in {
        jumps::measure(trace);
        return;
    }
    let mut report = Report::new(options.json);
    let workloads = Workload::all(&options);
    for workload in &workloads {
        rates::measure(workload, &options, &mut report);
    }
    for workload in &workloads {
        if let Some(trace) = whole::measure(workload, &options, &mut report) {
            exploring::measure(workload, &trace, &mut report);
        }
    }
    report.finish();
}
