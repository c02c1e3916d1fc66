//! Chunks of both recordings, each decoded by a thread of its own, one ahead.

use crate::timeline::{StateError, Timeline};
use rdb_schema::chunk::Chunk;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The chunks of a recording in order; ends with the last, or with an error.
pub type Chunks = Receiver<Result<Chunk, StateError>>;

/// Runs `body` with the chunks of both.
pub fn with_chunks<T>(
    left: &Timeline,
    right: &Timeline,
    body: impl FnOnce(Chunks, Chunks) -> T,
) -> T {
    std::thread::scope(|scope| {
        let start = |timeline| {
            let (sender, receiver) = sync_channel(0);
            scope.spawn(move || send(timeline, &sender));
            receiver
        };
        body(start(left), start(right))
    })
}

/// Sends until the end, or until nobody listens.
fn send(timeline: &Timeline, to: &SyncSender<Result<Chunk, StateError>>) {
    for index in 0..timeline.chunk_count() {
        let chunk = timeline.chunk(index);
        let failed = chunk.is_err();
        if to.send(chunk).is_err() || failed {
            return;
        }
    }
}
