//! Following bytes from one writer to what that wrote them from.

use super::telling::{moves, telling};
use super::visit::Visits;
use super::writer::{Piece, Writer};
use super::{Beginning, Extent, Origin, Reach, Why};
use crate::dataflow::{self, Source, Span};
use crate::session::Session;
use crate::symbols::datatypes::Bits;
use crate::timeline::StateError;
use rdb_schema::registers::Gpr;
use std::collections::{HashMap, VecDeque};

/// Most instructions looked at for one answer.
const MAX_STEPS: usize = 4096;

/// Bytes whose origin is looked for.
pub(super) struct Task {
    pub span: Span,
    /// Which of their bits are meant, if not all.
    pub bits: Option<Bits>,
    /// The state at which they hold their value.
    pub state: u64,
    /// The link that has its value from them, and the tracepoint of it that reads them.
    pub reader: Option<(usize, u64)>,
    /// Whether the reader holds them unchanged.
    pub moved: bool,
    /// Whether they only made an address.
    pub address: bool,
}

/// An answer in the making.
pub(super) struct Tracer<'s> {
    pub(super) session: &'s Session,
    /// The thread that is asked about: others may run at the question's state.
    pub(super) thread: u32,
    pub(super) reach: Reach,
    pub(super) visits: Visits<'s>,
    pub(super) why: Why,
    pub(super) open: VecDeque<Task>,
    /// The links of bytes at the tracepoints that wrote them.
    pub(super) known: HashMap<(Extent, u64), usize>,
    steps: usize,
    /// Links that do more than carry.
    pub(super) shown: usize,
}

impl<'s> Tracer<'s> {
    /// An answer about a thread that says nothing yet.
    pub fn new(session: &'s Session, thread: u32, reach: Reach) -> Self {
        Self {
            session,
            thread,
            reach,
            visits: Visits::new(session),
            why: Why::default(),
            open: VecDeque::new(),
            known: HashMap::new(),
            steps: 0,
            shown: 0,
        }
    }

    /// Where what is `asked` about, at state `t`, comes from.
    pub fn trace(mut self, asked: &[Extent], t: u64) -> Result<Why, StateError> {
        let task = |&Extent { span, bits }: &Extent| Task {
            span,
            bits,
            state: t,
            reader: None,
            moved: true,
            address: false,
        };
        self.open.extend(asked.iter().map(task));
        while let Some(task) = self.open.pop_front() {
            self.follow(&task)?;
        }
        self.name()?;
        Ok(self.why)
    }
}

impl Tracer<'_> {
    /// Finds who wrote the bytes of a task.
    fn follow(&mut self, task: &Task) -> Result<(), StateError> {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.is_full() {
            self.cut(task);
            return Ok(());
        }
        if let Some((link, reading)) = task.reader.filter(|_| self.is_stack_pointer(&task.span)) {
            return self.ends_at_stack(link, reading);
        }
        let wanted = Extent { span: task.span, bits: task.bits };
        let state = self.last_of_field(&wanted, task.state)?;
        let mut pieces = self.session.written_last(task.span, (self.thread_of(task)?, state))?;
        if self.ends_at_allocation(task, &pieces)? {
            return Ok(());
        }
        pieces.dedup_by(|next, last| {
            let same = next.writer == last.writer && !moves(&next.writer);
            if same {
                last.span.length += next.span.length;
            }
            same
        });
        pieces.retain_mut(|piece| {
            let meant = wanted.within(&piece.span);
            piece.bits = meant.and_then(|meant| meant.bits);
            piece.span = meant.map_or(piece.span, |meant| meant.span);
            meant.is_some()
        });
        telling(&mut pieces);
        if self.ends_at_call(task, &pieces)? {
            return Ok(());
        }
        pieces.iter().try_for_each(|piece| self.piece(task, piece))
    }

    /// The thread whose registers a task is about.
    pub(super) fn thread_of(&self, task: &Task) -> Result<u32, StateError> {
        match task.reader {
            None => Ok(self.thread),
            Some(_) => self.session.timeline.thread(task.state),
        }
    }

    /// The tracepoint at which that thread goes on from a task's state, or its last.
    pub(super) fn reading(&self, task: &Task) -> Result<u64, StateError> {
        let (timeline, thread) = (&self.session.timeline, self.thread_of(task)?);
        let next = timeline.resumes(thread, task.state).filter(|next| *next < timeline.end());
        let last =
            || timeline.lifetime(thread).map_or(task.state, |life| life.end.saturating_sub(1));
        Ok(next.unwrap_or_else(last))
    }

    fn piece(&mut self, task: &Task, piece: &Piece) -> Result<(), StateError> {
        if self.ends_at_leftover(task, piece)? {
            return Ok(());
        }
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
                let at = matches!(origin, Origin::Cleared { .. }).then_some(*tracepoint);
                return self.end(task, piece, at, origin);
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
        let key = (piece.extent(), tracepoint);
        if let Some(known) = self.known.get(&key).copied() {
            return self.again(task, piece, (known, tracepoint));
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
        let of_bits = self.bit_source(&piece.extent(), tracepoint)?;
        if let Some(link) = self.why.links.get_mut(link) {
            link.steps(tracepoint, moved);
            let origin = match &of_bits {
                Some(bits) => bits.constant.then_some(Origin::Constant),
                None => beginning(source),
            };
            let at = Some(tracepoint);
            origin.into_iter().for_each(|origin| link.add(Beginning { tracepoint: at, origin }));
        }
        if of_bits.is_none() {
            self.constant(link, &piece.span, (tracepoint, source))?;
        }
        self.note(link, tracepoint)?;
        self.weigh(link)?;
        let reader = Some((link, tracepoint));
        let moved = moved && task.moved;
        let task = |&Extent { span, bits }: &Extent, address: bool| Task {
            span,
            bits,
            state: tracepoint,
            reader,
            moved: moved && !address,
            address,
        };
        let from: Vec<Extent> = match (&of_bits, source) {
            (Some(bits), _) => {
                let operands = bits.operands.iter();
                let whole = |span: &Span| Extent::from(*span);
                operands
                    .map(|(span, bits)| Extent::of_bits(span, bits).unwrap_or_else(|| whole(span)))
                    .collect()
            }
            (None, Source::Copy(span)) => vec![piece.extent().moved_to(span)],
            (None, _) => source.spans().iter().map(|span| (*span).into()).collect(),
        };
        self.open.extend(from.iter().map(|from| task(from, false)));
        if self.reach.addresses {
            let registers = self.address_registers(tracepoint)?;
            self.open.extend(registers.iter().map(|span| task(&(*span).into(), true)));
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
        link.note(tracepoint, format!("read what was written into the pipe at #{at}"));
        let reader = Some((number, tracepoint));
        let moved = task.moved;
        let bits = None;
        let task = Task { span, bits, state: written, reader, moved, address: false };
        self.open.push_back(task);
        Ok(())
    }

    /// Whether bytes are the stack pointer, of which every push and call made a new one.
    fn is_stack_pointer(&self, span: &Span) -> bool {
        !self.reach.stack && span.within(&Span::gpr(Gpr::RSP, 8)).is_some()
    }

    fn address_registers(&self, tracepoint: u64) -> Result<Vec<Span>, StateError> {
        let timeline = &self.session.timeline;
        let Some(instruction) = self.session.instruction_at(tracepoint)? else {
            return Ok(Vec::new());
        };
        let (before, after) =
            (timeline.registers(tracepoint)?, timeline.registers_after(tracepoint)?);
        Ok(dataflow::Moment::new(&instruction, &before, &after).address_registers())
    }

    /// Which way a conditional move went.
    fn note(&mut self, link: usize, tracepoint: u64) -> Result<(), StateError> {
        let instruction = self.session.instruction_at(tracepoint)?;
        let Some(instruction) = instruction.filter(dataflow::is_conditional_move) else {
            return Ok(());
        };
        let flags = self.session.timeline.registers(tracepoint)?.rflags;
        let holds = dataflow::holds(&instruction, flags).unwrap_or_default();
        let name = dataflow::condition_name(instruction.condition_code());
        let taken = if holds { "moved" } else { "not moved" };
        if let Some(link) = self.why.links.get_mut(link) {
            link.note(tracepoint, format!("{taken}: its condition ({name}) was {holds}"));
        }
        Ok(())
    }
}

/// What begins with an instruction that makes a value of this.
fn beginning(source: &Source) -> Option<Origin> {
    match source {
        Source::Constant | Source::Extension => Some(Origin::Constant),
        Source::Machine(what) => Some(Origin::Processor { what }),
        Source::Unknown => {
            Some(Origin::Unknown { why: "what this instruction does is not described".to_owned() })
        }
        Source::Unmapped(_) => {
            let why = "which elements of its operands this instruction takes is not described";
            Some(Origin::Unknown { why: why.to_owned() })
        }
        _ => None,
    }
}
