use super::*;

/// Memory that holds `words` at 0x1000 and nothing else.
fn memory(words: &[u64]) -> impl Fn(u64, &mut [u8]) -> bool + use<> {
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    move |address, out| {
        let start = address.wrapping_sub(0x1000) as usize;
        match start.checked_add(out.len()).and_then(|end| bytes.get(start..end)) {
            Some(bytes) => {
                out.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }
}

fn call(tracked: &mut Tracked, number: i64, args: [u64; 6], result: i64, words: &[u64]) {
    tracked.syscall(7, number as u64, &args, result, &memory(words));
}

fn set_action(tracked: &mut Tracked, signal: u64, action: [u64; 4]) {
    call(tracked, libc::SYS_rt_sigaction, [signal, 0x1000, 0, 8, 0, 0], 0, &action);
}

#[test]
fn handlers_are_kept_reset_and_survive_exec_only_if_ignored() {
    let mut tracked = Tracked::new(7, 0);
    set_action(&mut tracked, 10, [0x4000, RESETHAND, 0x5000, u64::MAX]);
    set_action(&mut tracked, 13, [1, 0x1000_0000, 0, 0]);
    call(&mut tracked, libc::SYS_rt_sigaction, [10, 0, 0x1000, 8, 0, 0], 0, &[0; 4]);
    call(&mut tracked, libc::SYS_rt_sigaction, [9, 0x1000, 0, 8, 0, 0], -22, &[0; 4]);
    call(&mut tracked, libc::SYS_rt_sigaction, [12, 0x9000, 0, 8, 0, 0], 0, &[0; 4]);
    let first = tracked.actions().next().unwrap();
    assert_eq!((first.signal, first.handler, first.restorer), (10, 0x4000, 0x5000));
    assert_eq!(first.mask, !UNMASKABLE);
    assert_eq!(tracked.actions().count(), 2);
    tracked.delivered(7, 10);
    assert_eq!(tracked.actions().next().unwrap().handler, 0);
    tracked.exec(7, 0x3000);
    let left: Vec<_> = tracked.actions().copied().collect();
    assert_eq!(left, [Action { signal: 13, handler: 1, ..Action::default() }]);
    assert_eq!(tracked.brk(), 0x3000);
}

#[test]
fn thread_addresses_are_kept_and_forgotten() {
    let mut tracked = Tracked::new(7, 0);
    call(&mut tracked, libc::SYS_set_tid_address, [0x10, 0, 0, 0, 0, 0], 7, &[]);
    call(&mut tracked, libc::SYS_set_robust_list, [0x20, 24, 0, 0, 0, 0], 0, &[]);
    call(&mut tracked, libc::SYS_rseq, [0x40, 32, 0, 0x5305_3053, 0, 0], 0, &[]);
    call(&mut tracked, libc::SYS_brk, [0; 6], 0x5555_0000, &[]);
    let thread = tracked.thread(7);
    assert_eq!((thread.tid_address, thread.robust_list, thread.robust_length), (0x10, 0x20, 24));
    assert_eq!((thread.rseq, thread.rseq_length, thread.rseq_signature), (0x40, 32, 0x5305_3053));
    assert_eq!(tracked.brk(), 0x5555_0000);
    call(&mut tracked, libc::SYS_rseq, [0x40, 32, 1, 0x5305_3053, 0, 0], 0, &[]);
    assert_eq!(tracked.thread(7).rseq, 0);
    tracked.exec(9, 0);
    assert_eq!(tracked, Tracked::new(9, 0));
}

#[test]
fn alternate_stacks_disarm_and_come_back() {
    let mut tracked = Tracked::new(7, 0);
    let stack = [0x7000, u64::from(SS_AUTODISARM), 0x2000];
    call(&mut tracked, libc::SYS_sigaltstack, [0x1000, 0, 0, 0, 0, 0], 0, &stack);
    let armed = tracked.thread(7);
    assert_eq!((armed.alternate_stack, armed.alternate_size), (0x7000, 0x2000));
    tracked.delivered(7, 11);
    assert_eq!(tracked.thread(7), fresh_thread(7));
    tracked.sigreturn(7, 0x1000, &memory(&[0, 0, stack[0], stack[1], stack[2]]));
    assert_eq!(tracked.thread(7), armed);
    call(&mut tracked, libc::SYS_sigaltstack, [0x1000, 0, 0, 0, 0, 0], 0, &[5, 2, 5]);
    assert_eq!(tracked.thread(7), fresh_thread(7));
}

#[test]
fn children_inherit_what_the_kernel_lets_them() {
    let mut tracked = Tracked::new(7, 0x3000);
    set_action(&mut tracked, 10, [0x4000, 0, 0, 0]);
    call(&mut tracked, libc::SYS_rseq, [0x40, 32, 0, 1, 0, 0], 0, &[]);
    call(&mut tracked, libc::SYS_sigaltstack, [0x1000, 0, 0, 0, 0, 0], 0, &[0x7000, 0, 0x2000]);
    let forked = tracked.fork(7, 8, Spawn::default());
    let thread = forked.thread(8);
    assert_eq!((thread.rseq, thread.alternate_stack, forked.brk()), (0x40, 0x7000, 0x3000));
    assert_eq!(forked.actions().count(), 1);
    let cleared = tracked.fork(7, 8, Spawn { flags: CLONE_CLEAR_SIGHAND, child_tid: 0 });
    assert_eq!(cleared.actions().count(), 0);

    let flags = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_CHILD_CLEARTID) as u64;
    call(&mut tracked, libc::SYS_clone3, [0x1000, 88, 0, 0, 0, 0], 9, &[flags, 0, 0x88]);
    let thread = tracked.thread(9);
    assert_eq!((thread.tid_address, thread.rseq, thread.alternate_stack), (0x88, 0, 0));
    assert!(tracked.threads.contains_key(&9));
    tracked.thread_exited(9);
    assert!(!tracked.threads.contains_key(&9));
}
