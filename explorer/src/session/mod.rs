//! A session: a cursor over a timeline, with breakpoints and settings.

mod abi;
mod about_code;
mod appearances;
mod bookmark;
mod breakpoint;
mod called_name;
mod callers;
mod calls;
mod condition;
mod content;
mod crossed;
mod defined;
mod descriptors;
mod display;
mod each;
mod ended;
mod entered;
mod entries;
mod examine;
mod executions;
mod find;
mod frame_lines;
mod frames;
mod heap;
mod hints;
mod history;
mod ignoring;
mod images;
mod index;
mod indirect;
mod instructions;
mod judged;
mod keeping;
mod kept;
mod leave;
mod line_code;
mod lineless;
mod lines;
mod linespec;
mod listed;
mod loaded;
mod locate;
mod location;
mod mapped;
mod modification;
mod motion;
mod names;
mod nearby;
mod output;
mod outside;
mod parses;
mod passed;
mod places;
mod position;
mod process;
mod python;
mod reads;
pub mod registers;
mod returned;
mod saved;
mod scene;
mod scope;
mod settings;
mod signal;
mod span;
mod stack;
mod statics;
mod stop;
mod view;
mod visible;

pub use content::Content;
pub use defined::{Defined, Defines};
pub use display::{Display, Displays};
pub use each::{Each, Times};
pub use examine::{DisplayFormat, Examine, UnitFormat};
pub use frames::Frames;
pub use heap::{Around, Block, Checked, Family, Found, Heap, Misuse, Use, Uses, WrongFree};
pub use history::ValueHistory;
pub use kept::Kept;
mod subject;
mod tail_calls;
mod targets;
mod templates;
mod thread;
mod thread_names;
mod tls;
mod totals;
mod triggers;
mod twin;
mod types;
mod until;
mod value;
mod watch;
mod why;
mod why_not;
mod written;

pub use about_code::ScopeVariable;
pub use appearances::{Appearance, Appearing};
pub use bookmark::{Bookmark, BookmarkError, Bookmarks};
pub use breakpoint::{Access, Breakpoint, Breakpoints, Scope, Target, Watch};
pub use executions::{Call, Ending, Execution, Window};
pub use find::pattern as find_pattern;
pub use images::{Image, Images};
pub use line_code::LineCode;
pub use lines::Calls;
pub use locate::{Bounds, Locator};
pub use location::{LocationError, SourceLine};
pub use modification::Modification;
pub use output::{OutputLine, OutputLines, Wanted};
pub use places::Places;
pub use position::Place;
pub use process::ProcessError;
pub use scene::Scene;
pub use settings::{Flavor, SETTINGS, Setting, Settings};
pub use signal::{SignalStop, disposition_name};
pub use span::Span;
pub use stack::{Frame, Stack};
pub use stop::{Stop, Typed};
pub use subject::{Subject, SubjectError};
pub use tail_calls::{MOST_TAIL_CALLS, TailCall};
pub use targets::Part;
pub use thread::{ThreadError, ThreadState, ThreadStatus};
pub use until::Bound;
pub use value::{Bytes, serialize_value, value_text};
pub use view::View;
pub use visible::CheckedAt;
pub use why::{Beginning, Extent, Link, Note, Origin, Question, Reach, Why};
pub use why_not::{
    Condition, Decision, NotCalled, Operand, Pointers, Reason, Running, Site, Unreached, WhyNot,
};

pub use crate::timeline::Interrupt;
pub use returned::Returned;

use crate::expression::{self, ExpressionError, Fault};
use crate::symbols::location::Missing;
use crate::symbols::{CodeAddr, DebugSearch, Sources};
use crate::timeline::{Direction, StateError, Timeline};
use crate::values::Value;
use rdb_schema::event::{EventKind, Exit};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What `list` continues with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The file listed last.
    pub file: String,
    /// Its first line listed.
    pub first: u32,
    /// One past its last line listed.
    pub next: u32,
}

/// A cursor over a timeline, and what the user set up around it.
pub struct Session {
    timeline: Arc<Timeline>,
    locator: Arc<Locator>,
    cursor: u64,
    stop: Stop,
    sources: Sources,
    /// Breakpoints.
    pub breakpoints: Breakpoints,
    /// Settings; change them with [`Session::set`].
    settings: Settings,
    /// What `x` continues with.
    pub examine: Examine,
    /// What `list` continues with, until the cursor moves.
    pub listing: Option<Listing>,
    /// The selected thread, until the cursor moves: the cursor's own if there is none.
    chosen: Option<u32>,
    /// The selected source frame, 0 the innermost, until the cursor moves.
    selected: usize,
    /// Inlined copies that begin at the cursor, and are called there: a step over calls has not
    /// entered them.
    outside: usize,
    /// Values printed, and convenience variables.
    pub history: ValueHistory,
    /// Expressions shown wherever the cursor stops.
    pub displays: Displays,
    /// Stops long queries.
    pub interrupt: Interrupt,
    /// Whether the user has had enough.
    pub finished: bool,
    /// What the user should know and was not told yet.
    notices: std::cell::RefCell<Vec<String>>,
    heap: heap::HeldHeap,
    bookmarks: Bookmarks,
    keeper: keeping::Keeper,
    faults: Vec<String>,
    /// What else stopped where the cursor is.
    also: Vec<Stop>,
    search: DebugSearch,
    due: ignoring::Due,
    /// Where other processes were left.
    left: HashMap<u32, process::Left>,
    parses: parses::Parses,
    listed: listed::Listed,
    nearby: nearby::Nearby,
    implementations: indirect::Chosen,
}

impl Session {
    /// A session at the first state of `timeline`.
    pub fn new(timeline: Timeline, search: DebugSearch) -> Self {
        let locator = Arc::new(Locator::new(&timeline, search.clone()));
        Self::over(Arc::new(timeline), locator, search)
    }

    /// A session at the first state, with names and lines that others may ask for, too.
    fn over(timeline: Arc<Timeline>, locator: Arc<Locator>, search: DebugSearch) -> Self {
        let stop = natural_stop(&timeline, 0).unwrap_or(Stop::Start);
        let interrupt = timeline.interrupt().clone();
        let mut breakpoints = Breakpoints::default();
        breakpoints.set_process(timeline.process());
        Self {
            timeline,
            locator,
            cursor: 0,
            stop,
            sources: Sources::default(),
            breakpoints,
            settings: Settings::default(),
            examine: Examine::default(),
            listing: None,
            chosen: None,
            selected: 0,
            outside: 0,
            history: ValueHistory::default(),
            displays: Displays::default(),
            interrupt,
            finished: false,
            notices: std::cell::RefCell::default(),
            heap: heap::HeldHeap::default(),
            bookmarks: Bookmarks::default(),
            keeper: keeping::Keeper::default(),
            faults: Vec::new(),
            also: Vec::new(),
            search,
            due: ignoring::Due::default(),
            left: HashMap::new(),
            parses: parses::Parses::default(),
            listed: listed::Listed::default(),
            nearby: nearby::Nearby::default(),
            implementations: indirect::Chosen::default(),
        }
    }

    /// The history.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Names and lines.
    pub fn locator(&self) -> &Locator {
        &self.locator
    }

    /// The tracepoint of the current state.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Why the cursor is where it is.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Sources found on this machine.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// Which values it takes.
    pub fn set(&mut self, setting: &Setting, value: &str) -> Result<(), String> {
        let before = self.settings.substitutions.len();
        (setting.set)(&mut self.settings, value)?;
        if self.settings.substitutions.len() != before {
            self.sources = Sources::new(self.settings.substitutions.clone());
        }
        Ok(())
    }

    /// Address of the selected thread's next instruction.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub fn pc(&self) -> Result<u64, StateError> {
        self.timeline.pc_of(self.thread()?, self.cursor)
    }

    /// Where the selected thread is in the program.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub fn place(&self) -> Result<Place, StateError> {
        let pc = CodeAddr::Pc(self.pc()?);
        if self.outside > 0 {
            let places = self.locator.places(&self.timeline, self.cursor, pc);
            if let Some(place) = places.into_iter().nth(self.outside) {
                return Ok(place);
            }
        }
        Ok(self.locator.place(&self.timeline, self.cursor, pc))
    }

    /// The instruction that is executed at tracepoint `t`, if it can be decoded.
    fn instruction_at(&self, t: u64) -> Result<Option<iced_x86::Instruction>, StateError> {
        let executed = self.timeline.instruction(t)?;
        Ok(executed.and_then(|executed| crate::dataflow::decode(executed.pc, &executed.bytes)))
    }

    /// `<name+12>` of an address at the cursor.
    pub fn symbol(&self, address: u64) -> Option<String> {
        self.symbol_at(self.cursor, address)
    }

    /// `<name+12>` of an address at state `t`.
    pub fn symbol_at(&self, t: u64, address: u64) -> Option<String> {
        let (name, offset) = self.locator.symbol(&self.timeline, t, address)?;
        Some(if offset == 0 { format!("<{name}>") } else { format!("<{name}+{offset}>") })
    }

    /// The value of an expression at the cursor, in the selected frame. What it assigns to
    /// convenience variables is dropped: see [`Session::print`].
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn evaluate(&self, text: &str) -> Result<Value, ExpressionError> {
        let scene = self.scene().map_err(|error| state_fault(text, &error))?;
        scene.evaluate(text).map(|evaluated| evaluated.value)
    }

    /// The address an expression means at the cursor: the value of a number or pointer, the
    /// place of anything else.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn address(&self, text: &str) -> Result<u64, ExpressionError> {
        let scene = self.scene().map_err(|error| state_fault(text, &error))?;
        expression::address(text, &scene)
    }

    /// Evaluates at the cursor, assigns to convenience variables, and keeps the value in the
    /// history. The value with its bytes, and its number; none for `void`.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn print(&mut self, text: &str) -> Result<(Value, Option<u64>), ExpressionError> {
        let scene = self.scene().map_err(|error| state_fault(text, &error))?;
        let evaluated = scene.evaluate(text)?;
        let value = evaluated.value.kept(&scene);
        if let Some(Missing::Memory(address)) = value.bytes(&scene).wholly_missing() {
            let fault = Fault::Missing(Missing::Memory(*address));
            return Err(ExpressionError { text: text.to_owned(), column: 0, fault });
        }
        for (name, assigned) in evaluated.assigned {
            self.history.assign(&name, assigned);
        }
        let number = self.keep_value(value.clone());
        Ok((value, number))
    }

    /// Keeps a value with its bytes in the history; its number, none for `void`.
    pub fn keep_value(&mut self, value: Value) -> Option<u64> {
        let void = matches!(value.of.shape(), crate::symbols::datatypes::Shape::Void);
        (!void).then(|| self.history.keep(value))
    }

    /// The selected source frame: 0 is the innermost.
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// Selects a source frame; the cursor stays. False if there is none so far out.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub fn select(&mut self, level: usize) -> Result<bool, StateError> {
        let there = self.scene_of(self.thread()?, self.cursor, level)?.view().is_some();
        if there {
            self.selected = level;
            self.forget_listing();
        }
        Ok(there)
    }

    /// Drops what `list` continues with: the cursor has moved.
    fn forget_listing(&mut self) {
        self.listing = None;
    }
}

/// An expression that cannot be evaluated because history cannot be read.
fn state_fault(text: &str, error: &StateError) -> ExpressionError {
    let fault = Fault::State(error.to_string());
    ExpressionError { text: text.to_owned(), column: 0, fault }
}

/// What is true of a state however it was reached: the first, the last, or one
/// just behind a signal.
fn natural_stop(timeline: &Timeline, state: u64) -> Option<Stop> {
    if let Some(signal) = signal_before(timeline, state) {
        return Some(Stop::Signal(signal));
    }
    if state == timeline.end() {
        return Some(match timeline.exit() {
            Exit::Status(status) => Stop::Exit { status },
            Exit::Signal(number) => Stop::Signal(SignalStop::bare(state.saturating_sub(1), number)),
            Exit::Unknown => Stop::End,
        });
    }
    (state == 0).then_some(Stop::Start)
}

/// The signal to stop at that arrived at the tracepoint before `state`.
fn signal_before(timeline: &Timeline, state: u64) -> Option<SignalStop> {
    let mut found = None;
    let range = state.checked_sub(1)?..state;
    let visit = &mut |event: &rdb_schema::event::Event| {
        if let EventKind::Signal(signal) = &event.kind
            && signal::stops(signal)
        {
            found = Some(SignalStop::new(event.tracepoint, signal));
        }
        ControlFlow::Continue(())
    };
    timeline.events(range, Direction::Forward, visit).ok()?;
    found
}
