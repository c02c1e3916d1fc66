//! Rows of long lists: made while they are shown, a batch at a time, and never all held.

use super::CommandError;
use super::ahead::Ahead;
use crate::session::Span;
use crate::timeline::Interrupt;
use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};
use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

/// Rows made together.
pub(super) const BATCH: usize = 1 << 16;

/// The same of rows that take long to make.
pub(super) const SLOW_BATCH: usize = 1 << 12;

/// Makes the next rows; none behind the last.
type Next<R> = Box<dyn FnMut() -> Result<Vec<R>, CommandError>>;

/// Rows shown between two looks at whether somebody asked to stop.
const BETWEEN: usize = 1 << 12;

/// The rows of a list. They are gone over once.
pub(super) struct Rows<R> {
    /// Until they were gone over.
    first: RefCell<Vec<R>>,
    next: RefCell<Option<Next<R>>>,
    ending: ListEnd,
    interrupt: Interrupt,
}

/// How a list ends: known behind its last row.
#[derive(Clone, Default)]
pub(super) struct ListEnd(Rc<(Cell<bool>, RefCell<Option<CommandError>>)>);

impl ListEnd {
    /// Whether there are more rows, in some direction.
    pub fn more(&self) -> bool {
        self.0.0.get()
    }

    pub fn set_more(&self) {
        self.0.0.set(true);
    }

    /// What kept the list from being shown to its end.
    pub fn stopped(&self) -> Option<CommandError> {
        self.0.1.take()
    }
}

impl Serialize for ListEnd {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            more: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            stopped: Option<String>,
        }
        let stopped = self.0.1.borrow().as_ref().map(ToString::to_string);
        Told { more: self.more(), stopped }.serialize(out)
    }
}

impl<R: 'static> Rows<R> {
    /// These, and no others; `more` says whether the list is cut.
    pub fn all(rows: Vec<R>, more: bool) -> Self {
        let ending = ListEnd::default();
        ending.0.0.set(more);
        let (first, next) = (RefCell::new(rows), RefCell::default());
        Self { first, next, ending, interrupt: Interrupt::default() }
    }

    /// The same rows, which end where somebody asks to stop.
    pub fn until(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: interrupt.clone(), ..self }
    }

    /// The rows of `inputs`, which `make` makes of some of them at a time; the first by
    /// `make_first`, which has seen nothing before.
    ///
    /// # Errors
    /// Those of making the first.
    pub fn of<I: 'static>(
        mut inputs: Vec<I>,
        more: bool,
        make_first: impl FnOnce(&[I]) -> Result<Vec<R>, CommandError>,
        later: impl FnOnce() -> Box<dyn FnMut(&[I]) -> Result<Vec<R>, CommandError>>,
    ) -> Result<Self, CommandError> {
        let first = inputs.len().min(SLOW_BATCH);
        let rows = Self::all(make_first(inputs.get(..first).unwrap_or_default())?, more);
        if first == inputs.len() {
            return Ok(rows);
        }
        let (mut make, mut at) = (later(), first);
        inputs.shrink_to_fit();
        let next = move || {
            let end = inputs.len().min(at.saturating_add(SLOW_BATCH));
            let batch = inputs.get(at..end).unwrap_or_default();
            at = end;
            make(batch)
        };
        Ok(Self { next: RefCell::new(Some(Box::new(next))), ..rows })
    }

    /// The rows of a span, in which `find` finds those of some times, at most as many as it is
    /// told; `tracepoint` tells when one is.
    ///
    /// # Errors
    /// Those of finding the first.
    pub fn found(
        span: Span,
        tracepoint: fn(&R) -> u64,
        find: impl FnMut(std::ops::Range<u64>, usize) -> Result<Vec<R>, CommandError> + 'static,
    ) -> Result<Self, CommandError> {
        Self::found_by(BATCH, span, tracepoint, find)
    }

    /// The same, `batch` rows at a time.
    ///
    /// # Errors
    /// Those of finding the first.
    pub fn found_by(
        batch: usize,
        span: Span,
        tracepoint: fn(&R) -> u64,
        find: impl FnMut(std::ops::Range<u64>, usize) -> Result<Vec<R>, CommandError> + 'static,
    ) -> Result<Self, CommandError> {
        let more = span.more;
        let mut found = Found { batch, span, tracepoint, find };
        Self::told(more, move || found.next())
    }

    /// The same, `batch` rows at a time, of rows that a thread finds while those before them are
    /// shown; `finder` makes there what finds them.
    ///
    /// # Errors
    /// Those of finding the first.
    pub fn found_ahead<F>(
        batch: usize,
        span: Span,
        tracepoint: fn(&R) -> u64,
        finder: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Self, CommandError>
    where
        R: Send,
        F: FnMut(std::ops::Range<u64>, usize) -> Result<Vec<R>, CommandError>,
    {
        let more = span.more;
        let ahead = Ahead::start(move || {
            let mut found = Found { batch, span, tracepoint, find: finder() };
            move || found.next()
        })?;
        Self::told(more, move || ahead.next())
    }

    /// Those of `batches`, which say whether more rows are left out behind theirs.
    fn told(
        more: bool,
        mut batches: impl FnMut() -> Result<(Vec<R>, bool), CommandError> + 'static,
    ) -> Result<Self, CommandError> {
        let ending = ListEnd::default();
        ending.0.0.set(more);
        let told = ending.clone();
        let mut next = move || {
            let (rows, more) = batches()?;
            if more {
                told.set_more();
            }
            Ok(rows)
        };
        let rows = Self { ending, ..Self::all(next()?, false) };
        Ok(Self { next: RefCell::new(Some(Box::new(next))), ..rows })
    }

    /// The first `left` of the rows that `part` makes, one part behind the other, until it makes
    /// none.
    ///
    /// # Errors
    /// Those of making the first.
    pub fn of_parts(
        mut left: usize,
        mut part: impl FnMut() -> Result<Option<Vec<R>>, CommandError> + 'static,
    ) -> Result<Self, CommandError> {
        let ending = ListEnd::default();
        let told = ending.clone();
        let mut next = move || {
            // More is looked for once all were given: nobody asks behind an empty part.
            while let Some(mut rows) = part()? {
                if rows.len() > left {
                    told.set_more();
                }
                rows.truncate(left);
                left -= rows.len();
                if !rows.is_empty() || told.more() {
                    return Ok(rows);
                }
            }
            Ok(Vec::new())
        };
        let rows = Self { ending, ..Self::all(next()?, false) };
        Ok(Self { next: RefCell::new(Some(Box::new(next))), ..rows })
    }

    /// The rows of a first batch: none if the list has none, or once they were gone over.
    pub fn first(&self) -> Ref<'_, [R]> {
        Ref::map(self.first.borrow(), Vec::as_slice)
    }

    /// How it ends.
    pub fn ending(&self) -> &ListEnd {
        &self.ending
    }

    /// Calls `visit` with the rows, some at a time, until it wants no more.
    pub fn each(&self, visit: &mut dyn FnMut(&[R]) -> bool) {
        let (mut rows, mut next) = (self.first.take(), self.next.take());
        loop {
            for some in rows.chunks(BETWEEN) {
                if let Err(error) = self.interrupt.check() {
                    return self.stop(error.into());
                }
                if !visit(some) {
                    return;
                }
            }
            // Not held while the next are made.
            drop(rows);
            rows = match next.as_mut().map(|next| next()) {
                Some(Ok(rows)) if !rows.is_empty() => rows,
                Some(Err(error)) => return self.stop(error),
                _ => return,
            };
        }
    }

    /// Ends the list, and says why; of what follows, nothing is known.
    fn stop(&self, error: CommandError) {
        self.ending.set_more();
        self.ending.0.1.replace(Some(error));
    }
}

/// Finds the rows of a span.
struct Found<R, F> {
    batch: usize,
    span: Span,
    tracepoint: fn(&R) -> u64,
    find: F,
}

impl<R, F: FnMut(std::ops::Range<u64>, usize) -> Result<Vec<R>, CommandError>> Found<R, F> {
    /// The next rows, none behind the last; and whether there are some behind those asked for.
    fn next(&mut self) -> Result<(Vec<R>, bool), CommandError> {
        let Span { times, left, .. } = &mut self.span;
        let most = self.batch.min(*left);
        if most == 0 || times.is_empty() {
            return Ok((Vec::new(), false));
        }
        // One more tells whether there are more.
        let mut rows = (self.find)(times.clone(), most + 1)?;
        let beyond = rows.len() > most;
        rows.truncate(most);
        *left -= rows.len();
        times.start = match rows.last() {
            Some(last) if beyond => (self.tracepoint)(last).saturating_add(1),
            _ => times.end,
        };
        Ok((rows, beyond && *left == 0))
    }
}

impl<R: Serialize + 'static> Serialize for Rows<R> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut list = out.serialize_seq(None)?;
        let mut failed = None;
        self.each(&mut |rows| {
            failed = rows.iter().try_for_each(|row| list.serialize_element(row)).err();
            failed.is_none()
        });
        match failed {
            Some(error) => Err(S::Error::custom(error)),
            None => list.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::StateError;

    fn collected(rows: &Rows<u64>) -> (Vec<u64>, bool) {
        let mut all = Vec::new();
        rows.each(&mut |some| {
            all.extend_from_slice(some);
            true
        });
        (all, rows.ending().more())
    }

    fn numbers(left: usize, end: u64) -> Result<Rows<u64>, CommandError> {
        let span = Span { times: 0..end, left, more: false };
        Rows::found(span, |t| *t, |times, most| Ok(times.take(most).collect()))
    }

    #[test]
    fn batches_join_and_end_where_asked() {
        let many = BATCH as u64 * 2 + 5;
        for (left, end) in [(0, 9), (3, 9), (9, 9), (10, 9), (BATCH * 2, many), (BATCH * 3, many)] {
            let shown = (left as u64).min(end);
            let expected = ((0..shown).collect(), left > 0 && shown < end);
            assert_eq!(collected(&numbers(left, end).unwrap()), expected, "{left} of {end}");
        }
    }

    #[test]
    fn parts_join_and_end_where_asked() {
        let parts = |left| {
            let mut parts = [vec![], vec![1, 2], vec![], vec![3], vec![4, 5]].into_iter();
            collected(&Rows::of_parts(left, move || Ok(parts.next())).unwrap())
        };
        for left in 1..5 {
            assert_eq!(parts(left), ((1..=left as u64).collect(), true), "{left}");
        }
        assert_eq!(parts(5), (vec![1, 2, 3, 4, 5], false));
        assert_eq!(parts(9), (vec![1, 2, 3, 4, 5], false));
    }

    #[test]
    fn a_list_ends_soon_when_somebody_asks_to_stop() {
        let interrupt = Interrupt::default();
        let rows = numbers(BATCH * 2, BATCH as u64 * 2).unwrap().until(&interrupt);
        let mut count = 0;
        rows.each(&mut |some| {
            count += some.len();
            interrupt.raise();
            true
        });
        assert_eq!(count, BETWEEN);
        assert!(rows.ending().more());
        let stopped = rows.ending().stopped().unwrap();
        assert!(matches!(stopped, CommandError::State(StateError::Interrupted)), "{stopped}");
    }

    #[test]
    fn what_stops_a_list_is_told_behind_its_rows() {
        let span = Span { times: 0..u64::MAX, left: usize::MAX, more: false };
        let rows = Rows::found(
            span,
            |t| *t,
            |times, most| match times.start {
                0 => Ok(times.take(most).collect()),
                _ => Err(CommandError::Other("stopped".to_owned())),
            },
        );
        let rows = rows.unwrap();
        assert_eq!(collected(&rows).0.len(), BATCH);
        assert!(rows.ending().more());
        let told = serde_json::to_string(rows.ending()).unwrap();
        assert_eq!(told, r#"{"more":true,"stopped":"stopped"}"#);
        assert_eq!(rows.ending().stopped().unwrap().to_string(), "stopped");
    }
}
