//! The links of an answer in the making: made, told from each other, named.

use super::tracer::{Task, Tracer};
use super::writer::Piece;
use super::{Beginning, Extent, Link, Origin};
use crate::timeline::StateError;

/// Most links of one answer that are not shown.
const MAX_OTHERS: usize = 768;

impl Tracer<'_> {
    /// The link for what `tracepoint` wrote: the reader's, if it is the same visit of the same
    /// line; none if that would be one too many.
    pub(super) fn link_of(
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

    pub(super) fn new_link(
        &mut self,
        task: &Task,
        piece: &Piece,
        tracepoint: Option<u64>,
    ) -> Result<Option<usize>, StateError> {
        let reader = task.reader.and_then(|(link, _)| self.why.links.get(link));
        let depth = reader.map_or(1, |link| link.depth + usize::from(!link.carried));
        if depth > self.reach.depth || self.is_full() {
            self.cut(task);
            return Ok(None);
        }
        let number = self.why.links.len();
        self.why.links.push(Link {
            number,
            of: task.reader.map(|(link, _)| link),
            state: task.state,
            value: self.session.held_of(&piece.extent(), (self.thread_of(task)?, task.state))?,
            span: piece.span,
            bits: piece.bits,
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
    pub(super) fn end(
        &mut self,
        task: &Task,
        piece: &Piece,
        tracepoint: Option<u64>,
        origin: Origin,
    ) -> Result<(), StateError> {
        let link = self.new_link(task, piece, tracepoint)?;
        if let Some(link) = link.and_then(|link| self.why.links.get_mut(link)) {
            link.add(Beginning { tracepoint, origin });
            self.shown += 1;
        }
        Ok(())
    }

    /// Bytes that another link explains already.
    pub(super) fn again(
        &mut self,
        task: &Task,
        piece: &Piece,
        (known, tracepoint): (usize, u64),
    ) -> Result<(), StateError> {
        if task.reader.is_some_and(|(link, _)| link == known) {
            return Ok(());
        }
        let link = self.new_link(task, piece, Some(tracepoint))?;
        if let Some(link) = link.and_then(|link| self.why.links.get_mut(link)) {
            link.same_as = Some(known);
            self.shown += 1;
        }
        Ok(())
    }

    /// Says that the way goes on where the answer ends.
    pub(super) fn cut(&mut self, task: &Task) {
        self.why.more = true;
        let reader = task.reader.and_then(|(link, _)| self.why.links.get_mut(link));
        if let Some(link) = reader {
            link.more = true;
        }
    }

    pub(super) fn is_full(&self) -> bool {
        let links = self.why.links.len();
        self.shown >= self.reach.links || links >= self.reach.links.saturating_add(MAX_OTHERS)
    }

    /// Ends the way at the stack pointer that tracepoint `t` reads.
    pub(super) fn ends_at_stack(&mut self, link: usize, t: u64) -> Result<(), StateError> {
        let function = self.visits.place(t)?.function.clone();
        let beginning =
            Beginning { tracepoint: Some(t), origin: Origin::StackPointer { function } };
        if let Some(link) = self.why.links.get_mut(link) {
            link.add(beginning);
        }
        self.weigh(link)
    }

    /// Finds out anew whether a link only carries a value.
    pub(super) fn weigh(&mut self, number: usize) -> Result<(), StateError> {
        let Some(link) = self.why.links.get(number) else { return Ok(()) };
        let carried = link.of.is_some() && self.session.carries(link)?;
        match (carried, link.shows) {
            (false, false) => self.shown += 1,
            (true, true) => self.shown = self.shown.saturating_sub(1),
            _ => {}
        }
        if let Some(link) = self.why.links.get_mut(number) {
            (link.carried, link.shows) = (carried, !carried);
        }
        Ok(())
    }

    /// Gives the links their names: what carries a value is called by where that is.
    pub(super) fn name(&mut self) -> Result<(), StateError> {
        for number in 0..self.why.links.len() {
            let naming = self.naming(number)?;
            let Some(link) = self.why.links.get_mut(number) else { break };
            let all = self.reach.stack || !link.carried;
            let extent = Extent { span: link.span, bits: link.bits };
            let name = match all {
                true => naming.name(self.session, &extent)?,
                false => self.session.plain_name_of(&link.span, naming.state),
            };
            (link.name, link.shown) = (name.text, name.value);
        }
        Ok(())
    }
}
