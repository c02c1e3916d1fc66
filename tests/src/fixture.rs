//! Fixtures: guest programs with marked lines, and their expected truth as data.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A guest program's source, its marks and its truth.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// The file's name without extension.
    pub name: String,
    /// The source.
    pub source: PathBuf,
    /// Line number by mark name: comments of the form `MARK: name`.
    pub marks: BTreeMap<String, u32>,
    /// What is known of a run.
    pub truth: Truth,
}

/// What `NAME.json` beside a source says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// What the program is for, in one line.
    pub about: String,
    /// Flavours to build (names of [`crate::compile::Flavour`]); `O0` if absent.
    #[serde(default = "unoptimised")]
    pub flavours: Vec<String>,
    /// Further compiler flags.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Further flags at the end of the compiler's line.
    #[serde(default)]
    pub link: Vec<String>,
    /// Arguments to run it with.
    #[serde(default)]
    pub args: Vec<String>,
    /// What it reads.
    #[serde(default)]
    pub stdin: String,
    /// Its standard output; absent where that depends on the surroundings.
    pub stdout: Option<String>,
    /// The length in bytes of a standard output too long to write down.
    pub stdout_length: Option<usize>,
    /// Its standard error.
    #[serde(default)]
    pub stderr: String,
    /// Its exit status; absent if a signal ends it.
    pub status: Option<i32>,
    /// The name of the signal that ends it.
    pub signal: Option<String>,
    /// Marks visited, in the order of their first visits.
    #[serde(default)]
    pub visits: Vec<String>,
    /// Marks never visited.
    #[serde(default)]
    pub never: Vec<String>,
    /// How often a marked line is begun.
    #[serde(default)]
    pub hits: BTreeMap<String, usize>,
    /// Memory at marks.
    #[serde(default)]
    pub values: Vec<ValueAt>,
    /// The pc of the end state, where it is known.
    pub final_pc: Option<String>,
    /// It does not end by itself.
    #[serde(default)]
    pub interactive: bool,
    /// It starts a thread, at which its recording is sealed.
    #[serde(default)]
    pub sealed_early: bool,
    /// Why two runs execute different instructions, where they do.
    pub varies: Option<String>,
}

/// What an `x` command shows when a marked line begins for the `hit`-th time (from 1).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueAt {
    /// The mark.
    pub mark: String,
    /// Which visit, from 1.
    pub hit: usize,
    /// The command.
    pub examine: String,
    /// The values it shows, in order.
    pub value: Vec<String>,
}

impl Truth {
    /// The status as a shell gives it: 128 and the signal's number when one ends the program.
    pub fn code(&self) -> i32 {
        match (&self.signal, self.status) {
            (Some(name), _) => 128 + signal_number(name),
            (None, Some(status)) => status,
            (None, None) => panic!("a truth needs `status` or `signal`"),
        }
    }
}

impl Fixture {
    /// The source's file name.
    pub fn source_name(&self) -> String {
        self.source.file_name().expect("a file name").to_string_lossy().into_owned()
    }

    /// The fixture of that name.
    pub fn load(name: &str) -> Fixture {
        let folder = folder();
        let source = ["c", "cpp", "rs", "S", "sh"]
            .iter()
            .map(|extension| folder.join(format!("{name}.{extension}")))
            .find(|path| path.is_file());
        let source = source.unwrap_or_else(|| panic!("no fixture is named {name}"));
        let truth =
            std::fs::read(source.with_extension("json")).expect("a truth beside the source");
        let truth = serde_json::from_slice(&truth);
        let truth = truth.unwrap_or_else(|error| panic!("the truth of {name}: {error}"));
        Fixture { name: name.to_string(), marks: marks(&source), source, truth }
    }

    /// All fixtures, by name.
    pub fn all() -> Vec<Fixture> {
        let entries = std::fs::read_dir(folder()).expect("the fixtures' folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let json = paths.filter(|path| path.extension().is_some_and(|e| e == "json"));
        let name = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut names: Vec<String> = json.map(name).collect();
        names.sort();
        names.iter().map(|name| Fixture::load(name)).collect()
    }

    /// The line of a mark.
    pub fn line(&self, mark: &str) -> u32 {
        let line = self.marks.get(mark);
        *line.unwrap_or_else(|| panic!("{} has no MARK: {mark}", self.source.display()))
    }

    /// The place of a mark, as `break` takes it: `FILE:LINE`.
    pub fn place(&self, mark: &str) -> String {
        let file = self.source.file_name().expect("a file name").to_string_lossy();
        format!("{file}:{}", self.line(mark))
    }
}

/// Reads the marks of a source: name and line, from 1.
pub fn marks(source: &Path) -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(source).expect("a readable source");
    let mut marks = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        let Some((_, after)) = line.split_once("MARK: ") else { continue };
        let name = after.split_whitespace().next().unwrap_or_default().to_string();
        let before = marks.insert(name, number);
        assert!(before.is_none(), "{}:{number}: the mark is there twice", source.display());
    }
    marks
}

/// The number of a signal by name: those that fixtures end with.
pub fn signal_number(name: &str) -> i32 {
    match name {
        "SIGABRT" => libc::SIGABRT,
        "SIGFPE" => libc::SIGFPE,
        "SIGKILL" => libc::SIGKILL,
        "SIGSEGV" => libc::SIGSEGV,
        "SIGTERM" => libc::SIGTERM,
        _ => panic!("no fixture ends with {name}"),
    }
}

/// Where the fixtures are.
pub fn folder() -> PathBuf {
    crate::binaries::workspace().join("fixtures")
}

fn unoptimised() -> Vec<String> {
    vec!["O0".to_string()]
}
