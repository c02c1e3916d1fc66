//! A recording from beginning to end.

use crate::accounting::Timings;
use crate::affinity::Pinning;
use crate::capture;
use crate::cli::{Engine, OnFull, Options, exit_code};
use crate::encode::Pipeline;
use crate::engine::{Cutting, Ended, EngineError, Leave, Step, StepOptions, Translate};
use crate::launch::{self, Failure};
use crate::output::Output;
use crate::progress::{Line, Progress};
use crate::recording::{Keeping, Origin, Recording};
use crate::say;
use crate::tracee::{
    self, Launch, LaunchError, Memory, Outcome, Running, Stopped, XsaveLayout, sys,
};
use rdb_schema::container::Writer;
use rdb_schema::header::{Header, Host};
use rdb_schema::registers::Registers;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Records as `options` say; the exit code.
///
/// # Errors
/// [`Failure`]: the recorder's own, with its exit code.
pub fn record(options: &Options, command_line: &[OsString]) -> Result<u8, Failure> {
    let Some(name) = options.program.first() else {
        return Err(Failure::new(exit_code::USAGE, "no program given"));
    };
    let path = launch::find(name)?;
    launch::check(&path)?;
    let wanted = options.trace();
    refuse_same_file(&path, &wanted)?;
    let (output, file) = Output::create(&wanted)?;
    let stopped = start(&path, options).inspect_err(|_| output.discard())?;
    sys::stand_aside(stopped.pid());
    let begun = Instant::now();
    let pid = stopped.pid();
    let recorded = follow(stopped, file, options, command_line);
    let (recording, ended) = match recorded {
        Ok(recorded) => recorded,
        Err(error) => return Err(let_go(pid, &output, &error)),
    };
    conclude(options, &output, recording, ended, begun)
}

/// The trace must not replace the program.
fn refuse_same_file(program: &Path, output: &Path) -> Result<(), Failure> {
    let identity = |path| std::fs::metadata(path).ok().map(|m: Metadata| (m.dev(), m.ino()));
    if identity(program).is_some_and(|program| identity(output) == Some(program)) {
        let shown = output.display();
        let message = format!("failed to write {shown}: it is the program itself");
        return Err(Failure::new(exit_code::OUTPUT, message));
    }
    Ok(())
}

fn start(path: &Path, options: &Options) -> Result<Stopped, Failure> {
    let launch = Launch {
        path: launch::c_string(path.as_os_str()),
        arguments: options.program.iter().map(|w| launch::c_string(w)).collect(),
        ignore_sigpipe: launch::sigpipe_was_ignored(),
    };
    tracee::launch(&launch).map_err(|error| {
        let shown = path.display();
        match error {
            LaunchError::Ptrace(error) => {
                let message = format!("failed to trace {shown}: {error}; {}", ptrace_advice());
                Failure::new(exit_code::PTRACE, message)
            }
            LaunchError::Exec(error) => {
                let message = format!("failed to execute {shown}: {error}");
                Failure::new(exit_code::NOT_EXECUTABLE, message)
            }
            // The kernel kills what it cannot load once the old image is gone.
            LaunchError::Killed => {
                let message = format!("failed to execute {shown}: {error}");
                Failure::new(exit_code::NOT_EXECUTABLE, message)
            }
            other => Failure::new(exit_code::INTERNAL, format!("{shown}: {other}")),
        }
    })
}

/// Which setting forbids ptrace, and how to change it.
fn ptrace_advice() -> String {
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    match scope.trim() {
        "2" => "kernel.yama.ptrace_scope is 2: run as root, or `sysctl -w kernel.yama.ptrace_scope=1`".into(),
        "3" => "kernel.yama.ptrace_scope is 3, which only a reboot lifts: set kernel.yama.ptrace_scope=1 in /etc/sysctl.conf".into(),
        _ => "a seccomp filter or security module forbids it: in a container use `docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined`".into(),
    }
}

/// Records the stopped program to its end.
fn follow(
    stopped: Stopped,
    file: File,
    options: &Options,
    command_line: &[OsString],
) -> Result<(Recording, Result<Ended, EngineError>), EngineError> {
    let pinning = Pinning::new(stopped.pid())?;
    let host = capture::host();
    let amd = host.is_amd();
    let layout = XsaveLayout::new(&host.xsave_components);
    let mut registers = Registers::default();
    let gone = |_| io::Error::from_raw_os_error(libc::ESRCH);
    stopped.general_registers(&mut registers).map_err(gone)?;
    stopped.extended_registers(&layout, &mut registers).map_err(gone)?;
    layout.mend_after_exec(&mut registers);
    let header = header(&stopped, host, options, command_line)?;
    let pid = stopped.pid();
    let writer = Writer::new(file)?;
    let pipeline =
        Pipeline::new(writer, pid.cast_unsigned(), pinning.others(), level(options.engine));
    let progress = Arc::new(Progress::default());
    let status = Arc::clone(&pipeline.status);
    let line = Line::start(Arc::clone(&progress), status, pinning.others());
    let origin = Origin { pid, memory: Memory::new(pid)?, registers, layout, header };
    let recording = Recording::new(origin, pipeline, keeping(options))?;
    let step = StepOptions {
        stop_after: options.stop_after,
        audit: options.audit,
        amd,
        log_bytes: options.log_bytes,
    };
    let result = match options.engine {
        Engine::Auto => Translate::new(recording, step, pinning, progress).run(stopped),
        Engine::Step => {
            Step::new(recording, step, Cutting::Stepped, pinning, progress).run(stopped)
        }
    };
    drop(line);
    Ok(result)
}

/// A chunk is three seconds of stepping, or some milliseconds of translated code.
fn keeping(options: &Options) -> Keeping {
    match options.engine {
        Engine::Step => Keeping { chunk_tracepoints: 1 << 17, model: true },
        Engine::Auto => Keeping { chunk_tracepoints: 1 << 20, model: options.audit },
    }
}

/// zstd's level: stepping leaves the workers time.
fn level(engine: Engine) -> i32 {
    match engine {
        Engine::Step => 3,
        Engine::Auto => -1,
    }
}

fn header(
    stopped: &Stopped,
    host: Host,
    options: &Options,
    command_line: &[OsString],
) -> Result<Header, EngineError> {
    Ok(Header {
        recorder: concat!("rdb-record ", env!("CARGO_PKG_VERSION")).to_owned(),
        engine: match options.engine {
            Engine::Auto => "translate",
            Engine::Step => "step",
        }
        .to_owned(),
        command_line: command_line.iter().map(|w| w.as_bytes().to_vec()).collect(),
        options: vec![
            ("engine".into(), format!("{:?}", options.engine).to_lowercase()),
            ("audit".into(), options.audit.to_string()),
            ("stop-after".into(), options.stop_after.map_or("none".into(), |n| n.to_string())),
            ("on-full".into(), format!("{:?}", options.on_full).to_lowercase()),
            ("address-randomisation".into(), "off".into()),
            ("rseq".into(), "refused".into()),
        ],
        host,
        start: capture::process_start(stopped.pid().cast_unsigned())?,
    })
}

/// After a failure of the recorder: the program goes on without it.
fn let_go(pid: libc::pid_t, output: &Output, error: &EngineError) -> Failure {
    say(&format!("{error}; the program goes on unrecorded"));
    let _ = sys::resume(libc::PTRACE_DETACH, pid, 0);
    let _ = Running::lost(pid).wait();
    let kept = output.incomplete().display();
    Failure::new(exit_code::INTERNAL, format!("{error}; what was recorded is in {kept}"))
}

/// Seals the trace, waits for the program if it still runs, and says how it went.
fn conclude(
    options: &Options,
    output: &Output,
    mut recording: Recording,
    ended: Result<Ended, EngineError>,
    begun: Instant,
) -> Result<u8, Failure> {
    let pid = recording.pid;
    let seconds = begun.elapsed().as_secs_f64();
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            recording.stack_limit.free_process(pid);
            drop(recording.seal(false));
            return Err(let_go(pid, output, &error));
        }
    };
    let timings = Timings::take(begun, &recording.accounting, &ended);
    let stops = recording.accounting.stops();
    if options.audit {
        say(&format!("audit: {} bytes unexplained", recording.unexplained));
    }
    let instructions = recording.builder.tracepoint();
    let children = recording.children.notice();
    let status = Arc::clone(&recording.pipeline.status);
    let sealed = recording.seal(ended.is_final()).and_then(|bytes| {
        output.commit()?;
        Ok(bytes)
    });
    match &sealed {
        Ok(bytes) => {
            let own = bytes.saturating_sub(status.module_bytes.load(Ordering::Relaxed));
            let each = own as f64 / instructions.max(1) as f64;
            let path = output.path.display();
            say(&format!(
                "{instructions} instructions, {seconds:.2} s, {each:.2} bytes per instruction → {path}"
            ));
        }
        Err(error) => {
            let kept = output.incomplete().display();
            say(&format!("failed to write the trace: {error}; what was written is in {kept}"));
        }
    }
    if let Some(children) = children {
        say(&children);
    }
    if options.timings {
        say(&format!("seconds: {}", timings.seconds(&status)));
        say(&format!("stops: {stops}"));
    }
    outcome(options, ended, sealed.is_err())
}

fn outcome(options: &Options, ended: Ended, unwritten: bool) -> Result<u8, Failure> {
    match ended {
        Ended::Exited(status) => Ok(status as u8),
        Ended::Killed(signal) => Ok(128 + signal as u8),
        Ended::Detached(running, why) => {
            if why == Leave::Thread {
                say(
                    "the program starts a second thread, which is not recorded yet: the recording ends there, the program runs on",
                );
            }
            if unwritten && options.on_full == OnFull::Stop {
                running.kill();
                let _ = running.wait();
                let message = "the program was stopped, as --on-full says";
                return Err(Failure::new(exit_code::FULL, message));
            }
            match running.wait() {
                Ok(Outcome::Killed(signal)) => Ok(128 + signal as u8),
                Ok(Outcome::Exited(status)) => Ok(status as u8),
                _ => Err(Failure::new(exit_code::INTERNAL, "lost the program")),
            }
        }
    }
}
