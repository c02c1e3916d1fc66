//! Pages of a stopped program's code that are read once for many blocks.

use crate::tracee::Memory;
use rdb_schema::space::PAGE;

const BYTES: usize = PAGE as usize;

/// Most pages held.
const MOST: usize = 16;

/// Holds pages from [`Self::begin`] to [`Self::end`]; nothing may change them in
/// between. Otherwise every read is the program's memory as it is.
#[derive(Default)]
pub struct HeldPages {
    holding: bool,
    pages: Vec<(u64, Box<[u8; BYTES]>)>,
}

impl HeldPages {
    /// From now on pages are held.
    pub fn begin(&mut self) {
        self.holding = true;
    }

    /// Lets all pages go.
    pub fn end(&mut self) {
        self.holding = false;
        self.pages.clear();
    }

    /// Reads as much of `bytes` as is readable from `address` on; bytes read.
    pub fn read_some(&mut self, address: u64, memory: &Memory, bytes: &mut [u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u64);
            let Some(page) = self.page(at / PAGE, memory) else { break };
            let from = &page[(at % PAGE) as usize..];
            let count = from.len().min(bytes.len() - done);
            bytes[done..done + count].copy_from_slice(&from[..count]);
            done += count;
        }
        if done == 0 { memory.read_some(address, bytes) } else { done }
    }

    fn page(&mut self, number: u64, memory: &Memory) -> Option<&[u8; BYTES]> {
        if !self.holding {
            return None;
        }
        let found = self.pages.iter().position(|(n, _)| *n == number);
        let index = match found {
            Some(index) => index,
            None => {
                let mut page = Box::new([0; BYTES]);
                let whole = memory.read_some(number * PAGE, &mut page[..]) == BYTES;
                if !whole {
                    return None;
                }
                if self.pages.len() == MOST {
                    self.pages.clear();
                }
                self.pages.push((number, page));
                self.pages.len() - 1
            }
        };
        self.pages.get(index).map(|(_, page)| &**page)
    }
}
