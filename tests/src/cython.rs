//! Builds Python programs to native ones with Cython.

use crate::compile::must_run;
use crate::explorer::Explorer;
use crate::fixture::{folder, marks};
use crate::guest::Guest;
use crate::tools::{require_tool, skip};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the distribution's Python says of itself: where its headers are, and its library's name.
const ASK: &str = "import sysconfig; print(sysconfig.get_path('include')); \
                   print('python' + sysconfig.get_config_var('LDVERSION'))";

/// A recording of a fixture, which has to print `output`, and the lines of its marks. `None` if
/// it cannot be built here.
pub fn recorded(name: &str, output: &str) -> Option<(Guest, Explorer, BTreeMap<String, u32>)> {
    let source = folder().join(name);
    let mut guest = Guest::system("", &[]);
    guest.program = build(&source, guest.directory())?;
    let recording = guest.record(&[]);
    assert_eq!(recording.output.code(), 0, "{}", recording.output.stderr_text());
    assert_eq!(recording.output.stdout_text(), output);
    let explorer = Explorer::new(&recording.trace);
    Some((guest, explorer, marks(&source)))
}

/// Builds `source` in a folder, with debug information that names its lines; the program's
/// path, or `None` after saying loudly what is missing.
fn build(source: &Path, folder: &Path) -> Option<PathBuf> {
    let cython = require_tool("cython3")?;
    let python = Path::new("/usr/bin/python3");
    if !python.is_file() {
        skip("the distribution's python3 is not installed");
        return None;
    }
    let asked = Command::new(python).args(["-c", ASK]).output().expect("failed to ask python3");
    let said = String::from_utf8(asked.stdout).expect("text");
    let mut lines = said.lines();
    let (headers, library) = (lines.next()?, lines.next()?);
    if !Path::new(headers).join("Python.h").is_file() {
        skip("Python's headers (libpython3-dev) are not installed");
        return None;
    }
    let (code, program) = (folder.join("program.c"), folder.join("program"));
    // Without line directives the lines would be those of Cython's C.
    let options = ["-3", "--embed", "--line-directives", "-o"];
    must_run(Command::new(cython).args(options).arg(&code).arg(source));
    let mut compiler = Command::new("gcc");
    compiler.args(["-g", "-O0", "-w", "-I", headers]).arg(&code).arg("-o").arg(&program);
    must_run(compiler.arg(format!("-l{library}")));
    Some(program)
}
