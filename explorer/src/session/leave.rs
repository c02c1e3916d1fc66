//! Out of a function, or of an inlined copy of one.

use super::calls::{Flow, Flows, Left, breakpoint};
use super::crossed::Ahead;
use super::ended::Entered;
use super::stop::Stop;
use super::{Call, Frames, Session, View};
use crate::timeline::{Direction, StateError};

/// The selected frame, as what it takes to leave it.
pub(super) struct Leaving {
    pub thread: u32,
    /// The function, or the inlined copy.
    pub function: Option<String>,
    /// Run-time addresses of the copy; none, if the frame is no inlined copy.
    copy: Option<Vec<(u64, u64)>>,
    /// Where the function is entered, if that is known.
    pub entry: Option<u64>,
    /// Where the stack pointer is when what the frame called has returned to it, and where it
    /// goes on then.
    inner: Option<(u64, u64)>,
    /// Where it is when the frame's own function has returned, and the address that it returns
    /// to; or why that is not known.
    pub outer: Result<(u64, u64), String>,
}

/// What of a frame is left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// The inlined copy that it is, or the function.
    Copy,
    /// The function, with what is inlined into it.
    Function,
}

/// Why a walk out of an inlined copy pauses.
enum Pause {
    Out,
    Call,
    Left(Left),
    Failed(StateError),
}

/// Where a walk leads, and why it stops there; nowhere, if history ends first.
pub(super) type Found = Option<(u64, Stop)>;

impl Session {
    /// Moves out of the selected frame: to the state behind its return, or back to the call
    /// that entered it; out of an inlined copy, to the next state outside of it. Stops early at
    /// breakpoints and signals. Gives the call that ended so, if the function returned.
    ///
    /// # Errors
    /// When history cannot be read there; the inner error says that the caller is
    /// not known.
    pub fn leave(
        &mut self,
        direction: Direction,
    ) -> Result<Result<Option<Call>, String>, StateError> {
        let leaving = match self.leaving(Leave::Copy)? {
            Ok(leaving) => leaving,
            Err(why) => return Ok(Err(why)),
        };
        let from = self.setting_out(direction)?;
        let found = match &leaving.copy {
            Some(ranges) => self.out_of_copy(&leaving, ranges, from, direction)?,
            None => match &leaving.outer {
                Ok(outer) => self.out_of_function(&leaving, *outer, from, direction)?,
                Err(why) => return Ok(Err(why.clone())),
            },
        };
        let (target, stop) = match found {
            Some(found) => found,
            None => self.thread_edge(direction)?,
        };
        let start = self.cursor;
        self.go(target, stop, direction)?;
        let entered = leaving.entered().filter(|_| direction == Direction::Forward);
        let call = entered.map(|entered| self.ended_call(&entered, start, self.cursor));
        Ok(Ok(call.transpose()?.flatten()))
    }

    /// Arrives at `target`, or at a breakpoint or signal on the way there.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn go(
        &mut self,
        target: u64,
        stop: Stop,
        direction: Direction,
    ) -> Result<(), StateError> {
        let hit = self.next_breakpoint(self.cursor, direction)?;
        let nearer = hit.filter(|hit| hit.abs_diff(self.cursor) < target.abs_diff(self.cursor));
        let (target, stop) = nearer.map_or((target, stop), |hit| (hit, breakpoint()));
        self.finish(target, stop, direction)?;
        if direction == Direction::Forward && matches!(self.stop, Stop::Out { .. }) {
            self.select_caller()?;
        }
        Ok(())
    }

    /// Selects the frame that a function has returned to: the copies that begin right there have
    /// not been called yet, as gdb has it.
    fn select_caller(&mut self) -> Result<(), StateError> {
        let pc = self.timeline.pc(self.cursor)?;
        let line = self.locator.line_code(&self.timeline, self.cursor, pc);
        let beginning = line.map_or(0, |line| line.beginning());
        (self.selected, self.outside) = (beginning, beginning);
        Ok(())
    }

    /// What it takes to leave the selected frame; the inner error says why its caller is not
    /// known.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn leaving(&self, extent: Leave) -> Result<Result<Leaving, String>, StateError> {
        let thread = self.thread()?;
        let frames = Frames::walk(self, thread, self.cursor, self.selected.saturating_add(2))?;
        let walked = frames.walked();
        let Some(view) = frames.level(self.selected) else {
            return Ok(Err(format!("no caller of this function: {}", walked.end)));
        };
        let own = view.physical();
        let base = walked.frames.get(own).and_then(|frame| frame.cfa);
        let back = walked.frames.get(own + 1).map(|frame| frame.pc.value());
        let inner = own.checked_sub(1).and_then(|inner| walked.frames.get(inner)?.cfa);
        let inner = inner.zip(walked.frames.get(own).map(|frame| frame.pc.value()));
        let mut places = self.locator.places(&self.timeline, self.cursor, view.code());
        let place = match extent {
            Leave::Copy => places.into_iter().nth(view.inline()),
            Leave::Function => places.pop(),
        };
        let function = place.and_then(|place| place.function);
        let copy = copy(&view).filter(|_| extent == Leave::Copy);
        let outer = base.zip(back);
        let outer = outer.ok_or_else(|| format!("no caller of this function: {}", walked.end));
        let entry = view.entry();
        Ok(Ok(Leaving { thread, function, copy, entry, inner, outer }))
    }

    /// Where the function of a frame is left, whose caller's stack pointer is `base` and which
    /// returns to `back`.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn out_of_function(
        &self,
        leaving: &Leaving,
        (base, back): (u64, u64),
        from: u64,
        direction: Direction,
    ) -> Result<Found, StateError> {
        let found = match self.find_outside(leaving.thread, from, direction, base)? {
            Some(found) if direction == Direction::Forward => Some(self.settle(found, Some(back))?),
            found => found,
        };
        let stop = Stop::Out { function: leaving.function.clone() };
        Ok(found.map(|state| (state, stop)))
    }

    /// Where the function without lines is left that the cursor is in, as gdb steps there; `None`
    /// in one without a caller, or if history ends in it.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn out_of_lineless(&self, direction: Direction) -> Result<Found, StateError> {
        let Ok(leaving) = self.leaving(Leave::Function)? else { return Ok(None) };
        let function = self.locator.bounds(&self.timeline, self.cursor, self.pc()?);
        let Some(function) = function.filter(|f| f.start < f.end && leaving.outer.is_ok()) else {
            return Ok(None);
        };
        let from = self.setting_out(direction)?;
        let code = [(function.start, function.end)];
        let found = self.out_of_copy(&leaving, &code, from, direction)?;
        Ok(found.map(|(state, stop)| match stop {
            Stop::Out { .. } => (state, Stop::Step),
            other => (state, other),
        }))
    }

    /// The next state outside of an inlined copy; what it calls is passed over.
    fn out_of_copy(
        &self,
        leaving: &Leaving,
        ranges: &[(u64, u64)],
        from: u64,
        direction: Direction,
    ) -> Result<Found, StateError> {
        let is_in = |pc: u64| ranges.iter().any(|(start, end)| (*start..*end).contains(&pc));
        let out = || Stop::Out { function: leaving.function.clone() };
        let thread = leaving.thread;
        let mut from = from;
        let forward = direction == Direction::Forward;
        if let Some((inner, back)) = leaving.inner {
            let Some(state) = self.find_outside(thread, from, direction, inner)? else {
                return Ok(None);
            };
            let state = if forward { self.settle(state, Some(back))? } else { state };
            if !is_in(self.timeline.pc(state)?) {
                return Ok(Some((state, out())));
            }
            from = state;
        }
        let (mut flows, mut ahead) = (Flows::default(), Ahead::default());
        let at_call = forward && flows.of(self, from, self.timeline.pc(from)?) == Flow::Call;
        let mut pause = at_call.then_some((from, Pause::Call));
        loop {
            let paused = match pause.take() {
                Some(paused) => Some(paused),
                None => self.walk_until(Some(thread), from, direction, |state, pc| {
                    let flow = flows.of(self, state, pc);
                    if !forward {
                        match self.leaves(state, flow) {
                            Ok(None) => {}
                            Ok(Some(left)) => return Some(Pause::Left(left)),
                            Err(error) => return Some(Pause::Failed(error)),
                        }
                    }
                    match is_in(pc) {
                        false => Some(Pause::Out),
                        true => (forward && flow == Flow::Call).then_some(Pause::Call),
                    }
                })?,
            };
            let passed = match paused {
                None => return Ok(None),
                Some((state, Pause::Out)) => return Ok(Some((state, out()))),
                Some((state, Pause::Call)) => self.over_call(state, &mut ahead)?,
                Some((_, Pause::Left(left))) => self.back_over(left, &mut ahead)?,
                Some((_, Pause::Failed(error))) => return Err(error),
            };
            match passed {
                Ok(next) => from = next,
                Err(stop) => return Ok(stop),
            }
        }
    }
}

impl Leaving {
    /// What tells the call of the frame; none of an inlined copy.
    fn entered(&self) -> Option<Entered> {
        let (base, _) = self.outer.as_ref().ok().filter(|_| self.copy.is_none())?;
        let function = self.function.clone();
        Some(Entered { thread: self.thread, function, entry: self.entry?, base: *base })
    }
}

/// The run-time addresses of the inlined copy that a frame is, if it is one.
fn copy(view: &View) -> Option<Vec<(u64, u64)>> {
    let function = view.function_dies().filter(|dies| dies.own != dies.physical)?;
    let (_, bias) = view.module()?;
    let ranges = view.dies()?.code_of(function.own)?;
    let to_runtime = |(start, end): (u64, u64)| (start.wrapping_add(bias), end.wrapping_add(bias));
    Some(ranges.into_iter().map(to_runtime).collect())
}
