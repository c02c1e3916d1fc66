//! Compiles fixtures and finds their markers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rdb_explorer::symbols::{DebugSearch, ModuleSymbols};

/// A compiled program in a directory of its own.
pub struct Program {
    pub directory: tempfile::TempDir,
    pub binary: PathBuf,
    pub source: PathBuf,
    text: String,
}

impl Program {
    /// The line of `// MARK: name`.
    pub fn mark(&self, name: &str) -> u32 {
        let wanted = format!("// MARK: {name}");
        let at = self.text.lines().position(|line| line.trim_end().ends_with(&wanted));
        at.unwrap_or_else(|| panic!("no mark {name}")) as u32 + 1
    }

    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.binary).unwrap()
    }

    pub fn symbols(&self) -> ModuleSymbols {
        symbols_of(&self.binary, &DebugSearch::none())
    }
}

pub fn symbols_of(path: &Path, search: &DebugSearch) -> ModuleSymbols {
    let bytes: Arc<[u8]> = std::fs::read(path).unwrap().into();
    ModuleSymbols::parse(path.to_str().unwrap(), bytes, search)
}

/// Compiles `text`; `None`, said loudly, without the compiler.
pub fn compile(compiler: &str, extension: &str, text: &str, flags: &[&str]) -> Option<Program> {
    if !available(compiler) {
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join(format!("fixture.{extension}"));
    let binary = directory.path().join("fixture");
    std::fs::write(&source, text).unwrap();
    run(Command::new(compiler).args(flags).arg("-o").arg(&binary).arg(&source));
    Some(Program { directory, binary, source, text: text.to_owned() })
}

pub fn available(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: {tool} is not installed; this test checked nothing");
    }
    found
}

/// Runs a tool that must succeed; its standard output.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{stdout}\n{stderr}");
    stdout
}

pub const C: &str = r#"
#include <stdlib.h>
#include <string.h>
int counter = 3;
static volatile int sink;

static inline __attribute__((always_inline)) int twice(int x) {
    sink = x; // MARK: twice
    return x + x;
}

__attribute__((noinline)) int leaf(int n) {
    int squared = n * n; // MARK: leaf
    sink = squared;
    return squared + counter;
}

__attribute__((noinline)) int middle(int n) {
    char buffer[64];
    memset(buffer, n, sizeof buffer);
    sink = buffer[5];
    int result = twice(n) + leaf(n + 1); // MARK: middle
    return result + buffer[7];
}

__attribute__((noinline)) int deep(int n) {
    if (n == 0)
        return middle(4); // MARK: deep
    volatile int keep = n;
    // comment with no code // MARK: comment
    return deep(n - 1) + keep;
}

int compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b; // MARK: compare
}

int main(void) {
    int values[] = {3, 1, 2}; // MARK: main
    qsort(values, 3, sizeof values[0], compare);
    return deep(3) == 0;
}
"#;

pub const CPP: &str = r#"
#include <vector>
namespace ns {
template <class T> struct Foo {
    T value;
    __attribute__((noinline)) T bar(T x) {
        return value + x; // MARK: bar
    }
    T operator()(T x) { return x; } // MARK: call
};
namespace {
__attribute__((noinline)) int hidden(int x) {
    return x + 1; // MARK: hidden
}
}
int use(int x) { return hidden(x); }
}
int bar(int x) {
    return x - 1; // MARK: plain
}
int bar(char x) {
    return x - 2; // MARK: overload
}
int main() {
    ns::Foo<int> foo{3};
    ns::Foo<long> other{3};
    return foo.bar(2) + (int)other.bar(1) + ns::use(2) + bar(1) + bar('a') + foo(1);
}
"#;

pub const RUST: &str = r#"
trait Speak { fn speak(&self, by: i32) -> i32; }
struct Dog(i32);
impl Speak for Dog {
    #[inline(never)]
    fn speak(&self, by: i32) -> i32 {
        self.0 * by // MARK: speak
    }
}
impl Dog {
    #[inline(never)]
    fn bark(&self) -> i32 {
        std::hint::black_box(self.0) + 1 // MARK: bark
    }
}
fn main() {
    let dog = Dog(std::env::args().count() as i32); // MARK: main
    std::process::exit((dog.speak(3) + dog.bark()) & 1);
}
"#;
