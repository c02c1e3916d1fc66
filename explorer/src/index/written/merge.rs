//! Several sources of written pages, oldest first, made into one.

use super::blob::{Blob, Maker};
use super::overlay::{Overlay, is_whole, runs};
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
    /// The next page, if there is one.
    page: Option<u64>,
}

impl<'a> Stream<'a> {
    /// Of one blob.
    pub fn of_blob(blob: Vec<u8>) -> Self {
        let page = Blob::new(&blob).and_then(|blob| blob.page(0));
        Self { more: Box::new(|| Ok(None)), blob, at: 0, page }
    }

    /// Of the pieces in `file`, each read when its turn comes.
    ///
    /// # Errors
    /// The file's.
    pub fn of_pieces(pieces: &'a [Piece], file: &'a Appender) -> io::Result<Self> {
        let mut pieces = pieces.iter();
        let more = move || pieces.next().map(|piece| file.read_back(&piece.place)).transpose();
        let mut stream = Self { more: Box::new(more), blob: Vec::new(), at: 0, page: None };
        stream.find()?;
        Ok(stream)
    }

    fn current(&self) -> Blob<'_> {
        Blob::new(&self.blob).unwrap_or_default()
    }

    /// Finds the next page.
    fn find(&mut self) -> io::Result<()> {
        loop {
            self.page = self.current().page(self.at);
            if self.page.is_some() {
                return Ok(());
            }
            let Some(blob) = (self.more)()? else { return Ok(()) };
            (self.blob, self.at) = (blob, 0);
        }
    }

    /// What is written to the next page.
    fn data(&self) -> &[u8] {
        self.current().data(self.at)
    }

    /// Goes on behind the next page.
    fn pass(&mut self) -> io::Result<()> {
        self.at += 1;
        self.find()
    }
}

/// Appends the pages of all `streams` to `file`; newer bytes cover older ones.
///
/// # Errors
/// The file's.
pub fn merge(streams: &mut [Stream], file: &Appender) -> io::Result<Vec<Piece>> {
    let (mut pieces, mut maker) = (Vec::new(), Maker::default());
    let mut overlay = Overlay::default();
    while let Some(page) = streams.iter().filter_map(|stream| stream.page).min() {
        let own = || streams.iter().filter(|stream| stream.page == Some(page)).map(Stream::data);
        // Nothing shows through the newest that is whole.
        let hidden =
            own().enumerate().filter(|(_, data)| is_whole(data)).last().map_or(0, |(at, _)| at);
        maker.push(page, |out| put_together(own().skip(hidden), &mut overlay, out));
        let mut own = streams.iter_mut().filter(|stream| stream.page == Some(page));
        own.try_for_each(Stream::pass)?;
        if maker.bytes() >= PART {
            pieces.extend(append(std::mem::take(&mut maker), file)?);
        }
    }
    pieces.extend(append(maker, file)?);
    Ok(pieces)
}

/// Appends the runs of one page from several `sources`, oldest first.
fn put_together<'a>(
    mut sources: impl Iterator<Item = &'a [u8]>,
    overlay: &mut Overlay,
    out: &mut Vec<u8>,
) {
    let Some(oldest) = sources.next() else { return };
    let Some(second) = sources.next() else { return out.extend_from_slice(oldest) };
    overlay.clear();
    let all = [oldest, second].into_iter().chain(sources);
    all.flat_map(runs).for_each(|(offset, bytes)| overlay.put(offset, bytes));
    overlay.encode(out);
}

/// Appends the pages collected, if there are some.
fn append(maker: Maker, file: &Appender) -> io::Result<Option<Piece>> {
    let Some((first, last)) = maker.ends() else { return Ok(None) };
    Ok(Some(Piece { first, last, place: file.append(&maker.finish())? }))
}

#[cfg(test)]
mod tests {
    use super::super::Collector;
    use super::*;
    use proptest::prelude::*;
    use rdb_schema::space::PAGE;
    use std::collections::BTreeMap;

    /// A store: page, offset, value of its bytes, how many; or a whole page.
    fn store() -> impl Strategy<Value = (u64, u64, u8, usize)> {
        let some = (0u64..4, 0..PAGE, any::<u8>(), 1usize..40);
        let whole =
            (0u64..4, any::<u8>()).prop_map(|(page, value)| (page, 0, value, PAGE as usize));
        prop_oneof![some, whole]
    }

    proptest! {
        #[test]
        fn the_newest_bytes_of_all_streams_are_kept(
            streams in prop::collection::vec(prop::collection::vec(store(), 0..6), 0..5),
        ) {
            let file = tempfile::tempfile().unwrap();
            let file = Appender::new(&file, 0);
            let mut expected = BTreeMap::new();
            let mut collected: Vec<Stream> = Vec::new();
            for stores in &streams {
                let mut collector = Collector::new();
                for (page, offset, value, count) in stores {
                    let address = page * PAGE + offset;
                    collector.put(address, &vec![*value; *count]);
                    expected.extend((address..address + *count as u64).map(|at| (at, *value)));
                }
                collected.extend(collector.finish());
            }
            let mut found = BTreeMap::new();
            let pieces = merge(&mut collected, &file).unwrap();
            let mut stream = Stream::of_pieces(&pieces, &file).unwrap();
            while let Some(page) = stream.page {
                for (offset, bytes) in runs(stream.data()) {
                    found.extend((page * PAGE + offset as u64..).zip(bytes.iter().copied()));
                }
                stream.pass().unwrap();
            }
            prop_assert_eq!(found, expected);
        }
    }
}
