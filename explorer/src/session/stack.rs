//! The call stack at the cursor.

use super::{Frames, Place, Session, TailCall};
use crate::symbols::unwind::{Backtrace, Method, UnwindEnd};
use crate::timeline::StateError;
use serde::Serialize;

/// One frame of source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// 0 is the innermost.
    pub level: usize,
    /// Where execution is, or will return to.
    #[serde(flatten)]
    pub place: Place,
    /// How it was found: `cfi`, `frame-pointer`, `return-address`, `signal`, `history`,
    /// `history-overwritten`; absent for the innermost.
    pub method: Option<&'static str>,
    /// The tail calls between its call and its function, the last first; [`MOST_TAIL_CALLS`] and
    /// one more if there are more. Of inlined copies, those are told of the function they are in.
    ///
    /// [`MOST_TAIL_CALLS`]: super::MOST_TAIL_CALLS
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tail_calls: Vec<TailCall>,
}

/// The frames, innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// At least one.
    pub frames: Vec<Frame>,
    /// Why there are no more; `None` when the outermost is the last.
    pub end: Option<String>,
    /// Whether that is only because no more were asked for.
    pub more: bool,
}

impl Session {
    /// The innermost `limit` frames at the cursor.
    ///
    /// # Errors
    /// When history cannot be read here.
    pub fn stack(&self, limit: usize) -> Result<Stack, StateError> {
        let one_more = limit.saturating_add(1);
        let found = Frames::walk(self, self.thread()?, self.cursor, one_more)?;
        let walked = found.walked();
        let mut tail_calls = found.tail_calls()?.into_iter();
        let mut frames: Vec<Frame> = Vec::new();
        for (index, physical) in walked.frames.iter().enumerate() {
            let mut places = self.locator.places(&self.timeline, self.cursor, physical.pc);
            if found.is_handler(index) {
                places = places.into_iter().take(1).map(Place::of_signal_frame).collect();
            }
            let method = physical.method.map(method_name);
            let level = frames.len();
            frames.extend(places.into_iter().enumerate().map(|(inner, place)| Frame {
                level: level + inner,
                place,
                method,
                tail_calls: Vec::new(),
            }));
            let tail_calls = tail_calls.next().unwrap_or_default();
            if let Some(function) = frames.last_mut().filter(|frame| frame.level >= level) {
                function.tail_calls = tail_calls;
            }
        }
        let at_entry = frames.last().is_some_and(|f| f.place.function.as_deref() == Some("_start"));
        let more = frames.len() > limit || walked.end == UnwindEnd::DepthLimit;
        frames.truncate(limit.max(1));
        let end = match (more, at_entry) {
            (true, _) => Some(UnwindEnd::DepthLimit.to_string()),
            // Nobody called it, whether or not its code says so.
            (_, true) => None,
            _ => why(walked),
        };
        Ok(Stack { frames, end, more })
    }
}

/// Why the frames end, unless the program's stack does. The outermost function
/// says that it is; a frame whose caller was found, and is 0, was overwritten.
fn why(walked: &Backtrace) -> Option<String> {
    let overwritten = walked.frames.last().is_some_and(|frame| frame.cfa.is_some());
    match (&walked.end, overwritten) {
        (UnwindEnd::Outermost, false) => None,
        (UnwindEnd::Outermost, true) => Some("stack corrupt? the return address is 0".to_owned()),
        (end, _) => Some(end.to_string()),
    }
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Cfi => "cfi",
        Method::FramePointer => "frame-pointer",
        Method::ReturnAddressAtTop => "return-address",
        Method::SignalFrame => "signal",
        Method::Recorded => "history",
        Method::Overwritten => "history-overwritten",
    }
}
