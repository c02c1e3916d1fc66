//! Where a value came from: followed backwards through moves and arithmetic, from one
//! write to the write of what that wrote, to constants, files, system calls.

mod link;
mod names;
mod origin;
mod pipe;
mod signal_frame;
mod start;
mod visit;
mod writer;

pub use link::{Link, Why};
pub use origin::Origin;

use super::Session;
use crate::dataflow::{self, Source, Span};
use crate::timeline::StateError;
use std::collections::{HashMap, VecDeque};
pub(super) use visit::Visits;
use writer::Piece;
pub(super) use writer::Writer;

/// Most links of one answer.
const MAX_LINKS: usize = 256;

/// Most instructions looked at for one answer.
const MAX_STEPS: usize = 4096;

/// How far an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Most links one behind the other.
    pub depth: usize,
    /// Whether the registers that make addresses count as sources of what is loaded.
    pub addresses: bool,
}

/// Bytes whose origin is looked for.
struct Task {
    span: Span,
    /// The state at which they hold their value.
    state: u64,
    /// The link that has its value from them, and the tracepoint of it that reads them.
    reader: Option<(usize, u64)>,
    /// Whether the reader holds them unchanged.
    moved: bool,
    /// Whether they only made an address.
    address: bool,
}

/// An answer in the making.
struct Tracer<'s> {
    session: &'s Session,
    reach: Reach,
    visits: Visits<'s>,
    why: Why,
    open: VecDeque<Task>,
    /// The links of bytes at the tracepoints that wrote them.
    known: HashMap<(Span, u64), usize>,
    steps: usize,
}

impl Session {
    /// Where the bytes of `span` at state `t` come from.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn why(&self, span: Span, t: u64, reach: Reach) -> Result<Why, StateError> {
        let mut tracer = Tracer {
            session: self,
            reach,
            visits: Visits::new(self),
            why: Why::default(),
            open: VecDeque::new(),
            known: HashMap::new(),
            steps: 0,
        };
        let all = Task { span, state: t, reader: None, moved: true, address: false };
        tracer.open.push_back(all);
        while let Some(task) = tracer.open.pop_front() {
            tracer.follow(&task)?;
        }
        Ok(tracer.why)
    }

    /// What bytes hold at state `t`.
    pub(super) fn held(&self, span: &Span, t: u64) -> Result<super::Bytes, StateError> {
        match span.place {
            dataflow::Place::Memory(address) => {
                self.timeline.memory(t, address, span.length as usize)
            }
            _ => {
                let registers = self.timeline.registers(t)?;
                let bytes = span.read(&registers).unwrap_or_default();
                Ok(bytes.into_iter().map(Some).collect())
            }
        }
    }
}

impl Tracer<'_> {
    /// Finds who wrote the bytes of a task.
    fn follow(&mut self, task: &Task) -> Result<(), StateError> {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.why.links.len() >= MAX_LINKS {
            self.cut(task);
            return Ok(());
        }
        let mut pieces = self.session.written_last(task.span, task.state)?;
        pieces.dedup_by(|next, last| {
            let same = next.writer == last.writer && !moves(&next.writer);
            if same {
                last.span.length += next.span.length;
            }
            same
        });
        telling(&mut pieces);
        pieces.iter().try_for_each(|piece| self.piece(task, piece))
    }

    fn piece(&mut self, task: &Task, piece: &Piece) -> Result<(), StateError> {
        let (tracepoint, source) = match &piece.writer {
            Writer::Instruction { tracepoint, source } => (*tracepoint, source),
            Writer::Event(tracepoint) => {
                let origin = self.session.kernel_origin(&piece.span, *tracepoint)?;
                return self.end(task, piece, Some(*tracepoint), origin);
            }
            Writer::Piped { tracepoint, from, written } => {
                return self.piped(task, piece, *tracepoint, (*from, *written));
            }
            Writer::Mapped(tracepoint) => {
                let origin = self.session.mapped_in(&piece.span, *tracepoint)?;
                return self.end(task, piece, None, origin);
            }
            Writer::Nobody => {
                let origin = self.session.initial(&piece.span)?;
                return self.end(task, piece, None, origin);
            }
            Writer::Many => {
                let why = "there are too many parts to tell apart".to_owned();
                return self.end(task, piece, None, Origin::Unknown { why });
            }
        };
        let key = (piece.span, tracepoint);
        if let Some(known) = self.known.get(&key).copied() {
            return self.again(task, piece, known);
        }
        let Some(link) = self.link_of(task, piece, tracepoint)? else { return Ok(()) };
        self.known.insert(key, link);
        self.sources(task, piece, (link, tracepoint), source)
    }

    /// Goes on with what an instruction made the bytes of.
    fn sources(
        &mut self,
        task: &Task,
        piece: &Piece,
        (link, tracepoint): (usize, u64),
        source: &Source,
    ) -> Result<(), StateError> {
        let moved = moves(&piece.writer);
        if let Some(link) = self.why.links.get_mut(link) {
            link.steps(tracepoint, moved);
            match source {
                Source::Constant | Source::Extension => link.add(Origin::Constant),
                Source::Machine(what) => link.add(Origin::Processor { what }),
                Source::Unknown => link.add(Origin::Unknown {
                    why: "what this instruction does is not described".to_owned(),
                }),
                _ => {}
            }
        }
        self.note(link, tracepoint)?;
        let reader = Some((link, tracepoint));
        let moved = moved && task.moved;
        let task = |span: &Span, address: bool| Task {
            span: *span,
            state: tracepoint,
            reader,
            moved: moved && !address,
            address,
        };
        self.open.extend(source.spans().iter().map(|span| task(span, false)));
        if self.reach.addresses {
            let registers = self.address_registers(tracepoint)?;
            self.open.extend(registers.iter().map(|span| task(span, true)));
        }
        Ok(())
    }

    /// Goes on with what was written into a pipe.
    fn piped(
        &mut self,
        task: &Task,
        piece: &Piece,
        tracepoint: u64,
        (span, written): (Span, u64),
    ) -> Result<(), StateError> {
        let Some(number) = self.new_link(task, piece, Some(tracepoint))? else { return Ok(()) };
        let Some(link) = self.why.links.get_mut(number) else { return Ok(()) };
        link.steps(tracepoint, true);
        let at = crate::render::thousands(written);
        link.note = Some(format!("read what was written into the pipe at #{at}"));
        let reader = Some((number, tracepoint));
        let task = Task { span, state: written, reader, moved: task.moved, address: false };
        self.open.push_back(task);
        Ok(())
    }

    fn address_registers(&self, tracepoint: u64) -> Result<Vec<Span>, StateError> {
        let timeline = &self.session.timeline;
        let Some(executed) = timeline.instruction(tracepoint)? else { return Ok(Vec::new()) };
        let Some(instruction) = dataflow::decode(executed.pc, &executed.bytes) else {
            return Ok(Vec::new());
        };
        let (before, after) =
            (timeline.registers(tracepoint)?, timeline.registers(tracepoint + 1)?);
        Ok(dataflow::Moment::new(&instruction, &before, &after).address_registers())
    }

    /// Which way a conditional move went.
    fn note(&mut self, link: usize, tracepoint: u64) -> Result<(), StateError> {
        let timeline = &self.session.timeline;
        let Some(executed) = timeline.instruction(tracepoint)? else { return Ok(()) };
        let Some(instruction) = dataflow::decode(executed.pc, &executed.bytes) else {
            return Ok(());
        };
        if !dataflow::is_conditional_move(&instruction) {
            return Ok(());
        }
        let flags = timeline.registers(tracepoint)?.rflags;
        let holds = dataflow::holds(&instruction, flags).unwrap_or_default();
        let name = dataflow::condition_name(instruction.condition_code());
        let taken = if holds { "moved" } else { "not moved" };
        if let Some(link) = self.why.links.get_mut(link) {
            link.note = Some(format!("{taken}: its condition ({name}) was {holds}"));
        }
        Ok(())
    }

    /// The link for what `tracepoint` wrote: the reader's, if it is the same visit of the same
    /// line; none if that would be one too many.
    fn link_of(
        &mut self,
        task: &Task,
        piece: &Piece,
        tracepoint: u64,
    ) -> Result<Option<usize>, StateError> {
        if let Some((link, reading)) = task.reader
            && !task.address
            && self.visits.is_same(tracepoint, reading)?
        {
            return Ok(Some(link));
        }
        self.new_link(task, piece, Some(tracepoint))
    }

    fn new_link(
        &mut self,
        task: &Task,
        piece: &Piece,
        tracepoint: Option<u64>,
    ) -> Result<Option<usize>, StateError> {
        let reader = task.reader.and_then(|(link, _)| self.why.links.get(link));
        let depth = reader.map_or(1, |link| link.depth + 1);
        if depth > self.reach.depth || self.why.links.len() >= MAX_LINKS {
            self.cut(task);
            return Ok(None);
        }
        let name = self.session.name_of(&piece.span, task.state)?;
        let number = self.why.links.len();
        self.why.links.push(Link {
            number,
            of: task.reader.map(|(link, _)| link),
            name: name.text,
            shown: name.value,
            value: self.session.held(&piece.span, task.state)?,
            span: piece.span,
            address: task.address,
            moved: task.moved,
            tracepoint,
            place: tracepoint.map(|t| self.visits.place(t)).transpose()?,
            depth,
            ..Link::default()
        });
        Ok(Some(number))
    }

    /// Ends the way of some bytes at an origin.
    fn end(
        &mut self,
        task: &Task,
        piece: &Piece,
        tracepoint: Option<u64>,
        origin: Origin,
    ) -> Result<(), StateError> {
        let link = self.new_link(task, piece, tracepoint)?;
        if let Some(link) = link.and_then(|link| self.why.links.get_mut(link)) {
            link.add(origin);
        }
        Ok(())
    }

    /// Bytes that another link explains already.
    fn again(&mut self, task: &Task, piece: &Piece, known: usize) -> Result<(), StateError> {
        if task.reader.is_some_and(|(link, _)| link == known) {
            return Ok(());
        }
        let tracepoint = self.why.links.get(known).and_then(|link| link.tracepoint);
        let link = self.new_link(task, piece, tracepoint)?;
        if let Some(link) = link.and_then(|link| self.why.links.get_mut(link)) {
            link.same_as = Some(known);
        }
        Ok(())
    }

    /// Says that the way goes on where the answer ends.
    fn cut(&mut self, task: &Task) {
        self.why.more = true;
        let reader = task.reader.and_then(|(link, _)| self.why.links.get_mut(link));
        if let Some(link) = reader {
            link.more = true;
        }
    }
}

/// Leaves out what stands above a shorter value: zeros, and copies of its sign.
fn telling(pieces: &mut Vec<Piece>) {
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

fn moves(writer: &Writer) -> bool {
    matches!(writer, Writer::Instruction { source: Source::Copy(_), .. })
}

fn is_extension(piece: &Piece) -> bool {
    matches!(piece.writer, Writer::Instruction { source: Source::Extension, .. })
}
