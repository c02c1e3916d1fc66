//! Variables of modules that are not there all the time: where others are loaded in their place.

use rdb_tests::compile::must_run;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::guest::Guest;
use serde_json::Value;
use std::process::Command;

const LOADER: &str = "\
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
int total;
static int use(const char *library, const char *name)
{
  void *handle = dlopen(library, RTLD_NOW);
  int (*function)(int) = (int (*)(int))dlsym(handle, name);
  int sum = 0;
  for (int i = 0; i < 3; i++)
    sum += function(i);
  dlclose(handle);
  return sum;
}
int main(void)
{
  total += use(\"./first.so\", \"first\");
  total += use(\"./second.so\", \"second\");
  total += use(\"./first.so\", \"first\");
  execl(\"/bin/echo\", \"echo\", \"done\", (char *)0);
  return 9;
}
";

/// A guest that loads two libraries, one after the other, in the same place, and becomes echo.
fn guest() -> Guest {
    let guest = Guest::compiled("loader.c", LOADER, &["gcc", "-g", "-ldl"]);
    for (name, variable, change) in [("first", "va", "+= 2"), ("second", "vb", "-= 3")] {
        let source = format!(
            "int {variable} = 11;\nint {name}(int x)\n{{\n  int q = x + {variable};\n  {variable} \
             {change};\n  return q;\n}}\n"
        );
        let file = guest.directory().join(format!("{name}.c"));
        std::fs::write(&file, source).expect("failed to write a source");
        let mut compile = Command::new("gcc");
        compile.args(["-g", "-O0", "-shared", "-fPIC", "-o", &format!("{name}.so")]);
        must_run(compile.arg(&file).current_dir(guest.directory()));
    }
    guest
}

fn values(answer: &Answer) -> Vec<String> {
    let rows = answer.get("modifications").as_array().unwrap_or_else(|| panic!("{answer:?}"));
    rows.iter().map(|row| row["function"].as_str().unwrap_or("?").to_owned()).collect()
}

fn address(explorer: &Explorer, function: &str, variable: &str) -> Value {
    let (stop, ask) = (format!("break {function}"), format!("print &{variable}"));
    explorer.last(&[stop, "continue".into(), ask]).get("value").clone()
}

#[test]
fn a_librarys_variable_is_not_what_another_has_in_its_place() {
    let guest = guest();
    let explorer = guest.recorded();
    let place = |value: &Value| value.as_str().and_then(|v| v.split(' ').nth(2).map(str::to_owned));
    let (va, vb) = (address(&explorer, "first", "va"), address(&explorer, "second", "vb"));
    assert_eq!(place(&va), place(&vb), "the test needs both in one place");
    let all = explorer.ask(&["break first", "continue", "mod list -c 100 va", "watch va"]);
    let written = values(&all[2]);
    assert_eq!(written.iter().filter(|name| *name == "first").count(), 3, "{written:?}");
    assert!(!written.contains(&"second".to_owned()), "{written:?}");
    let watching = ["break first", "continue", "delete", "watch va", "c", "c", "c", "c"];
    let stops = explorer.ask(&watching);
    let reasons: Vec<&str> = stops[4..].iter().map(Answer::reason).collect();
    assert_eq!(reasons[..3], ["watch", "watch", "watch"]);
    assert_ne!(stops[7].function(), Some("second"), "{:?}", stops[7]);
    // Where the other is, it has no value.
    let (_, there) = explorer.attempt(&[
        "break first",
        "continue",
        "break second",
        "continue",
        "continue",
        "continue",
        "print va",
    ]);
    assert_eq!(there[there.len() - 2].function(), Some("second"), "{there:?}");
    let print = there.last().expect("an answer");
    let told = print.result.to_string();
    assert!(!print.ok || told.contains("not loaded"), "{print:?}");
}

#[test]
fn after_exec_the_programs_variables_are_gone() {
    let guest = guest();
    let explorer = guest.recorded();
    let (_, answers) = explorer.attempt(&["rend", "jump 100%", "print total"]);
    let print = answers.last().expect("an answer");
    assert!(!print.ok || print.result.to_string().contains("not loaded"), "{print:?}");
    let written = explorer.last(&["break main", "continue", "mod list -c 100 total"]);
    assert!(values(&written).iter().filter(|name| *name == "main").count() == 3, "{written:?}");
}
