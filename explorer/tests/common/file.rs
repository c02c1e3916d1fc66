//! Writing a program's recording.

use super::program::Program;
use rdb_schema::container::{Encoded, FrameKind, Writer};
use rdb_schema::header::{Header, Module};
use rdb_schema::message::{
    Footer, encode_blocks, encode_chunk, encode_events, encode_footer, encode_header, encode_index,
    encode_module, encode_pages,
};
use rdb_schema::pages::{PageIndex, PageVersion, Pages};
use std::path::{Path, PathBuf};

/// How a trace ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Indexed,
    Sealed,
    Cut,
}

pub struct File {
    writer: Writer,
    versions: Vec<PageVersion>,
}

impl File {
    pub fn create(path: &Path) -> Self {
        let writer = Writer::new(std::fs::File::create(path).unwrap()).unwrap();
        Self { writer, versions: Vec::new() }
    }

    pub fn frame(&mut self, kind: FrameKind, first: u64, count: u64, message: &[u8]) -> u32 {
        self.writer.append(&Encoded::new(kind, 1, (first, count), message, 1).unwrap()).unwrap()
    }

    pub fn pages(&mut self, pages: &Pages) {
        let count = pages.numbers.len() as u64;
        let frame = self.frame(FrameKind::Pages, pages.state, count, &encode_pages(pages));
        let version = |(slot, page): (usize, &u64)| PageVersion {
            page: *page,
            state: pages.state,
            frame,
            slot: slot as u32,
        };
        self.versions.extend(pages.numbers.iter().enumerate().map(version));
    }

    pub fn header(&mut self) {
        let header = Header { recorder: "synthetic".into(), ..Header::default() };
        self.frame(FrameKind::Header, 0, 1, &encode_header(&header));
    }

    pub fn end(mut self, tracepoints: u64, exit: rdb_schema::event::Exit, ending: Ending) {
        if ending == Ending::Cut {
            return;
        }
        if ending == Ending::Indexed {
            let index = PageIndex::new(std::mem::take(&mut self.versions));
            let count = index.pages.len() as u64;
            self.frame(FrameKind::Index, 0, count, &encode_index(&index));
        }
        let frames = self.writer.frames().len() as u32;
        let footer = encode_footer(&Footer { tracepoints, exit, frames, stepped: Vec::new() });
        let footer = Encoded::new(FrameKind::Footer, 1, (0, 0), &footer, 1).unwrap();
        self.writer.seal(&footer).unwrap();
    }
}

impl Program {
    pub fn write(&self, path: &Path, ending: Ending) {
        let mut file = File::create(path);
        file.header();
        let module = Module {
            index: 0,
            path: b"/bin/synthetic".to_vec(),
            build_id: vec![1, 2, 3],
            size: self.module.len() as u64,
            ..Module::default()
        };
        file.frame(FrameKind::Module, 0, 1, &encode_module(&module));
        file.frame(FrameKind::File, 0, 1, &self.module);
        file.pages(&self.first_pages);
        let mut known = 0;
        for one in &self.chunks {
            let new = &self.dictionary.since(known)[..one.blocks - known];
            if !new.is_empty() {
                let message = encode_blocks(known as u32, new);
                file.frame(FrameKind::Blocks, known as u64, new.len() as u64, &message);
            }
            known = one.blocks;
            let chunk = &one.chunk;
            if !chunk.events.is_empty() {
                let message = encode_events(&chunk.events);
                file.frame(FrameKind::Events, chunk.first, chunk.count, &message);
            }
            one.pages.iter().filter(|p| !p.numbers.is_empty()).for_each(|p| file.pages(p));
            let message = encode_chunk(chunk, &one.state, &self.dictionary).unwrap();
            file.frame(FrameKind::Chunk, chunk.first, chunk.count, &message);
        }
        file.end(self.end(), self.exit, ending);
    }

    /// Writes it to a file of its own.
    pub fn written(&self, ending: Ending) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("synthetic.trace");
        self.write(&path, ending);
        (directory, path)
    }
}
