//! `cargo demo`: records a program with a planted bug and walks back to its cause.

use anyhow::{Context, Result, ensure};
use rdb_tests::compile::first_flavour;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;

/// Where the overwritten field is among the integers that `x` shows.
const SCALE: usize = 8;

/// The whole structure: eight samples, then the scale.
const EXAMINE: &str = "x/9dw &meter";

fn main() -> Result<()> {
    say("Building rdb-record, rdb-explore and fixtures/planted.c, a power meter with a bug.");
    let fixture = Fixture::load("planted");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));

    say("It crashes. Recorded once, everything it did is in one file:");
    println!("$ rdb-record -o run.trace {}", fixture.name);
    let recorded = guest.record(&[]);
    print!("{}{}", recorded.output.stdout_text(), recorded.output.stderr_text());
    let code = recorded.output.code();
    ensure!(code == fixture.truth.code(), "the program ended with {code}");

    let mut walk = Walk { explorer: recorded.explore(), fixture };
    let cause = walk.find_cause()?;
    walk.confirm(&cause)
}

/// A walk through the history of the crash.
struct Walk {
    explorer: Explorer,
    fixture: Fixture,
}

impl Walk {
    /// Runs commands, shows the last one's text, and gives its answer.
    fn show(&self, commands: &[&str]) -> Result<Answer> {
        let (last, before) = commands.split_last().context("no command")?;
        for command in before {
            println!("(rdb) {command}");
        }
        println!("(rdb) {last}");
        let all = self.explorer.text(commands).stdout_text();
        let earlier = if before.is_empty() {
            String::new()
        } else {
            self.explorer.text(before).stdout_text()
        };
        println!("{}", all.strip_prefix(&earlier).unwrap_or(&all).trim_end());
        Ok(self.explorer.last(commands))
    }

    /// The scale at a tracepoint.
    fn scale(&self, tracepoint: u64) -> Result<String> {
        let jump = format!("jump {tracepoint}");
        let values = self.explorer.last(&[jump.as_str(), EXAMINE]).values();
        values.get(SCALE).cloned().context("x showed no ninth value")
    }

    fn find_cause(&mut self) -> Result<Answer> {
        say("The end of the history is the crash: a division.");
        let crash = self.show(&["replay-until-end"])?;
        ensure!(crash.stop().contains("SIGFPE"), "the recording does not end with SIGFPE");
        self.show(&["replay-until-end", "backtrace"])?;

        say("The divisor is meter.scale, the ninth integer of `meter`. It is 0.");
        let values = self.show(&["replay-until-end", EXAMINE])?.values();
        ensure!(
            values.get(SCALE).is_some_and(|value| value == "0"),
            "the scale is not 0: {values:?}"
        );

        say("When main began, it was 4: somebody wrote it in between.");
        let start = self.show(&["break main", "replay-continue"])?;
        let values = self.show(&["break main", "replay-continue", EXAMINE])?.values();
        ensure!(
            values.get(SCALE).is_some_and(|value| value == "4"),
            "the scale is not 4: {values:?}"
        );

        say("Any moment is as near as any other: halve the time until two neighbours differ.");
        let write = self.bisect(start.tracepoint(), crash.tracepoint())?;
        say("The instruction that wrote the 0, and who called it:");
        let jump = format!("jump {write}");
        let cause = self.show(&[&jump])?;
        self.show(&[&jump, "backtrace"])?;
        self.show(&[&jump, "list"])?;
        Ok(cause)
    }

    /// The tracepoint of the instruction that changed the scale from 4 to 0.
    fn bisect(&self, mut whole: u64, mut broken: u64) -> Result<u64> {
        while broken - whole > 1 {
            let middle = whole + (broken - whole) / 2;
            let scale = self.scale(middle)?;
            println!("  tracepoint {middle}: scale {scale}");
            if scale == "4" { whole = middle } else { broken = middle }
        }
        Ok(whole)
    }

    fn confirm(&self, cause: &Answer) -> Result<()> {
        let expected = u64::from(self.fixture.line("cause"));
        ensure!(cause.line() == Some(expected), "the walk ended at line {:?}", cause.line());
        let function = cause.function().unwrap_or("?");
        say(&format!(
            "Found: {function} writes nine elements into an array of eight (`i <= SAMPLES`, line {}), \
             and the ninth is the scale.",
            self.fixture.line("off_by_one")
        ));
        Ok(())
    }
}

fn say(text: &str) {
    println!("\n# {text}");
}
