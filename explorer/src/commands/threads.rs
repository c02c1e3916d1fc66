//! `threads`, `thread` and `thread apply`.

use super::executions::place_cells;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, Table, hex, thousands};
use crate::session::{Session, ThreadState, ThreadStatus};
use serde::Serialize;

#[derive(Serialize)]
struct Threads {
    threads: Vec<ThreadStatus>,
}

impl Output for Threads {
    fn render(&self, page: &mut Page) {
        let heading =
            ["", "thread", "id", "state", "pc", "function", "where", "tracepoints", "name"];
        let named = self.threads.iter().any(|thread| thread.name.is_some());
        let columns = heading.len() - usize::from(!named);
        let mut table = Table::new(heading.get(..columns).unwrap_or(&heading)).numbers(&[1, 2]);
        for thread in &self.threads {
            let mut cells = vec![
                if thread.current { "*" } else { "" }.to_owned(),
                thread.number.to_string(),
                thread.thread.to_string(),
                state_name(thread.state).to_owned(),
            ];
            match &thread.place {
                Some(place) => {
                    cells.push(hex(place.pc));
                    cells.extend(place_cells(place));
                }
                None => cells.extend([const { String::new() }; 3]),
            }
            let last = thread.end.saturating_sub(1);
            cells.push(format!("#{} to #{}", thousands(thread.first), thousands(last)));
            cells.extend(named.then(|| thread.name.clone().unwrap_or_default()));
            table.row(cells);
        }
        table.render(page);
    }
}

fn state_name(state: ThreadState) -> &'static str {
    match state {
        ThreadState::NotStarted => "not started",
        ThreadState::Running => "running",
        ThreadState::Waiting => "waiting",
        ThreadState::Ended => "ended",
    }
}

#[derive(Serialize)]
struct Selected {
    #[serde(flatten)]
    thread: ThreadStatus,
}

impl Output for Selected {
    fn render(&self, page: &mut Page) {
        let ThreadStatus { number, thread, name, state, place, .. } = &self.thread;
        page.put(Style::Heading, format!("Thread {number}"));
        if let Some(name) = name {
            page.plain(format!(" {name:?}"));
        }
        page.plain(format!(" (id {thread}), {}, ", state_name(*state)));
        if let Some(place) = place {
            place.render_with_address(page);
        }
        page.end();
    }
}

fn selected(session: &Session) -> CommandResult {
    let current = session.threads()?.into_iter().find(|thread| thread.current);
    match current {
        Some(thread) => Ok(Box::new(Selected { thread })),
        None => Err(CommandError::Other("no thread is known here".to_owned())),
    }
}

fn select(session: &mut Session, number: u64) -> Result<(), CommandError> {
    session.select_thread(number).map_err(|error| CommandError::Other(error.to_string()))
}

/// What a command answered for one thread.
#[derive(Serialize)]
struct Applied {
    number: usize,
    thread: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<dyn Output>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Every {
    threads: Vec<Applied>,
}

impl Output for Every {
    fn render(&self, page: &mut Page) {
        for one in &self.threads {
            page.put(Style::Heading, format!("Thread {} (id {}):", one.number, one.thread)).end();
            if let Some(result) = &one.result {
                result.render(page);
            }
            if let Some(error) = &one.error {
                page.put(Style::Alert, error).end();
            }
        }
    }
}

/// Numbers of threads in front of a command, and the command.
fn split(text: &str) -> (Vec<u64>, &str) {
    let (mut numbers, mut rest) = (Vec::new(), text.trim());
    loop {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let Ok(number) = word.parse() else { return (numbers, rest) };
        numbers.push(number);
        rest = after.trim_start();
    }
}

fn apply(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let text = arguments.get("THREADS").unwrap_or_default().trim();
    let all = text.strip_prefix("all").filter(|rest| rest.starts_with(char::is_whitespace));
    let started = |thread: &ThreadStatus| thread.state != ThreadState::NotStarted;
    let (numbers, line) = match all {
        Some(line) => {
            let threads = session.threads()?;
            (threads.iter().filter(|t| started(t)).map(|t| t.number as u64).collect(), line.trim())
        }
        None => split(text),
    };
    if numbers.is_empty() || line.is_empty() {
        return Err(arguments.error("threads, and a command for them, are needed"));
    }
    let command = super::resolve(line)?.command;
    if !matches!(command.group, Group::Position | Group::State | Group::History) {
        let text = format!("{} is about more than one thread's state", command.name);
        return Err(CommandError::Other(text));
    }
    let (before, frame) = (session.thread()?, session.selected());
    let mut threads = Vec::new();
    for number in numbers {
        select(session, number)?;
        let thread = session.thread()?;
        let result = super::resolve(line).and_then(|found| {
            let arguments = Arguments::parse(found.command, found.rest)?;
            (found.command.run)(session, &arguments)
        });
        let (result, error) = match result {
            Ok(result) => (Some(result), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let number = session.thread_number(thread).unwrap_or(1);
        threads.push(Applied { number, thread, result, error });
    }
    select(session, before.into())?;
    session.select(frame)?;
    Ok(Box::new(Every { threads }))
}

/// `threads`.
pub static THREADS: Command = Command {
    name: "threads",
    aliases: &["info threads"],
    group: Group::State,
    arguments: &[],
    help: "list the threads, what they do at the cursor, and where",
    details: "The selected one is marked *. Threads take turns: the one that runs next is \
              running; another waits where it will go on, or has ended. Names are those that threads \
              gave themselves by the cursor (prctl, PR_SET_NAME).",
    run: |session, _| Ok(Box::new(Threads { threads: session.threads()? })),
};

/// `thread`.
pub static THREAD: Command = Command {
    name: "thread",
    aliases: &["t", "thread select"],
    group: Group::State,
    arguments: &[Argument::number("its number, or its id; the selected one is shown if left out")],
    help: "select a thread, whose registers, stack and variables are shown and which is stepped",
    details: "The cursor stays; moving it selects the thread that runs there. Steps stay in \
              the selected thread, unless `set step-threads all`, while breakpoints that any \
              thread hits on the way stop them.",
    run: |session, arguments| {
        if let Some(number) = arguments.count("N") {
            select(session, number)?;
        }
        selected(session)
    },
};

/// `thread apply`.
pub static THREAD_APPLY: Command = Command {
    name: "thread apply",
    aliases: &[],
    group: Group::State,
    arguments: &[Argument {
        name: "THREADS",
        form: Form::RequiredRest,
        short: None,
        kind: Kind::Text,
        help: "all, or numbers of threads; behind it a command, such as bt",
    }],
    help: "run a command for several threads",
    details: "Threads that have not started are left out of all. Only commands that show state \
              can be run so: none that moves.",
    run: apply,
};
