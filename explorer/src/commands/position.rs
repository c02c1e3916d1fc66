//! `where`, and what every moving command answers.

use super::asked::say_content;
use super::display::Displays;
use super::returned::ReturnedValue;
use super::{Arguments, Command, CommandError, CommandResult, Group, Output, operands};
use crate::render::{Page, Style, thousands};
use crate::session::{Content, Place, Session, Stop};
use serde::Serialize;

/// Where the cursor is.
#[derive(Serialize)]
pub struct Position {
    tracepoint: u64,
    end: u64,
    /// The selected thread's id.
    thread: u32,
    /// Its number, if there are several.
    #[serde(skip)]
    thread_number: Option<usize>,
    /// The number of the process, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<usize>,
    #[serde(flatten)]
    place: Place,
    /// The source line's text, if the source is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// The next instruction, where there is no source.
    #[serde(skip_serializing_if = "Option::is_none")]
    instruction: Option<String>,
    stop: Stop,
    /// What else stopped here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Stop>,
    /// What the function returned that was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<ReturnedValue>,
    /// Of a container whose own bytes were asked about, where its content is.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    /// Conditions that have no value here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    condition_faults: Vec<String>,
    /// What `display` shows here.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    displays: Option<Displays>,
}

impl Position {
    /// The session's.
    pub fn of(session: &Session) -> Result<Self, CommandError> {
        let (place, thread) = (session.place()?, session.thread()?);
        let source = source_line(session, &place);
        let instruction = match source {
            Some(_) => None,
            None => operands::at_cursor(session)?,
        };
        Ok(Self {
            tracepoint: session.cursor(),
            end: session.timeline().end(),
            thread,
            thread_number: session.thread_number(thread),
            process: session.process_number(),
            place,
            source,
            instruction,
            stop: session.stop().clone(),
            also: session.also_stopped().to_vec(),
            returned: None,
            content: None,
            condition_faults: session.condition_faults().to_vec(),
            displays: Some(Displays::of(session)?).filter(|displays| !displays.is_empty()),
        })
    }

    /// The same, with what the function returned that was left.
    pub fn with_returned(self, returned: Option<ReturnedValue>) -> Self {
        Self { returned, ..self }
    }

    /// The same, with where the content is of the container that `last` was asked about.
    pub fn with_content(self, content: Option<Content>) -> Self {
        Self { content, ..self }
    }

    /// The same, as a command's result.
    pub fn result(session: &Session) -> CommandResult {
        Ok(Box::new(Self::of(session)?))
    }
}

impl Output for Position {
    fn render(&self, page: &mut Page) {
        if let Some(number) = self.thread_number
            && matches!(self.stop, Stop::Breakpoint { .. } | Stop::Watch { .. } | Stop::Signal(_))
        {
            page.put(Style::Alert, format!("Thread {number}: "));
        }
        self.stop.render(page);
        self.also.iter().for_each(|stop| stop.render(page));
        for fault in &self.condition_faults {
            page.put(Style::Alert, fault).end();
        }
        let (tracepoint, end) = (thousands(self.tracepoint), thousands(self.end));
        page.put(Style::Tracepoint, format!("#{tracepoint}")).put(Style::Dim, format!(" of {end}"));
        if let Some(number) = self.process {
            page.plain(format!("  process {number}"));
        }
        if let Some(number) = self.thread_number {
            page.plain(format!("  thread {number}"));
        }
        page.plain("  ");
        self.place.render_with_address(page);
        page.end();
        if let (Some(line), Some(text)) = (self.place.line, &self.source) {
            page.put(Style::Dim, line).plain("\t").plain(text).end();
        } else if let Some(instruction) = &self.instruction {
            page.put(Style::Current, "=> ").plain(instruction).end();
        }
        if let Some(returned) = &self.returned {
            returned.render(page);
        }
        say_content(self.content.as_ref(), "last", page);
        if let Some(displays) = &self.displays {
            displays.render(page);
        }
    }
}

/// The text of a place's line.
pub fn source_line(session: &Session, place: &Place) -> Option<String> {
    let text = session.sources().text(place.file.as_deref()?)?;
    text.line(place.line?).map(str::to_owned)
}

/// `where`.
pub static WHERE: Command = Command {
    name: "where",
    aliases: &["ct", "current-tracepoint", "w"],
    group: Group::Position,
    arguments: &[],
    help: "show where the cursor is, and why it stopped there",
    details: "Shows the tracepoint, the function, the source line, and the reason of the stop: \
              a breakpoint, a signal, the exit. Going back to the end of a crash shows its \
              signal again.",
    run: |session, _: &Arguments| Position::result(session),
};
