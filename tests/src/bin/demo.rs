//! `cargo demo`: records a program with a planted bug and walks back to its cause.

use anyhow::{Context, Result, bail, ensure};
use rdb_tests::binaries::{binaries, workspace};
use rdb_tests::compile::first_flavour;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;

/// Columns of the terminal it is made for.
const WIDTH: usize = 80;

/// The field that the bug overwrites.
const EXAMINE: &str = "print meter.scale";

fn main() -> Result<()> {
    say("Building rdb-record, rdb-explore and fixtures/planted.c: a power meter with a bug.");
    binaries();
    let fixture = Fixture::load("planted");
    let guest = Guest::fixture(&fixture, first_flavour(&fixture));

    say("It crashes. One recording keeps everything it did, in one file:");
    println!("$ rdb-record ./planted -o run.trace");
    let recorded = guest.record(&[]);
    let said = format!("{}{}", recorded.output.stdout_text(), recorded.output.stderr_text());
    let folder = format!("{}/", guest.directory().display());
    wrapped(&said.replace(&folder, ""));
    let code = recorded.output.code();
    ensure!(code == fixture.truth.code(), "the program ended with {code}");

    let mut walk = Walk { explorer: recorded.explore(), typed: Vec::new(), seen: String::new() };
    println!("$ rdb-explore run.trace");
    let cause = walk.find_cause()?;
    confirm(&fixture, &cause)
}

/// A walk through the history of the crash: one session, typed line by line.
struct Walk {
    explorer: Explorer,
    /// All commands so far.
    typed: Vec<String>,
    /// What they answered.
    seen: String,
}

impl Walk {
    /// Types one more command, shows its answer, and gives it as data.
    fn show(&mut self, command: &str) -> Result<Answer> {
        self.typed.push(command.to_string());
        println!("(rdb) {command}");
        let all = self.explorer.text(&self.typed).stdout_text();
        let new = all.strip_prefix(&self.seen).context("a session answered differently")?;
        wrapped(&new.replace(&format!("{}/", workspace().display()), ""));
        self.seen = all;
        let (_, mut answers) = self.explorer.attempt(&self.typed);
        match answers.pop() {
            Some(answer) if answer.ok => Ok(answer),
            other => bail!("`{command}` failed: {other:?}"),
        }
    }

    /// The scale at a tracepoint, without showing how it is asked for.
    fn scale(&self, tracepoint: u64) -> Result<String> {
        let jump = format!("jump {tracepoint}");
        value(&self.explorer.last(&[jump.as_str(), EXAMINE]))
    }

    fn find_cause(&mut self) -> Result<Answer> {
        say("The end of the history is the crash: a division.");
        let crash = self.show("replay-until-end")?;
        ensure!(crash.stop().contains("SIGFPE"), "the recording does not end with SIGFPE");
        self.show("backtrace 2")?;

        say("The divisor is meter.scale. It is 0.");
        let scale = value(&self.show(EXAMINE)?)?;
        ensure!(scale == "0", "the scale is {scale} at the crash");

        say("When main began, it was 4: somebody wrote it in between.");
        self.show("break main")?;
        let start = self.show("continue-reverse")?;
        let scale = value(&self.show(EXAMINE)?)?;
        ensure!(scale == "4", "the scale is {scale} when main begins");

        say("Every moment is equally near: halve the time until two neighbours differ.");
        let write = self.bisect(start.tracepoint(), crash.tracepoint())?;
        say("That is the instruction that wrote the 0. Whose is it, and who called it?");
        let cause = self.show(&format!("jump {write}"))?;
        self.show("backtrace 2")?;
        self.show("list")?;
        Ok(cause)
    }

    /// The tracepoint of the instruction that changed the scale from 4 to 0.
    fn bisect(&self, mut whole: u64, mut broken: u64) -> Result<u64> {
        while broken - whole > 1 {
            let middle = whole + (broken - whole) / 2;
            let scale = self.scale(middle)?;
            println!("  jump {middle}: the scale is {scale}");
            if scale == "4" { whole = middle } else { broken = middle }
        }
        Ok(whole)
    }
}

fn value(answer: &Answer) -> Result<String> {
    answer.values().first().cloned().with_context(|| format!("no value in {answer:?}"))
}

fn confirm(fixture: &Fixture, cause: &Answer) -> Result<()> {
    let expected = u64::from(fixture.line("cause"));
    ensure!(cause.line() == Some(expected), "the walk ended at line {:?}", cause.line());
    say(&format!(
        "Found: {} writes nine elements into an array of eight (`i <= SAMPLES`, line {}), and the \
         ninth is the scale, which nothing reads until the report divides by it.",
        cause.function().unwrap_or("?"),
        fixture.line("off_by_one")
    ));
    Ok(())
}

/// Says what is going on.
fn say(text: &str) {
    println!();
    wrapped(&format!("# {text}"));
}

/// Prints lines, those too long broken between words.
fn wrapped(text: &str) {
    for line in text.trim_end().lines() {
        let indent = if line.starts_with("# ") { "# " } else { "    " };
        let mut rest = line.to_string();
        while let Some(end) = break_place(&rest) {
            println!("{}", &rest[..end]);
            rest = format!("{indent}{}", &rest[end + 1..]);
        }
        println!("{rest}");
    }
}

/// Where a line that is too long has its last space early enough, if it has one.
fn break_place(line: &str) -> Option<usize> {
    let (limit, _) = line.char_indices().nth(WIDTH)?;
    line[..=limit].rfind(' ').filter(|end| !line[..*end].trim().is_empty() && *end > 4)
}
