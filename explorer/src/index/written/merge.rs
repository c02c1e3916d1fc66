//! Several sources of written pages, oldest first, made into one.

use super::blob::{Blob, Maker};
use super::overlay::{Overlay, runs};
use crate::index::leaf::Piece;
use crate::index::parts::Appender;
use std::io;

/// Bytes of a part, about.
const PART: usize = 1 << 16;

/// Pages by ascending number, blob after blob.
pub struct Stream<'a> {
    more: Box<dyn FnMut() -> io::Result<Option<Vec<u8>>> + 'a>,
    blob: Vec<u8>,
    at: usize,
}

impl<'a> Stream<'a> {
    /// Of one blob.
    pub fn of_blob(blob: Vec<u8>) -> Self {
        Self { more: Box::new(|| Ok(None)), blob, at: 0 }
    }

    /// Of the pieces in `file`, each read when its turn comes.
    pub fn of_pieces(pieces: &'a [Piece], file: &'a Appender) -> Self {
        let mut pieces = pieces.iter();
        let more = move || pieces.next().map(|piece| file.read_back(&piece.place)).transpose();
        Self { more: Box::new(more), blob: Vec::new(), at: 0 }
    }

    fn current(&self) -> Blob<'_> {
        Blob::new(&self.blob).unwrap_or_default()
    }

    /// The next page, if there is one.
    fn page(&mut self) -> io::Result<Option<u64>> {
        loop {
            if let Some(page) = self.current().page(self.at) {
                return Ok(Some(page));
            }
            let Some(blob) = (self.more)()? else { return Ok(None) };
            (self.blob, self.at) = (blob, 0);
        }
    }

    /// Puts what is written to the next page over `overlay`, and goes on behind it.
    fn take(&mut self, overlay: &mut Overlay) {
        runs(self.current().data(self.at)).for_each(|(offset, bytes)| overlay.put(offset, bytes));
        self.at += 1;
    }
}

/// Appends the pages of all `streams` to `file`; newer bytes cover older ones.
///
/// # Errors
/// The file's.
pub fn merge(streams: &mut [Stream], file: &Appender) -> io::Result<Vec<Piece>> {
    let (mut pieces, mut maker) = (Vec::new(), Maker::default());
    let mut overlay = Overlay::default();
    loop {
        let heads = streams.iter_mut().map(Stream::page).collect::<io::Result<Vec<_>>>()?;
        let Some(page) = heads.iter().copied().flatten().min() else { break };
        overlay.clear();
        let own = streams.iter_mut().zip(&heads).filter(|(_, head)| **head == Some(page));
        own.for_each(|(stream, _)| stream.take(&mut overlay));
        maker.push(page, |out| overlay.encode(out));
        if maker.bytes() >= PART {
            pieces.extend(append(std::mem::take(&mut maker), file)?);
        }
    }
    pieces.extend(append(maker, file)?);
    Ok(pieces)
}

/// Appends the pages collected, if there are some.
fn append(maker: Maker, file: &Appender) -> io::Result<Option<Piece>> {
    let Some((first, last)) = maker.ends() else { return Ok(None) };
    Ok(Some(Piece { first, last, place: file.append(&maker.finish())? }))
}
