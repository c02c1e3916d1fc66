//! The way from a log to compressed frames, measured on recorded programs: nanoseconds
//! and bytes per instruction, of the best of several rounds.
//!
//! `cargo bench -p rdb-recorder --bench encode -- [--level N]… TRACE…`
//!
//! Executions that were cut short, or have bulk stores, are left out.
//!
//! A failure of the benchmark itself panics with a message, which is the report.
#![allow(clippy::expect_used, reason = "a benchmark reports its failures so")]

mod workload;

use rdb_recorder::encode::Builder;
use rdb_schema::block::Block;
use rdb_schema::columns::{PathEncoder, RowEncoder};
use rdb_schema::container::{Compressor, FrameKind};
use rdb_schema::draft::Draft;
use rdb_schema::message::{ChunkEncoder, ChunkState, decode_chunk, decode_chunk_path};
use rdb_schema::registers::Registers;
use std::path::Path;
use std::sync::Arc;
use workload::Workload;

/// Rounds, of which the best counts.
const ROUNDS: usize = 7;

fn main() {
    let mut levels = Vec::new();
    let mut traces = Vec::new();
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        match word.as_str() {
            "--level" => levels.push(words.next().expect("a level").parse().expect("a number")),
            _ => traces.push(word),
        }
    }
    if levels.is_empty() {
        levels = vec![-3, -1, 1, 3];
    }
    for trace in traces {
        let workload = Workload::read(Path::new(&trace));
        println!("{trace}");
        measure(&workload, &levels);
    }
}

/// Tracepoints after which a chunk ends.
const CHUNK_TRACEPOINTS: u64 = 1 << 20;

/// A finished chunk with its blocks.
type Finished = (Draft, Vec<Arc<Block>>);

fn measure(workload: &Workload, levels: &[i32]) {
    let mut builder = workload.builder();
    let mut chunks: Vec<Finished> = Vec::new();
    let mut absorb = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (made, time) = absorb_all(workload, &mut builder, std::mem::take(&mut chunks));
        (chunks, absorb) = (made, absorb.min(time));
    }
    let instructions: u64 = chunks.iter().map(|(draft, _)| draft.count).sum();
    let executions: usize = chunks.iter().map(|(draft, _)| draft.path.len()).sum();
    let blocks: usize = chunks.iter().map(|(draft, _)| draft.blocks.len()).sum();
    println!(
        "  {instructions} instructions, {executions} executions, {} chunks, {} blocks each",
        chunks.len(),
        blocks / chunks.len(),
    );
    let each = |seconds: f64| seconds * 1e9 / instructions as f64;
    let per_record = absorb * 1e9 / executions as f64;
    println!("  absorb             {:8.3} ns ({per_record:.2} a record)", each(absorb));
    let (mut rows, mut path) = (RowEncoder::default(), PathEncoder::default());
    let time = best(|| {
        for (draft, blocks) in &chunks {
            std::hint::black_box(rows.encode(draft, blocks));
        }
    });
    println!("  rows               {:8.3} ns", each(time));
    let time = best(|| {
        for (draft, _) in &chunks {
            std::hint::black_box(path.encode(draft));
        }
    });
    println!("  path               {:8.3} ns", each(time));
    let mut encoder = ChunkEncoder::default();
    let state = ChunkState::default();
    let time = best(|| {
        let encode = |(draft, blocks): &Finished| {
            std::hint::black_box(encoder.encode(draft, &state, blocks));
        };
        chunks.iter().for_each(encode);
    });
    let messages: Vec<Vec<u8>> = chunks
        .iter()
        .map(|(draft, blocks)| encoder.encode(draft, &state, blocks).to_vec())
        .collect();
    let raw: usize = messages.iter().map(Vec::len).sum();
    println!(
        "  message            {:8.3} ns {:8.4} bytes",
        each(time),
        raw as f64 / instructions as f64
    );
    for level in levels {
        compress(&messages, *level, instructions);
    }
    let time = best(|| {
        for message in &messages {
            let chunk = decode_chunk(message, Vec::new(), &workload.dictionary).expect("a chunk");
            std::hint::black_box(chunk);
        }
    });
    println!("  decode             {:8.3} ns", each(time));
    let time = best(|| {
        for message in &messages {
            let chunk = decode_chunk_path(message, &workload.dictionary).expect("a chunk");
            std::hint::black_box(chunk);
        }
    });
    println!("  decode path        {:8.3} ns", each(time));
    by_class(&chunks, instructions);
}

/// The chunks that a workload's logs make, in the buffers of `spares`, and the seconds
/// it took. As in an engine, all logs come from one ring, which the cache holds.
fn absorb_all(
    workload: &Workload,
    builder: &mut Builder,
    spares: Vec<Finished>,
) -> (Vec<Finished>, f64) {
    let mut spares = spares.into_iter().map(|(draft, _)| draft);
    let (mut chunks, mut time) = (Vec::new(), 0.0);
    let mut ring = Vec::new();
    let mut finish = |builder: &mut Builder| {
        let draft = builder.finish(Registers::default(), spares.next().unwrap_or_default());
        let blocks = workload.dictionary.of(&draft).expect("known blocks");
        chunks.push((draft, blocks));
    };
    for log in &workload.logs {
        ring.clone_from(log);
        let begun = processor_time();
        builder.absorb(&ring).expect("a good log");
        if builder.tracepoints() >= CHUNK_TRACEPOINTS {
            finish(builder);
        }
        time += processor_time() - begun;
    }
    if builder.tracepoints() > 0 {
        finish(builder);
    }
    (chunks, time)
}

fn compress(messages: &[Vec<u8>], level: i32, instructions: u64) {
    let mut compressor = Compressor::new(level).expect("a compressor");
    let mut bytes = 0;
    let time = best(|| {
        bytes = 0;
        for message in messages {
            let frame = compressor.frame(FrameKind::Chunk, 1, (0, 1), message);
            bytes += frame.expect("a frame").file_bytes();
        }
    });
    let each = |value: f64| value / instructions as f64;
    println!(
        "  zstd {level:2}            {:8.3} ns {:8.4} bytes",
        each(time * 1e9),
        each(bytes as f64)
    );
}

/// Bytes of each column by itself, before and after zstd −1.
fn by_class(chunks: &[Finished], instructions: u64) {
    const NAMES: [&str; 9] = [
        "general registers",
        "flags",
        "stores",
        "vectors",
        "others",
        "block ids",
        "runs",
        "misses",
        "cuts",
    ];
    let mut sums = [(0, 0); NAMES.len()];
    let (mut rows, mut path) = (RowEncoder::default(), PathEncoder::default());
    let mut compressor = Compressor::new(-1).expect("a compressor");
    for (draft, blocks) in chunks {
        let path = path.encode(draft);
        let path = [&path.blocks, &path.runs, &path.misses, &path.cuts];
        let columns = rows.encode(draft, blocks).iter().chain(path);
        for (column, sum) in columns.zip(&mut sums) {
            let frame = compressor.frame(FrameKind::Chunk, 1, (0, 1), column).expect("a frame");
            sum.0 += column.len();
            sum.1 += frame.header().compressed;
        }
    }
    for (name, (raw, compressed)) in NAMES.iter().zip(sums) {
        let each = |bytes: f64| bytes / instructions as f64;
        println!("    {name:<17}{:8.4} bytes{:8.4}", each(raw as f64), each(compressed as f64));
    }
}

/// Seconds of processor time of the best round: others may use the machine.
fn best(mut work: impl FnMut()) -> f64 {
    let mut once = || {
        let begun = processor_time();
        work();
        processor_time() - begun
    };
    (0..ROUNDS).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// Seconds this thread has run.
fn processor_time() -> f64 {
    let clock = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
    let time = nix::time::clock_gettime(clock).expect("the thread's clock");
    time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9
}
