//! Finding the program, and what can be said against it before it starts.

use crate::cli::exit_code;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A failure of the recorder's own: its exit code and one line for the user.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// See [`exit_code`].
    pub code: u8,
    /// One line.
    pub message: String,
}

impl Failure {
    /// A failure with this exit code and message.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Interpreters of interpreters the kernel follows (fs/exec.c).
const MAX_INTERPRETERS: usize = 5;

/// Finds `name` as execvp(3) would: through PATH, unless it has a slash.
///
/// # Errors
/// It is not there, or cannot be executed.
pub fn find(name: &OsStr) -> Result<PathBuf, Failure> {
    let shown = Path::new(name).display();
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return match std::fs::metadata(&path) {
            Ok(_) => Ok(path),
            Err(error) => Err(not_found(&shown, &error)),
        };
    }
    let search = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let places = std::env::split_paths(&search).map(|place| place.join(name));
    let found: Vec<PathBuf> = places.filter(|path| path.is_file()).collect();
    let executable = found.iter().find(|path| is_executable(path));
    match executable.or(found.first()) {
        Some(path) => Ok(path.clone()),
        None => Err(Failure::new(
            exit_code::NOT_FOUND,
            format!("failed to find {shown}: no such program in PATH"),
        )),
    }
}

fn not_found(shown: &impl std::fmt::Display, error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => exit_code::NOT_FOUND,
        _ => exit_code::NOT_EXECUTABLE,
    };
    Failure::new(code, format!("failed to find {shown}: {error}"))
}

fn is_executable(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok()
}

/// Refuses what cannot be recorded, with a reason; follows `#!` lines.
///
/// # Errors
/// [`Failure`].
pub fn check(path: &Path) -> Result<(), Failure> {
    let mut path = path.to_path_buf();
    let mut script: Option<PathBuf> = None;
    for _ in 0..MAX_INTERPRETERS {
        let checked = check_one(&path).map_err(|failure| match &script {
            None => failure,
            Some(script) => {
                let message =
                    format!("{}, the interpreter of {}", failure.message, script.display());
                Failure::new(failure.code, message)
            }
        });
        match checked? {
            None => return Ok(()),
            Some(interpreter) => script = Some(std::mem::replace(&mut path, interpreter)),
        }
    }
    Err(Failure::new(exit_code::NOT_EXECUTABLE, "failed to execute: too many interpreters"))
}

/// Checks one file; its interpreter if it is a script.
fn check_one(path: &Path) -> Result<Option<PathBuf>, Failure> {
    let shown = path.display();
    let refuse = |why: String| {
        Err(Failure::new(exit_code::NOT_EXECUTABLE, format!("failed to execute {shown}: {why}")))
    };
    match std::fs::metadata(path) {
        Err(error) => return Err(not_found(&shown, &error)),
        Ok(metadata) if metadata.is_dir() => return refuse("it is a directory".into()),
        Ok(_) if !is_executable(path) => return refuse("it is not executable".into()),
        Ok(_) => {}
    }
    let mut head = Vec::new();
    // What may be executed but not read is left to the kernel to judge.
    let Ok(file) = File::open(path) else { return Ok(None) };
    if file.take(64 << 10).read_to_end(&mut head).is_err() {
        return Ok(None);
    }
    if let Some(line) = head.strip_prefix(b"#!") {
        let interpreter = interpreter(line);
        if interpreter.as_os_str().is_empty() {
            return refuse("its #! line names no interpreter".into());
        }
        return Ok(Some(interpreter));
    }
    check_elf(&head, &shown)
}

fn interpreter(line: &[u8]) -> PathBuf {
    let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
    let words = line.split(|b| *b == b' ' || *b == b'\t');
    let first = words.into_iter().find(|w| !w.is_empty()).unwrap_or_default();
    PathBuf::from(OsString::from_vec(first.to_vec()))
}

fn check_elf(head: &[u8], shown: &impl std::fmt::Display) -> Result<Option<PathBuf>, Failure> {
    let unsupported = |what: &str| {
        let message = format!("failed to record {shown}: {what}, not a 64-bit x86 Linux program");
        Err(Failure::new(exit_code::UNSUPPORTED, message))
    };
    if !head.starts_with(b"\x7fELF") {
        let message = format!("failed to execute {shown}: neither an ELF file nor a #! script");
        return Err(Failure::new(exit_code::NOT_EXECUTABLE, message));
    }
    // e_ident[EI_CLASS], e_ident[EI_DATA], e_machine (elf(5)).
    let machine = head.get(18..20).map(|m| u16::from_le_bytes([m[0], m[1]]));
    match (head.get(4), head.get(5), machine) {
        (Some(1), ..) => unsupported("it is a 32-bit ELF file"),
        (Some(2), Some(1), Some(62)) => check_loader(head, shown),
        _ => unsupported("it is an ELF file for another machine"),
    }
}

/// The dynamic loader it names must be there: execve's ENOENT would not say.
fn check_loader(head: &[u8], shown: &impl std::fmt::Display) -> Result<Option<PathBuf>, Failure> {
    use object::read::elf::{FileHeader, ProgramHeader};
    let named = || {
        let header = object::elf::FileHeader64::<object::LittleEndian>::parse(head).ok()?;
        let headers = header.program_headers(object::LittleEndian, head).ok()?;
        let segment = |p: &object::elf::ProgramHeader64<object::LittleEndian>| {
            p.interpreter(object::LittleEndian, head).ok().flatten().map(<[u8]>::to_vec)
        };
        headers.iter().find_map(segment)
    };
    let Some(loader) = named() else { return Ok(None) };
    let loader = PathBuf::from(OsString::from_vec(loader));
    if loader.exists() {
        return Ok(None);
    }
    let loader = loader.display();
    let message = format!("failed to execute {shown}: its loader {loader} is missing");
    Err(Failure::new(exit_code::NOT_EXECUTABLE, message))
}

/// A C string of `word`, which the command line cannot have NULs in.
pub fn c_string(word: &OsStr) -> CString {
    CString::new(word.as_bytes()).unwrap_or_default()
}

static SIGPIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// Runs before Rust's runtime, which ignores SIGPIPE: notes what it was.
extern "C" fn note_sigpipe() {
    // SAFETY: sigaction only writes the struct, for which all zeros is a value;
    // it is called while the process has one thread.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), &raw mut old);
        SIGPIPE_WAS_IGNORED.store(old.sa_sigaction == libc::SIG_IGN, Ordering::Relaxed);
    }
}

// SAFETY: .init_array holds pointers to functions of this type, which the loader
// calls once before main (System V gABI, initialization functions).
#[used]
#[unsafe(link_section = ".init_array")]
static NOTE_SIGPIPE: extern "C" fn() = note_sigpipe;

/// Whether SIGPIPE was ignored when this process started.
pub fn sigpipe_was_ignored() -> bool {
    // The reference keeps the initialiser in the binary.
    std::hint::black_box(&NOTE_SIGPIPE);
    SIGPIPE_WAS_IGNORED.load(Ordering::Relaxed)
}
