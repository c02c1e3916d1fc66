//! Programs with much code that runs seldom.

use crate::subject::{Bars, Subject};
use rdb_tests::compile::must_run;
use rdb_tests::guest::Guest;
use rdb_tests::measure::report::Bar;
use rdb_tests::tools::{cc1, system_python};
use std::fmt::Write;
use std::process::Command;

/// Functions of the compiled file.
const FUNCTIONS: usize = 100;

const HEADERS: &[&str] = &[
    "ctype.h",
    "dirent.h",
    "errno.h",
    "fcntl.h",
    "math.h",
    "netdb.h",
    "pthread.h",
    "regex.h",
    "signal.h",
    "stdio.h",
    "stdlib.h",
    "string.h",
    "sys/mman.h",
    "sys/socket.h",
    "sys/stat.h",
    "time.h",
    "unistd.h",
    "wchar.h",
];

fn bars() -> Bars {
    Bars { rate: Bar::AtLeast(30.0), ..Bars::default() }
}

/// gcc's own compiler on a preprocessed file of system headers and a hundred functions.
pub fn compiler(name: &'static str) -> Option<Subject> {
    let guest = Guest::system(cc1()?, &["-fpreprocessed", "-quiet", "-O1", "file.i", "-o", "-"]);
    let source = guest.directory().join("file.c");
    std::fs::write(&source, text()).expect("failed to write a source");
    let mut preprocessor = Command::new("gcc");
    must_run(preprocessor.arg("-E").arg(&source).arg("-o").arg(source.with_extension("i")));
    Some(Subject::new(name, guest, bars()))
}

/// Python's start with a library that imports much.
pub fn imports(name: &'static str) -> Option<Subject> {
    let guest = Guest::system(system_python()?, &["-c", "import json, asyncio"]);
    Some(Subject::new(name, guest, bars()))
}

fn text() -> String {
    let mut text = String::new();
    for header in HEADERS {
        writeln!(text, "#include <{header}>").expect("text grows");
    }
    for number in 0..FUNCTIONS {
        text.push_str(&function(number));
    }
    text
}

/// One function: loops, branches, calls and conversions in sizes that vary.
fn function(number: usize) -> String {
    let mut body = String::new();
    for step in 0..1 + number % 3 {
        let (mask, shift) = (1 << (step + 1), (number + step) % 31);
        let statement = match (number + step) % 4 {
            0 => format!("for (int i = 0; i < n % {mask}; i++) sum += text[i] * {step} + i;"),
            1 => format!("if (sum & {mask}) sum ^= (unsigned long)n << {shift}; else sum -= n;"),
            2 => format!(
                "switch (n % 5) {{ case 0: sum += {number}; break; case 3: sum *= 7; break; default: sum--; }}"
            ),
            _ => format!(
                "sum += (unsigned long)strlen(text + n % {mask}) + (unsigned long)(sum / {number}.5);"
            ),
        };
        writeln!(body, "    {statement}").expect("text grows");
    }
    let next =
        if number > 0 { format!("function_{}(text, n - 1)", number - 1) } else { "0".into() };
    format!(
        "unsigned long function_{number}(const char *text, int n)\n{{\n    unsigned long sum = {number};\n\
         {body}    return n > 0 ? sum + {next} : sum;\n}}\n"
    )
}
