//! Where the versions of pages are: the recorder's index, or one made here.

use rayon::prelude::*;
use rdb_schema::container::Frame;
use rdb_schema::message::{decode_index, decode_page_numbers};
use rdb_schema::pages::{PageIndex, PageVersion};

/// The index in `frame`; `None` if it cannot be read.
pub fn read(file: &[u8], frame: &Frame) -> Option<PageIndex> {
    let index = decode_index(&frame.payload(file).ok()?).ok()?;
    Some(if in_file_order(&index) { index } else { sorted(&index) })
}

/// Of versions of one page at one state the last in the file counts, so they
/// must stand in that order.
fn in_file_order(index: &PageIndex) -> bool {
    let rows = index.pages.iter().zip(&index.states).zip(&index.frames);
    rows.is_sorted()
}

fn sorted(index: &PageIndex) -> PageIndex {
    let keys = index.pages.iter().zip(&index.states);
    let places = index.frames.iter().zip(&index.slots);
    let version = |((page, state), (frame, slot)): ((&u64, &u64), (&u32, &u32))| PageVersion {
        page: *page,
        state: *state,
        frame: *frame,
        slot: *slot,
    };
    PageIndex::new(keys.zip(places).map(version).collect())
}

/// An index of the Pages frames `pages` (indexes into `frames`).
///
/// # Errors
/// The first of them that cannot be read.
pub fn rebuild(file: &[u8], frames: &[Frame], pages: &[usize]) -> Result<PageIndex, usize> {
    let one =
        |&index: &usize| frames.get(index).and_then(|f| versions(file, f, index)).ok_or(index);
    let lists: Vec<Result<Vec<PageVersion>, usize>> = pages.par_iter().map(one).collect();
    let mut all = Vec::new();
    for list in lists {
        all.extend(list?);
    }
    Ok(PageIndex::new(all))
}

fn versions(file: &[u8], frame: &Frame, index: usize) -> Option<Vec<PageVersion>> {
    let (state, numbers) = decode_page_numbers(&frame.payload(file).ok()?).ok()?;
    let frame = u32::try_from(index).ok()?;
    let version =
        |(slot, page)| Some(PageVersion { page, state, frame, slot: u32::try_from(slot).ok()? });
    numbers.into_iter().enumerate().map(version).collect()
}
