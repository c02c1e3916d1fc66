//! `compare`: this recording and another of the same program.

use super::{
    Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output, operands,
};
use crate::compare::{Aspect, Comparison, Difference, Part, Varying, compare};
use crate::render::{Page, Style, hex, serialize_hex, thousands};
use crate::session::Session;
use crate::symbols::DebugSearch;
use crate::timeline::Timeline;
use serde::Serialize;
use std::path::Path;

/// Instructions shown before and behind the first difference.
const NEIGHBOURS: u64 = 3;

#[derive(Serialize)]
struct Compared {
    equal: bool,
    /// How many instructions are alike.
    instructions: u64,
    varying: Vec<Varying>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Difference>,
    /// What surrounds the difference, here and in the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left: Vec<Line>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    right: Vec<Line>,
    /// What one should know of the other recording.
    notices: Vec<String>,
}

/// One executed instruction.
#[derive(Serialize, PartialEq, Eq)]
struct Line {
    tracepoint: u64,
    #[serde(serialize_with = "serialize_hex")]
    pc: u64,
    symbol: Option<String>,
    text: String,
}

impl Compared {
    fn new(session: &Session, other: &Session, found: Comparison) -> Self {
        let around = |session: &Session| match &found.difference {
            Some(difference) => lines(session, difference.tracepoint),
            None => Vec::new(),
        };
        Self {
            equal: found.difference.is_none(),
            instructions: found.instructions.min(session.timeline().end()),
            varying: found.varying,
            left: around(session),
            right: around(other),
            difference: found.difference,
            notices: other.timeline().notices().to_vec(),
        }
    }
}

/// The instructions around tracepoint `t`, as far as they can be read.
fn lines(session: &Session, t: u64) -> Vec<Line> {
    let line = |t: u64| {
        let instruction = session.timeline().instruction(t).ok()??;
        Some(Line {
            tracepoint: t,
            pc: instruction.pc,
            symbol: session.symbol_at(t, instruction.pc),
            text: operands::decode_at(session, t, instruction.pc, &instruction.bytes).text,
        })
    };
    (t.saturating_sub(NEIGHBOURS)..=t.saturating_add(NEIGHBOURS)).filter_map(line).collect()
}

impl Output for Compared {
    fn render(&self, page: &mut Page) {
        for notice in &self.notices {
            page.put(Style::Alert, format!("the other: {notice}")).end();
        }
        match &self.difference {
            None => {
                let count = thousands(self.instructions);
                page.put(Style::Heading, "Equal").line(format!(": {count} instructions."));
            }
            Some(difference) => self.render_difference(page, difference),
        }
        for varying in &self.varying {
            let (times, first) = (thousands(varying.times), thousands(varying.first));
            let text = format!(
                "Not compared: {}, {times} times from #{first} on.",
                varying.source.describe()
            );
            page.put(Style::Dim, text).end();
        }
    }

    fn differs(&self) -> bool {
        !self.equal
    }
}

impl Compared {
    fn render_difference(&self, page: &mut Page, difference: &Difference) {
        let t = difference.tracepoint;
        let place = if difference.at_start { "before" } else { "at" };
        page.put(Style::Heading, "Different").plain(format!(" {place} "));
        page.put(Style::Tracepoint, format!("#{}", thousands(t)));
        page.line(format!(" (- this recording, + the other; {} equal before):", thousands(t)));
        let upto = |line: &&Line| line.tracepoint <= t;
        let (left, right) = (self.left.as_slice(), self.right.as_slice());
        let split = |lines: &[Line]| lines.iter().take_while(upto).count();
        let ((l, l_after), (r, r_after)) =
            (left.split_at(split(left)), right.split_at(split(right)));
        render_lines(page, l, r, t);
        difference.parts.iter().for_each(|part| render_part(page, part));
        render_lines(page, l_after, r_after, t);
        if let Some(hint) = &difference.hint {
            page.put(Style::Dim, format!("Perhaps not the recorder: {hint}.")).end();
        }
    }
}

/// Lines that both have once; then what only this one has, then the other's.
fn render_lines(page: &mut Page, left: &[Line], right: &[Line], t: u64) {
    let common = left.iter().zip(right).take_while(|(l, r)| l == r).count();
    let (both, left) = left.split_at(common);
    both.iter().for_each(|line| render_line(page, " ", line, t));
    left.iter().for_each(|line| render_line(page, "-", line, t));
    right.iter().skip(common).for_each(|line| render_line(page, "+", line, t));
}

fn render_line(page: &mut Page, sign: &str, line: &Line, t: u64) {
    let current = line.tracepoint == t;
    let style = if current { Style::Current } else { Style::Plain };
    page.plain(sign).put(style, if current { "=> " } else { "   " });
    page.put(Style::Tracepoint, format!("#{}", thousands(line.tracepoint))).plain("  ");
    page.put(Style::Address, hex(line.pc));
    if let Some(symbol) = &line.symbol {
        page.plain(" ").put(Style::Function, symbol);
    }
    page.plain("  ").put(style, &line.text).end();
}

fn render_part(page: &mut Page, part: &Part) {
    let before = part.before.as_deref().map_or(String::new(), |before| format!("{before} → "));
    let what = match part.aspect {
        Aspect::Register => part.name.clone(),
        Aspect::Memory => format!("[{}]", part.name),
        Aspect::Mapping => format!("mapping {}", part.name),
        Aspect::Instruction | Aspect::Fault | Aspect::Event | Aspect::Ending => part.name.clone(),
    };
    for (sign, value) in [("-", &part.left), ("+", &part.right)] {
        page.plain(format!("{sign}      ")).put(Style::Alert, &what);
        page.line(format!("  {before}{value}"));
    }
}

/// # Errors
/// The recordings are of different programs, or of different calls of one.
fn same_program(one: &Timeline, other: &Timeline) -> Result<(), CommandError> {
    let command = |timeline: &Timeline| {
        let start = &timeline.header().start;
        let words = std::iter::once(&start.executable).chain(start.arguments.iter().skip(1));
        words.map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" ")
    };
    let (one, other) = (command(one), command(other));
    if one == other {
        return Ok(());
    }
    Err(CommandError::Other(format!("these are recordings of {one:?} and of {other:?}")))
}

fn run(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let path = arguments.get("OTHER").unwrap_or_default();
    let other = Timeline::open(Path::new(path)).map_err(|e| CommandError::Other(e.to_string()))?;
    same_program(session.timeline(), &other)?;
    let interrupt = session.interrupt.clone();
    let found = compare(session.timeline(), &other, &|| interrupt.raised())?;
    let other = Session::new(other, DebugSearch::system());
    Ok(Box::new(Compared::new(session, &other, found)))
}

/// `compare`.
pub static COMPARE: Command = Command {
    name: "compare",
    aliases: &[],
    group: Group::History,
    arguments: &[Argument {
        name: "OTHER",
        form: Form::Required,
        short: None,
        kind: Kind::Path,
        help: "the file of another recording of the same program",
    }],
    help: "compare with another recording, and show the first difference",
    details: "Instruction for instruction: addresses, registers, bytes stored, system calls, \
              signals, faults and mappings. Where a value differs from run to run whatever \
              records it (process ids, times, random bytes, the CPU's number, file times), that \
              and what is computed from it may differ; how often is said. A difference makes \
              the exit status 8.",
    run,
};
