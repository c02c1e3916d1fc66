//! A small hand-made recording: a write, a counting loop, and a crash or exit.
//!
//! ```text
//! 0x401000  mov eax, 1      t 0
//! 0x401005  syscall         t 1    write(1, 0x402000, 3)
//! 0x401007  inc rbx         t 2, 4, 6
//! 0x40100a  jmp 0x401007    t 3, 5
//! 0x40100c  mov [0], eax    t 7    faults, when it is to crash
//! ```

use rdb_schema::block::Block;
use rdb_schema::chunk::{BlockRows, Chunk, Cut, Dictionary, Execution};
use rdb_schema::container::{Encoded, FrameKind, Writer};
use rdb_schema::effects::{Effect, Effects, Kind, Source};
use rdb_schema::event::{Disposition, Event, EventKind, Exit, ProcessStart, Signal, Syscall};
use rdb_schema::header::{Header, Host};
use rdb_schema::message::{
    ChunkState, Footer, encode_blocks, encode_chunk, encode_events, encode_footer, encode_header,
    encode_pages,
};
use rdb_schema::pages::Pages;
use rdb_schema::registers::{Gpr, Registers};
use rdb_schema::space::{AddressSpace, Base, Mapping, PROT_EXEC, PROT_READ};
use rdb_schema::system::SystemState;
use std::fs::File;
use std::path::Path;

const CODE: u64 = 0x40_1000;
const DATA: u64 = 0x40_2000;
const INSTRUCTIONS: [&[u8]; 5] = [
    &[0xb8, 1, 0, 0, 0],
    &[0x0f, 0x05],
    &[0x48, 0xff, 0xc3],
    &[0xeb, 0xfb],
    &[0x89, 0x04, 0x25, 0, 0, 0, 0],
];
/// Which instruction each tracepoint executes.
const PATH: [u32; 8] = [0, 1, 2, 3, 2, 3, 2, 4];
const END: u64 = 8;

/// How the program ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Crash,
    Exit,
}

fn mapping(start: u64, protection: u8) -> Mapping {
    Mapping {
        start,
        end: start + 0x1000,
        protection,
        flags: 2,
        file_offset: 0,
        device: 0,
        inode: 0,
        name: b"[made]".to_vec(),
        advice: Vec::new(),
        since: 0,
        base: Base::Zero,
        key: 0,
    }
}

fn gpr(register: Gpr) -> Vec<Effect> {
    vec![Effect::Gpr { register, source: Source::Logged }]
}

fn dictionary() -> Dictionary {
    let mut dictionary = Dictionary::default();
    let mut address = CODE;
    for (index, code) in INSTRUCTIONS.iter().enumerate() {
        let (kind, list) = match index {
            0 => (Kind::Plain, gpr(Gpr::RAX)),
            1 => (Kind::Syscall, gpr(Gpr::RAX)),
            2 => (Kind::Plain, gpr(Gpr::RBX)),
            _ => (Kind::Plain, Vec::new()),
        };
        let mut block = Block::new(address);
        block.push(code, &Effects { kind, list, bulk: None });
        dictionary.push(block);
        address += code.len() as u64;
    }
    dictionary
}

fn rows() -> Vec<BlockRows> {
    let words = |id, values: &[u64]| BlockRows {
        id,
        rows: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    vec![words(0, &[1]), words(1, &[3]), words(2, &[1, 2, 3]), words(3, &[]), words(4, &[])]
}

fn path() -> Vec<Execution> {
    let mut seen = [0; INSTRUCTIONS.len()];
    let execution = |(start, block): (usize, &u32)| {
        let row = seen[*block as usize];
        seen[*block as usize] += 1;
        Execution { block: *block, row, start: start as u32 }
    };
    PATH.iter().enumerate().map(execution).collect()
}

fn events(ending: Ending) -> Vec<Event> {
    let write = Syscall {
        number: 1,
        arguments: [1, DATA, 3, 0, 0, 0],
        result: 3,
        known: true,
        restarted: false,
        finished: true,
    };
    let mut events = vec![Event::new(1, 7, EventKind::Syscall(write))];
    let last = match ending {
        Ending::Exit => EventKind::Exit(Exit::Status(3)),
        Ending::Crash => {
            let mut info = vec![0; 128];
            info[0] = 11;
            info[8] = 1;
            let (fault, disposition) = (true, Disposition::Fatal);
            EventKind::Signal(Signal { number: 11, info, fault, disposition })
        }
    };
    events.push(Event::new(END - 1, 7, last));
    events
}

fn chunk(ending: Ending) -> Chunk {
    let mut keyframe = Registers { rip: CODE, ..Registers::default() };
    keyframe.gpr[Gpr::RSP.index()] = 0x7fff_0000;
    let crash = ending == Ending::Crash;
    Chunk {
        first: 0,
        count: END,
        thread: 7,
        keyframe,
        end_pc: if crash { CODE + 12 } else { CODE + 19 },
        blocks: rows(),
        path: path(),
        cuts: if crash {
            vec![Cut { execution: 7, tracepoints: 1, faulted: true }]
        } else {
            vec![]
        },
        bulk: Vec::new(),
        events: events(ending),
    }
}

fn pages() -> Pages {
    let mut pages = Pages::new(0);
    let mut page = [0; 4096];
    let code = INSTRUCTIONS.concat();
    page[..code.len()].copy_from_slice(&code);
    pages.push(CODE / 4096, &page);
    let mut page = [0; 4096];
    page[..3].copy_from_slice(b"hi\n");
    pages.push(DATA / 4096, &page);
    pages
}

fn header() -> Header {
    let start = ProcessStart {
        process: 7,
        executable: b"/made/by/hand".to_vec(),
        arguments: vec![b"hand".to_vec()],
        ..ProcessStart::default()
    };
    let host = Host { xcr0: 7, ..Host::default() };
    Header { recorder: "a test".into(), engine: "none".into(), start, host, ..Header::default() }
}

/// Writes the recording to `path`.
pub fn write(path: &Path, ending: Ending) {
    let mut writer = Writer::new(File::create(path).unwrap()).unwrap();
    let mut frame = |kind, count, message: &[u8]| {
        writer.append(&Encoded::new(kind, 7, (0, count), message, 1).unwrap()).unwrap();
    };
    let (dictionary, chunk) = (dictionary(), chunk(ending));
    let space = AddressSpace::new([mapping(CODE, PROT_READ | PROT_EXEC), mapping(DATA, PROT_READ)]);
    let state = ChunkState { space, system: SystemState::default(), versioned: 0 };
    frame(FrameKind::Header, 1, &encode_header(&header()));
    frame(FrameKind::Pages, 2, &encode_pages(&pages()));
    frame(FrameKind::Blocks, 5, &encode_blocks(0, dictionary.since(0)));
    frame(FrameKind::Events, END, &encode_events(&chunk.events));
    frame(FrameKind::Chunk, END, &encode_chunk(&chunk, &state, &dictionary).unwrap());
    let exit = match ending {
        Ending::Crash => Exit::Signal(11),
        Ending::Exit => Exit::Status(3),
    };
    let frames = writer.frames().len() as u32;
    let footer = encode_footer(&Footer { tracepoints: END, exit, frames, stepped: Vec::new() });
    writer.seal(&Encoded::new(FrameKind::Footer, 7, (0, 0), &footer, 1).unwrap()).unwrap();
}
