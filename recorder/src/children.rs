//! Processes that the program makes: they run unrecorded, which is said.

use rdb_schema::event::{Event, EventKind};
use std::path::PathBuf;

/// Programs named at most.
const MAX_NAMED: usize = 8;

/// What is known of them.
#[derive(Debug, Default)]
pub struct Children {
    count: u64,
    /// What they ran when their maker went on, if that was not the maker's own program.
    programs: Vec<PathBuf>,
}

impl Children {
    /// Notes a system call that made a process; one that made a thread ended the recording.
    pub fn note(&mut self, event: &Event) {
        let EventKind::Syscall(call) = &event.kind else { return };
        let makers = [libc::SYS_fork, libc::SYS_vfork, libc::SYS_clone, libc::SYS_clone3];
        let made = makers.contains(&call.number.cast_signed()) && call.finished;
        if made && call.result > 0 {
            self.count += 1;
            let program = |id: i64| std::fs::read_link(format!("/proc/{id}/exe")).ok();
            let own = program(event.thread.into());
            // vfork and posix_spawn come back when the child has executed its program.
            let other = program(call.result).filter(|program| own.as_ref() != Some(program));
            let new = other.filter(|program| !self.programs.contains(program));
            self.programs.extend(new.filter(|_| self.programs.len() < MAX_NAMED));
        }
    }

    /// One line about them, if there were any.
    pub fn notice(&self) -> Option<String> {
        let processes = match self.count {
            0 => return None,
            1 => "1 child process".to_owned(),
            count => format!("{count} child processes"),
        };
        let names: Vec<_> = self.programs.iter().map(|path| path.display().to_string()).collect();
        let programs = match names.as_slice() {
            [] => String::new(),
            names => format!(" ({})", names.join(", ")),
        };
        Some(format!("{processes} ran unrecorded{programs}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdb_schema::event::Syscall;

    fn call(number: i64, result: i64) -> Event {
        let number = number.cast_unsigned();
        let call = Syscall { number, result, finished: true, ..Syscall::default() };
        Event::new(0, 1, EventKind::Syscall(call))
    }

    #[test]
    fn processes_are_counted_that_were_made() {
        let mut children = Children::default();
        children.note(&call(libc::SYS_getpid, 5));
        children.note(&call(libc::SYS_fork, -1));
        assert_eq!(children.notice(), None);
        children.note(&call(libc::SYS_clone, i64::MAX));
        assert_eq!(children.notice().as_deref(), Some("1 child process ran unrecorded"));
        children.note(&call(libc::SYS_vfork, i64::MAX));
        assert_eq!(children.notice().as_deref(), Some("2 child processes ran unrecorded"));
    }
}
