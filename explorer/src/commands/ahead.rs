//! Batches that a thread makes while those before them are shown.

use super::CommandError;
use std::cell::Cell;
use std::sync::mpsc::{Receiver, sync_channel};

/// The rows of a batch, none behind the last; and whether there are more than all of them.
type Batch<R> = Result<(Vec<R>, bool), CommandError>;

/// Gives what a thread makes. The thread is one batch ahead; once this is dropped, it makes no
/// further one, but nobody waits for the one it is at.
pub(super) struct Ahead<R> {
    /// Until the last batch has come, or an error.
    batches: Cell<Option<Receiver<Batch<R>>>>,
}

impl<R: Send + 'static> Ahead<R> {
    /// Starts the thread, in which `maker` makes what makes the batches.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start<M: FnMut() -> Batch<R>>(
        maker: impl FnOnce() -> M + Send + 'static,
    ) -> Result<Self, CommandError> {
        // None waits but the one that is made.
        let (give, batches) = sync_channel(0);
        let run = move || {
            let mut make = maker();
            loop {
                let batch = make();
                let is_last = !batch.as_ref().is_ok_and(|(rows, _)| !rows.is_empty());
                // Nobody takes it once nobody wants more.
                if give.send(batch).is_err() || is_last {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("ahead".to_owned()).spawn(run);
        thread.map_err(|error| CommandError::Other(error.to_string()))?;
        Ok(Self { batches: Cell::new(Some(batches)) })
    }

    /// The next batch; behind the last, one without rows.
    ///
    /// # Errors
    /// Those of making it; the thread has failed.
    pub fn next(&self) -> Batch<R> {
        let Some(batches) = self.batches.take() else { return Ok((Vec::new(), false)) };
        let failed = |_| CommandError::Other("a thread failed".to_owned());
        let (rows, more) = batches.recv().map_err(failed)??;
        if !rows.is_empty() {
            self.batches.set(Some(batches));
        }
        Ok((rows, more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    /// Batches of one number, the last of which is 4; `made` is told of each.
    fn counted(made: Sender<usize>) -> Ahead<usize> {
        let maker = move || {
            let mut numbers = 0..;
            move || {
                let number = numbers.next().unwrap_or_default();
                made.send(number).unwrap();
                let rows = if number < 5 { vec![number] } else { Vec::new() };
                Ok((rows, number == 5))
            }
        };
        Ahead::start(maker).unwrap()
    }

    #[test]
    fn batches_come_in_order_to_the_end() {
        let (made, _all) = channel();
        let ahead = counted(made);
        let batches: Vec<_> = (0..6).map(|_| ahead.next().unwrap()).collect();
        let all: Vec<usize> = batches.iter().flat_map(|(rows, _)| rows.clone()).collect();
        assert_eq!(all, [0, 1, 2, 3, 4]);
        assert!(batches.last().unwrap().1);
        assert!(ahead.next().is_ok_and(|(rows, _)| rows.is_empty()));
    }

    #[test]
    fn nothing_is_made_once_nobody_wants_it() {
        let (made, all) = channel();
        let ahead = counted(made);
        ahead.next().unwrap();
        drop(ahead);
        // Until the thread has ended.
        assert!(all.iter().count() <= 2);
    }

    #[test]
    fn errors_are_given_on() {
        let failing = || || -> Batch<u8> { Err(CommandError::Other("no".to_owned())) };
        let ahead = Ahead::start(failing).unwrap();
        assert!(ahead.next().is_err_and(|error| error.to_string() == "no"));
        assert!(ahead.next().is_ok_and(|(rows, _)| rows.is_empty()));
    }
}
