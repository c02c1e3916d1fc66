//! A whole trace, written and read again: what goes in comes out, and a file cut
//! anywhere is read up to its last whole frame.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use iced_x86::Decoder;
use proptest::prelude::*;
use rdb_schema::block::{Block, Composition, Entry};
use rdb_schema::chunk::{BlockRows, Chunk, Cut, Dictionary, Execution, put_bulk};
use rdb_schema::container::{Directory, Encoded, FrameKind, Writer};
use rdb_schema::effects::effects;
use rdb_schema::event::{Disposition, Event, EventKind, Exit, ProcessStart, Signal, Syscall};
use rdb_schema::header::{Header, Module};
use rdb_schema::message::{self, ChunkState, Footer};
use rdb_schema::pages::{PageIndex, PageVersion, Pages};
use rdb_schema::registers::{RegisterPatch, Registers};
use rdb_schema::space::{AddressSpace, Base, Mapping, MappingChange};
use rdb_schema::system::SystemState;

/// Blocks whose rows hold values, stored bytes, bulk stores and nothing.
const CODE: [&[&[u8]]; 3] = [
    &[&[0x48, 0x8b, 0x06], &[0x48, 0x89, 0x07], &[0x90]], // mov rax, [rsi]; mov [rdi], rax; nop
    &[&[0xf3, 0xaa], &[0xc5, 0xfd, 0x6f, 0x06]],          // rep stosb; vmovdqa ymm0, [rsi]
    &[&[0xeb, 0xfe]],                                     // jmp to itself
];

fn dictionary() -> Dictionary {
    let mut dictionary = Dictionary::default();
    for (start, code) in (0x1000..).step_by(0x100).zip(CODE) {
        let mut block = Block::new(start);
        for bytes in code {
            let instruction = Decoder::with_ip(64, bytes, block.end(), 0).decode();
            block.push(bytes, &effects(&instruction));
        }
        dictionary.push(block);
    }
    for composition in [Composition::Joined(vec![0, 2, 0]), Composition::Prefix(3, 5)] {
        dictionary.add(Entry::Composed(composition)).unwrap();
    }
    dictionary
}

/// A chunk that executes these blocks, some cut short, with rows from `seed`.
fn chunk(first: u64, runs: &[(usize, bool)], seed: u8, dictionary: &Dictionary) -> Chunk {
    let mut chunk = Chunk { first, thread: 7, end_pc: 0x1000, ..Chunk::default() };
    chunk.keyframe = Registers { rip: 0x1000, ..Registers::default() };
    for (number, cut) in runs {
        let block = dictionary.get(*number as u32).unwrap();
        let known = chunk.blocks.iter().position(|b| b.id as usize == *number);
        let local = known.unwrap_or_else(|| {
            chunk.blocks.push(BlockRows { id: *number as u32, rows: Vec::new() });
            chunk.blocks.len() - 1
        });
        let row = chunk.path.iter().filter(|e| e.block as usize == local).count();
        let rows = &mut chunk.blocks[local].rows;
        rows.extend((0..block.row_bytes()).map(|i| seed.wrapping_mul(i as u8 ^ row as u8)));
        if *cut {
            let execution = chunk.path.len() as u32;
            chunk.cuts.push(Cut { execution, tracepoints: 1, faulted: true });
        }
        let start = chunk.count as u32;
        chunk.path.push(Execution { block: local as u32, row: row as u32, start });
        chunk.count += if *cut { 1 } else { block.instructions().len() as u64 };
    }
    put_bulk(&mut chunk.bulk, &[(0x7000, vec![seed; 40])]);
    chunk
}

fn mapping() -> impl Strategy<Value = Mapping> {
    let base = prop_oneof![
        Just(Base::Zero),
        any::<u32>().prop_map(Base::Module),
        Just(Base::Unreadable),
        any::<u64>().prop_map(Base::Moved),
    ];
    let bytes = prop::collection::vec(any::<u8>(), 0..20);
    (0u64..1 << 30, 1u64..100, 0u8..8, any::<[u32; 3]>(), any::<[u64; 4]>(), bytes, base).prop_map(
        |(page, count, protection, [flags, key, advice], numbers, name, base)| Mapping {
            start: page * 4096,
            end: (page + count) * 4096,
            protection,
            flags,
            file_offset: numbers[0],
            device: numbers[1],
            inode: numbers[2],
            name,
            advice: vec![advice],
            since: numbers[3],
            base,
            key,
        },
    )
}

fn change() -> impl Strategy<Value = MappingChange> {
    prop_oneof![
        mapping().prop_map(MappingChange::Map),
        mapping().prop_map(|m| MappingChange::Unmap { start: m.start, end: m.end }),
        mapping().prop_map(|Mapping { start, end, protection, key, .. }| {
            MappingChange::Protect { start, end, protection, key }
        }),
        mapping().prop_map(|Mapping { start, end, flags, .. }| {
            MappingChange::Advise { start, end, advice: flags }
        }),
        Just(MappingChange::Clear),
    ]
}

fn exit() -> impl Strategy<Value = Exit> {
    prop_oneof![
        any::<i32>().prop_map(Exit::Status),
        any::<u32>().prop_map(Exit::Signal),
        Just(Exit::Unknown),
    ]
}

fn start() -> impl Strategy<Value = ProcessStart> {
    let strings = || prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..4);
    (any::<[u32; 2]>(), strings(), strings(), any::<u64>()).prop_map(
        |([process, parent], arguments, environment, personality)| ProcessStart {
            process,
            parent,
            arguments,
            environment,
            personality,
            ..ProcessStart::default()
        },
    )
}

fn kind() -> impl Strategy<Value = EventKind> {
    let syscall = (any::<u64>(), any::<[u64; 6]>(), any::<i64>(), any::<[bool; 3]>()).prop_map(
        |(number, arguments, result, [known, restarted, finished])| {
            let syscall = Syscall { number, arguments, result, known, restarted, finished };
            EventKind::Syscall(syscall)
        },
    );
    let disposition = prop::sample::select(vec![
        Disposition::Ignored,
        Disposition::Handled,
        Disposition::Fatal,
        Disposition::Stopped,
    ]);
    let signal = (any::<u32>(), any::<u8>(), any::<bool>(), disposition).prop_map(
        |(number, byte, fault, disposition)| {
            EventKind::Signal(Signal { number, info: vec![byte; 128], fault, disposition })
        },
    );
    prop_oneof![
        syscall,
        signal,
        start().prop_map(|start| EventKind::Exec(Box::new(start))),
        exit().prop_map(EventKind::Exit),
        any::<u32>().prop_map(EventKind::ModuleLoad),
        ("[a-zä ]{0,9}", any::<u64>())
            .prop_map(|(detail, bytes)| EventKind::External { detail, bytes }),
        Just(EventKind::Opaque),
        Just(EventKind::Mapping),
        "[a-zä ]{0,9}".prop_map(EventKind::Gap),
        any::<u32>().prop_map(EventKind::ThreadStart),
        "[a-zä ]{0,9}".prop_map(EventKind::Notice),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..30);
    let memory = prop::collection::vec((any::<u64>(), bytes()), 0..4);
    let registers = prop::collection::vec((0u16..2000, bytes()), 0..4);
    let mappings = prop::collection::vec(change(), 0..4);
    (kind(), any::<u32>(), memory, registers, mappings).prop_map(
        |(kind, thread, memory, registers, mappings)| Event {
            tracepoint: 0,
            thread,
            registers: RegisterPatch(registers),
            memory,
            mappings,
            kind,
        },
    )
}

#[derive(Clone, Debug)]
struct Trace {
    header: Header,
    module: Module,
    pages: Pages,
    chunk: Chunk,
    state: ChunkState,
    index: PageIndex,
    footer: Footer,
}

fn trace() -> impl Strategy<Value = Trace> {
    let runs = prop::collection::vec((0..CODE.len(), any::<bool>()), 1..40);
    let origin = (start(), prop::collection::vec(any::<u8>(), 0..300), exit());
    let events = prop::collection::vec(event(), 0..12);
    (origin, runs, any::<u8>(), events, mapping(), 0u64..1 << 40).prop_map(
        |((start, bytes, exit), runs, seed, events, mapping, first)| {
            let mut chunk = chunk(first, &runs, seed, &dictionary());
            let places = 0u64..;
            chunk.events = places.zip(events).map(|(i, event)| at(event, &chunk, i)).collect();
            let mut pages = Pages::new(first);
            pages.push(mapping.start / 4096, &[seed; 4096]);
            let version =
                PageVersion { page: mapping.start / 4096, state: first, frame: 2, slot: 0 };
            let system = SystemState { umask: seed.into(), brk: first, ..Default::default() };
            Trace {
                header: Header { start, engine: "step".into(), ..Header::default() },
                module: Module {
                    index: 3,
                    path: b"/a".into(),
                    size: bytes.len() as u64,
                    ..Module::default()
                },
                state: ChunkState { space: AddressSpace::new([mapping]), system, versioned: 0 },
                pages,
                index: PageIndex::new(vec![version]),
                footer: Footer {
                    tracepoints: chunk.end(),
                    exit,
                    frames: 7,
                    stepped: vec![("popf".into(), 3)],
                },
                chunk,
            }
        },
    )
}

/// The event in the chunk, the later the larger `place`.
fn at(event: Event, chunk: &Chunk, place: u64) -> Event {
    Event { tracepoint: chunk.first + place.min(chunk.count - 1), ..event }
}

fn write(trace: &Trace) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = Writer::new(file.reopen().unwrap()).unwrap();
    let dictionary = dictionary();
    let frames = [
        (FrameKind::Header, message::encode_header(&trace.header)),
        (FrameKind::Module, message::encode_module(&trace.module)),
        (FrameKind::Pages, message::encode_pages(&trace.pages)),
        (FrameKind::Blocks, message::encode_blocks(0, dictionary.since(0))),
        (FrameKind::Events, message::encode_events(&trace.chunk.events)),
        (FrameKind::Chunk, message::encode_chunk(&trace.chunk, &trace.state, &dictionary).unwrap()),
        (FrameKind::Index, message::encode_index(&trace.index)),
    ];
    let frame = |kind, payload: &[u8]| Encoded::new(kind, 7, (1, 2), payload, 1).unwrap();
    for (kind, payload) in &frames {
        writer.append(&frame(*kind, payload)).unwrap();
    }
    writer.seal(&frame(FrameKind::Footer, &message::encode_footer(&trace.footer))).unwrap();
    std::fs::read(file.path()).unwrap()
}

fn check(trace: &Trace) {
    let file = write(trace);
    let directory = Directory::read(&file).unwrap();
    assert!(directory.sealed && directory.damage.is_none());
    let payload: Vec<_> = directory.frames.iter().map(|f| f.payload(&file).unwrap()).collect();
    assert_eq!(message::decode_header(&payload[0]).unwrap(), trace.header);
    assert_eq!(message::decode_module(&payload[1]).unwrap(), trace.module);
    assert_eq!(message::decode_pages(&payload[2]).unwrap(), trace.pages);
    let (first, blocks) = message::decode_blocks(&payload[3]).unwrap();
    assert_eq!(first, 0);
    let mut known = Dictionary::default();
    for block in blocks {
        known.add(block).unwrap();
    }
    assert_eq!(known.since(0), dictionary().since(0));
    let events = message::decode_events(&payload[4]).unwrap();
    let chunk = message::decode_chunk(&payload[5], events, &known).unwrap();
    assert_eq!(chunk, trace.chunk);
    assert_eq!(message::decode_chunk_state(&payload[5]).unwrap(), trace.state);
    assert_eq!(message::decode_index(&payload[6]).unwrap(), trace.index);
    assert_eq!(message::decode_footer(&payload[7]).unwrap(), trace.footer);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(trace in trace()) {
        check(&trace);
    }

    #[test]
    fn a_cut_file_reads_up_to_its_last_whole_frame(trace in trace(), at: prop::sample::Index) {
        let file = write(&trace);
        let whole = Directory::read(&file).unwrap();
        let length = 16 + at.index(file.len() - 16);
        let cut = Directory::read(&file[..length]).unwrap();
        let frames = whole.frames.iter().filter(|f| f.end().unwrap() <= length as u64).count();
        prop_assert_eq!((cut.sealed, cut.frames.len()), (false, frames));
        prop_assert!(cut.frames.iter().all(|frame| frame.verify(&file[..length]).is_ok()));
    }
}
