//! Batches that a thread makes while those before them are shown.

use super::CommandError;
use std::cell::Cell;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// The rows of a batch, none behind the last; and whether there are more than all of them.
type Batch<R> = Result<(Vec<R>, bool), CommandError>;

/// Gives what a thread makes; the thread is one batch ahead, and ends with this.
pub(super) struct Ahead<R> {
    /// Until the last batch has come, or an error.
    batches: Cell<Option<Receiver<Batch<R>>>>,
    thread: Option<JoinHandle<()>>,
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
        let thread = thread.map_err(|error| CommandError::Other(error.to_string()))?;
        Ok(Self { batches: Cell::new(Some(batches)), thread: Some(thread) })
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

impl<R> Drop for Ahead<R> {
    fn drop(&mut self) {
        self.batches.set(None);
        if let Some(thread) = self.thread.take() {
            // What it failed of, if it did, was told by an answer that is missing.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Batches of one number, the last of which is 4.
    fn counted(made: Arc<AtomicUsize>) -> Ahead<usize> {
        let maker = move || {
            move || match made.fetch_add(1, Ordering::SeqCst) {
                number @ ..5 => Ok((vec![number], false)),
                _ => Ok((Vec::new(), true)),
            }
        };
        Ahead::start(maker).unwrap()
    }

    #[test]
    fn batches_come_in_order_to_the_end() {
        let ahead = counted(Arc::default());
        let batches: Vec<_> = (0..6).map(|_| ahead.next().unwrap()).collect();
        let all: Vec<usize> = batches.iter().flat_map(|(rows, _)| rows.clone()).collect();
        assert_eq!(all, [0, 1, 2, 3, 4]);
        assert!(batches.last().unwrap().1);
        assert!(ahead.next().is_ok_and(|(rows, _)| rows.is_empty()));
    }

    #[test]
    fn nothing_is_made_once_nobody_wants_it() {
        let made = Arc::new(AtomicUsize::new(0));
        let ahead = counted(Arc::clone(&made));
        ahead.next().unwrap();
        drop(ahead);
        assert!((1..=3).contains(&made.load(Ordering::SeqCst)));
    }

    #[test]
    fn errors_are_given_on() {
        let failing = || || -> Batch<u8> { Err(CommandError::Other("no".to_owned())) };
        assert!(
            Ahead::start(failing).unwrap().next().is_err_and(|error| error.to_string() == "no")
        );
    }
}
