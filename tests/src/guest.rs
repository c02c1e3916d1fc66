//! A program to run, recorded or not, in the same surroundings.

use crate::compile::{Flavour, compile, must_run};
use crate::explorer::Explorer;
use crate::fixture::Fixture;
use crate::process::{LIMIT, Output, Running, run};
use crate::recording::Recording;
use crate::sandbox;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A program with its arguments, input, environment and working directory.
pub struct Guest {
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Its standard input.
    pub stdin: Vec<u8>,
    /// How long a run may take.
    pub limit: Duration,
    directory: TempDir,
}

impl Guest {
    /// A program of the system.
    pub fn system(program: impl Into<PathBuf>, args: &[&str]) -> Guest {
        Guest {
            program: program.into(),
            args: args.iter().map(OsString::from).collect(),
            env: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
            stdin: Vec::new(),
            limit: LIMIT,
            directory: tempfile::tempdir().expect("failed to create a working directory"),
        }
    }

    /// A fixture in a flavour, with the arguments and input its truth names.
    pub fn fixture(fixture: &Fixture, flavour: Flavour) -> Guest {
        let args: Vec<&str> = fixture.truth.args.iter().map(String::as_str).collect();
        let mut guest = Guest::system(compile(fixture, flavour), &args);
        guest.stdin = fixture.truth.stdin.clone().into_bytes();
        guest
    }

    /// The program that `compiler`, with its flags, makes of a source of that name.
    pub fn compiled(name: &str, source: &str, compiler: &[&str]) -> Guest {
        let mut guest = Guest::system("", &[]);
        std::fs::write(guest.directory().join(name), source).expect("failed to write a source");
        let [program, flags @ ..] = compiler else { panic!("no compiler for {name}") };
        let mut command = Command::new(program);
        must_run(command.args(flags).args([name, "-o", "program"]).current_dir(guest.directory()));
        guest.program = guest.directory().join("program");
        guest
    }

    /// Records it to its end, which has to be a good one, and explores that.
    pub fn recorded(&self) -> Explorer {
        let recording = self.record(&[]);
        assert_eq!(recording.output.code(), 0, "{}", recording.output.stderr_text());
        recording.explore()
    }

    /// The working directory of its runs.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs it unrecorded, with addresses as fixed as a recording's.
    pub fn unrecorded(&self) -> Output {
        let mut command = self.surroundings(Command::new(&self.program));
        command.args(&self.args);
        sandbox::fix_addresses(&mut command);
        run(command, &self.stdin, self.limit)
    }

    /// Records it with further options before the program's name.
    pub fn record(&self, options: &[&str]) -> Recording {
        let output = run(self.record_command(options), &self.stdin, self.limit);
        Recording { output, trace: self.trace(), fixture: None }
    }

    /// Starts a recording and leaves it running.
    pub fn start_recording(&self, options: &[&str]) -> Running {
        Running::start(self.record_command(options), &self.stdin, self.limit)
    }

    /// The command line that [`Guest::record`] runs.
    pub fn record_command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(&crate::binaries::binaries().record);
        command.args(options).arg("-o").arg(self.trace()).arg(&self.program).args(&self.args);
        self.surroundings(command)
    }

    /// Where its recordings go.
    pub fn trace(&self) -> PathBuf {
        self.directory().join("run.trace")
    }

    /// Gives a command this guest's environment and working directory.
    pub fn surroundings(&self, mut command: Command) -> Command {
        command.current_dir(self.directory()).env_clear();
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Hands the working directory over to the caller, who keeps its files alive.
    pub fn into_directory(self) -> TempDir {
        self.directory
    }
}
