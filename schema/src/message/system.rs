//! Kernel-side state in chunk frames.

use super::Result;
use crate::system::{Action, Descriptor, Limit, SignalState, SystemState, ThreadState};
use crate::trace_capnp::{descriptor, signal_state, system_state, thread_state};

pub(super) fn set_system(mut out: system_state::Builder, value: &SystemState) {
    out.set_working_directory(&value.working_directory);
    out.set_root(&value.root);
    out.set_umask(value.umask);
    out.set_brk(value.brk);
    out.set_timers(&value.timers);
    let mut limits = out.reborrow().init_limits(value.limits.len() as u32);
    for (i, limit) in value.limits.iter().enumerate() {
        let mut slot = limits.reborrow().get(i as u32);
        slot.set_resource(limit.resource);
        slot.set_soft(limit.soft);
        slot.set_hard(limit.hard);
    }
    let mut list = out.reborrow().init_descriptors(value.descriptors.len() as u32);
    for (i, one) in value.descriptors.iter().enumerate() {
        set_descriptor(list.reborrow().get(i as u32), one);
    }
    set_signals(out.reborrow().init_signals(), &value.signals);
    let mut threads = out.init_threads(value.threads.len() as u32);
    for (i, thread) in value.threads.iter().enumerate() {
        set_thread(threads.reborrow().get(i as u32), thread);
    }
}

pub(super) fn system(from: system_state::Reader) -> Result<SystemState> {
    let limits = from.get_limits()?.iter().map(|l| Limit {
        resource: l.get_resource(),
        soft: l.get_soft(),
        hard: l.get_hard(),
    });
    Ok(SystemState {
        working_directory: from.get_working_directory()?.to_vec(),
        root: from.get_root()?.to_vec(),
        umask: from.get_umask(),
        brk: from.get_brk(),
        limits: limits.collect(),
        descriptors: from.get_descriptors()?.iter().map(descriptor).collect::<Result<_>>()?,
        timers: from.get_timers()?.to_vec(),
        signals: signals(from.get_signals()?)?,
        threads: from.get_threads()?.iter().map(thread).collect::<Result<_>>()?,
    })
}

fn set_descriptor(mut out: descriptor::Builder, value: &Descriptor) {
    out.set_number(value.number);
    out.set_target(&value.target);
    out.set_flags(value.flags);
    out.set_offset(value.offset);
    out.set_device(value.device);
    out.set_inode(value.inode);
    out.set_size(value.size);
    out.set_modified(value.modified);
    out.set_shared_with(value.shared_with);
    out.set_detail(&value.detail);
}

fn descriptor(from: descriptor::Reader) -> Result<Descriptor> {
    Ok(Descriptor {
        number: from.get_number(),
        target: from.get_target()?.to_vec(),
        flags: from.get_flags(),
        offset: from.get_offset(),
        device: from.get_device(),
        inode: from.get_inode(),
        size: from.get_size(),
        modified: from.get_modified(),
        shared_with: from.get_shared_with(),
        detail: from.get_detail()?.to_vec(),
    })
}

fn set_signals(mut out: signal_state::Builder, value: &SignalState) {
    out.set_pending(value.pending);
    out.set_ignored(value.ignored);
    out.set_caught(value.caught);
    let mut actions = out.init_actions(value.actions.len() as u32);
    for (i, action) in value.actions.iter().enumerate() {
        let mut slot = actions.reborrow().get(i as u32);
        slot.set_signal(action.signal);
        slot.set_handler(action.handler);
        slot.set_flags(action.flags);
        slot.set_restorer(action.restorer);
        slot.set_mask(action.mask);
    }
}

fn signals(from: signal_state::Reader) -> Result<SignalState> {
    let actions = from.get_actions()?.iter().map(|a| Action {
        signal: a.get_signal(),
        handler: a.get_handler(),
        flags: a.get_flags(),
        restorer: a.get_restorer(),
        mask: a.get_mask(),
    });
    Ok(SignalState {
        pending: from.get_pending(),
        ignored: from.get_ignored(),
        caught: from.get_caught(),
        actions: actions.collect(),
    })
}

fn set_thread(mut out: thread_state::Builder, value: &ThreadState) {
    out.set_thread(value.thread);
    out.set_pending(value.pending);
    out.set_blocked(value.blocked);
    out.set_queued(&value.queued);
    out.set_queued_shared(value.queued_shared);
    out.set_tid_address(value.tid_address);
    out.set_robust_list(value.robust_list);
    out.set_robust_length(value.robust_length);
    out.set_rseq(value.rseq);
    out.set_rseq_length(value.rseq_length);
    out.set_rseq_signature(value.rseq_signature);
    out.set_alternate_stack(value.alternate_stack);
    out.set_alternate_size(value.alternate_size);
    out.set_alternate_flags(value.alternate_flags);
}

fn thread(from: thread_state::Reader) -> Result<ThreadState> {
    Ok(ThreadState {
        thread: from.get_thread(),
        pending: from.get_pending(),
        blocked: from.get_blocked(),
        queued: from.get_queued()?.to_vec(),
        queued_shared: from.get_queued_shared(),
        tid_address: from.get_tid_address(),
        robust_list: from.get_robust_list(),
        robust_length: from.get_robust_length(),
        rseq: from.get_rseq(),
        rseq_length: from.get_rseq_length(),
        rseq_signature: from.get_rseq_signature(),
        alternate_stack: from.get_alternate_stack(),
        alternate_size: from.get_alternate_size(),
        alternate_flags: from.get_alternate_flags(),
    })
}
