//! Indirect branches to addresses that no branch can go to: the branch faults
//! before it does anything, so what its translation did is taken back, and it
//! is stepped.

use super::block::HEADER_BYTES;
use super::layout::slot;
use super::state::{Place, Rcx};
use super::stops::Next;
use super::superblocks::decode;
use super::{Home, Translate};
use crate::engine::Flow;
use crate::engine::code::Prepared;
use crate::tracee::{GeneralRegisters, Stopped};
use iced_x86::FlowControl;
use rdb_schema::registers::Gpr;
use std::sync::Arc;

impl Translate {
    /// The block whose record is the log's last ended with such a branch.
    pub(super) fn take_back_branch(
        &mut self,
        stopped: Stopped,
        mut host: GeneralRegisters,
    ) -> Flow<Next> {
        let found = self.home.as_ref().and_then(|h| h.last_record(&stopped, &host));
        let Some((start, prepared)) = found else {
            return Err(std::io::Error::other("a branch without a record").into());
        };
        let last = prepared.block.instructions().len() - 1;
        let branch = decode(&prepared, last, self.step.code.decoder_options());
        let pushed = branch.flow_control() == FlowControl::IndirectCall;
        let moved = match branch.flow_control() {
            FlowControl::Return if branch.op_count() > 0 => 8 + u64::from(branch.immediate16()),
            FlowControl::Return => 8,
            FlowControl::IndirectCall => 8u64.wrapping_neg(),
            _ => 0,
        };
        host.set(Gpr::RSP, host.get(Gpr::RSP).wrapping_sub(moved));
        host.set(Gpr::R15, start);
        let place = Place {
            record: (last > 0).then(|| (Arc::clone(&prepared), last)),
            rcx: Rcx::Saved,
            ..Place::between(prepared.block.address(last))
        };
        self.leave_cache(&stopped, &host, &place)?;
        if pushed && let Some(home) = &self.home {
            let rec = &self.step.rec;
            let below = rec.registers.rsp().wrapping_sub(8);
            let before = home.kept(&stopped, slot::BELOW);
            rec.memory.write(below, &before.to_le_bytes())?;
        }
        self.step_next = true;
        Ok(Next::Leave(stopped))
    }
}

impl Home {
    /// The log's last record: where it begins, and whose it is.
    fn last_record(
        &self,
        stopped: &Stopped,
        host: &GeneralRegisters,
    ) -> Option<(u64, Arc<Prepared>)> {
        let base = self.region.layout.base;
        let end = host.get(Gpr::R15).checked_sub(base)? as usize;
        let mut at = (self.unread - base) as usize;
        let mut last = None;
        while at < end {
            let header = self.region.memory.bytes(stopped, at..at + HEADER_BYTES);
            let header = u32::from_le_bytes(header.try_into().ok()?);
            last = Some((base + at as u64, header >> 11));
            at += (header & 0x7ff).max(1) as usize * 4;
        }
        let (start, id) = last?;
        Some((start, self.cache.by_id(id)?))
    }
}
