//! Which of the parts of a value say something about it.

use super::writer::{Piece, Writer};
use crate::dataflow::{Source, Span};

/// Leaves out what stands above a shorter value: zeros, and copies of its sign.
pub(super) fn telling(pieces: &mut Vec<Piece>) {
    let moved = pieces.iter().filter_map(|piece| match &piece.writer {
        Writer::Instruction { tracepoint, source: Source::Copy(from) } => {
            Some((*tracepoint, *from))
        }
        _ => None,
    });
    let moved: Vec<(u64, Span)> = moved.collect();
    let is_sign = |piece: &Piece| {
        let Writer::Instruction { tracepoint, source: Source::Combined(from) } = &piece.writer
        else {
            return false;
        };
        let [from] = from.as_slice() else { return false };
        moved.iter().any(|(at, all)| at == tracepoint && from.within(all) == Some(0..from.length))
    };
    let says_nothing = |piece: &Piece| is_extension(piece) || is_sign(piece);
    if !pieces.iter().all(says_nothing) {
        pieces.retain(|piece| !says_nothing(piece));
    }
}

/// Whether bytes were written as they were elsewhere.
pub(super) fn moves(writer: &Writer) -> bool {
    matches!(writer, Writer::Instruction { source: Source::Copy(_), .. })
}

fn is_extension(piece: &Piece) -> bool {
    matches!(piece.writer, Writer::Instruction { source: Source::Extension, .. })
}
