//! Variables that the linker placed: programs optimised as a whole when they were linked, whose
//! names and places are in different units, and variables that only symbol tables know.

use rdb_tests::compile::must_run;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::marks;
use rdb_tests::guest::Guest;
use rdb_tests::oracle;
use rdb_tests::recording::Recording;
use std::collections::BTreeMap;
use std::process::Command;

const MAIN: &str = r#"
#include <stdio.h>
struct point { int x, y; };
extern int counter;
extern struct point corner;
int bump(int by);
static int own = 5;
int shared[3] = {1, 2, 3};
int main(void)
{
    int total = 0;
    for (int i = 0; i < 3; i++) {
        own += i;
        total += bump(i + own); // MARK: call
    }
    printf("%d %d\n", total, corner.x + shared[1]); // MARK: print
    return 0;
}
"#;

const OTHER: &str = "
struct point { int x, y; };
int counter = 7;
struct point corner = {3, 4};
static int own = 9;
extern int shared[3];
__attribute__((noinline)) int bump(int by)
{
    static int calls = 100;
    int before = counter;
    counter += by + own; // MARK: adds
    own++;
    calls += own;
    shared[1]++;
    corner.x += before;
    return counter - before + calls;
}
";

/// A program of two units, each compiled with its own flags and linked with further ones.
struct Built {
    guest: Guest,
    marks: BTreeMap<String, String>,
}

impl Built {
    fn new(sources: [(&str, &str, &[&str]); 2], link: &[&str]) -> Self {
        let mut guest = Guest::system("", &[]);
        guest.program = guest.directory().join("linked");
        let mut linker = Command::new("gcc");
        let mut places = BTreeMap::new();
        for (name, text, flags) in sources {
            let path = guest.directory().join(name);
            std::fs::write(&path, text).expect("a source");
            let object = path.with_extension("o");
            must_run(Command::new("gcc").args(flags).arg("-c").arg(&path).arg("-o").arg(&object));
            linker.arg(object);
            places.extend(marks(&path).into_iter().map(|(m, line)| (m, format!("{name}:{line}"))));
        }
        must_run(linker.args(link).arg("-o").arg(&guest.program));
        Self { guest, marks: places }
    }

    fn record(&self) -> Recording {
        self.guest.record(&[])
    }
}

/// What commands answer where history first comes to a place.
fn at(explorer: &Explorer, place: &str, commands: &[&str]) -> Vec<Answer> {
    let mut all = vec![format!("break {place}"), "continue".to_owned()];
    all.extend(commands.iter().map(|command| (*command).to_owned()));
    explorer.attempt(&all).1.split_off(2)
}

fn assert_values(explorer: &Explorer, place: &str, expected: &[(&str, &str)]) {
    let commands: Vec<String> = expected.iter().map(|(name, _)| format!("print {name}")).collect();
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    for ((name, value), answer) in expected.iter().zip(at(explorer, place, &commands)) {
        assert_eq!(answer.get("value"), value, "{name} at {place}: {answer:?}");
    }
}

#[test]
fn variables_of_programs_optimised_when_linked_are_known() {
    for level in ["-O0", "-O2"] {
        let flags = ["-g", level, "-flto"];
        let built = Built::new([("first.c", MAIN, &flags), ("second.c", OTHER, &flags)], &flags);
        let recording = built.record();
        let explorer = recording.explore();
        // gdb takes one unit's `own` for the other's.
        let known = [
            ("counter", "7"),
            ("corner", "{x = 3, y = 4}"),
            ("shared", "{1, 2, 3}"),
            ("own", "9"),
            ("calls", "100"),
            ("second.c::own", "9"),
            ("first.c::own", "5"),
            ("by", "5"),
            ("before", "7"),
            ("bump::calls", "100"),
        ];
        assert_values(&explorer, &built.marks["adds"], &known);
        let outside = [("own", "8"), ("bump::calls", "133"), ("corner.y", "4")];
        assert_values(&explorer, &built.marks["print"], &outside);
        let commands =
            ["info args", "info locals", "last counter", "ptype bump", "up", "print total"];
        let answers = at(&explorer, &built.marks["adds"], &commands);
        let names = |answer: &Answer| {
            let all = answer.get("variables").as_array().expect("variables").clone();
            all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            (names(&answers[0]), names(&answers[1])),
            (vec!["by".to_owned()], vec!["before".into(), "calls".into()])
        );
        assert!(!answers[2].ok, "nothing wrote it: {:?}", answers[2]);
        assert_eq!(answers[3].get("type"), "int (int)");
        assert_eq!(answers[5].get("value"), "0");
        let names =
            ["print counter", "print corner", "print shared", "ptype corner"].map(String::from);
        let gdb = oracle::answers(&built.guest, &built.marks["adds"], 1, &names);
        let own = at(&explorer, &built.marks["adds"], &names.each_ref().map(|name| &**name));
        for (own, gdb) in own.iter().zip(gdb.unwrap_or_default()) {
            let value = own.get("value").as_str().or(own.get("type").as_str()).expect("a value");
            assert!(gdb.trim_end().ends_with(value), "{}: {value}, not {gdb}", own.command);
        }
    }
}

const USER: &str = "
#define _GNU_SOURCE
#include <unistd.h>
extern long number;
int work(void);
int main(void)
{
    char **first = environ;
    int sum = work() + (int)number;
    return sum == 0 || first == 0; // MARK: user
}
";

const SILENT: &str = "
char letter = 'a';
short little = -2;
int whole = 70000;
long number = 1234567890123;
double half = 0.5;
int list[3] = {1, 2, 3};
struct { int a, b; long c; } record = {4, 5, 6};
int work(void) { return letter + whole + list[1] + (int)half + little + record.a; }
";

#[test]
fn symbols_say_how_large_variables_without_debug_information_are() {
    let built = Built::new([("user.c", USER, &["-g"]), ("silent.c", SILENT, &[])], &[]);
    let recording = built.record();
    let explorer = recording.explore();
    let known = [
        ("number", "1234567890123"),
        ("whole", "70000"),
        ("little", "-2"),
        ("sizeof(whole)", "4"),
        ("sizeof(record)", "16"),
        ("(char)letter", "97 'a'"),
        ("(double)half", "0.5"),
        ("*(int (*)[3])&list", "{1, 2, 3}"),
        ("{int}&record", "4"),
        ("(int)list", "1"),
        ("whole + 1", "70001"),
        ("environ == first", "1"),
        ("*environ == *first", "1"),
    ];
    let place = &built.marks["user"];
    assert_values(&explorer, place, &known);
    let types = at(&explorer, place, &["whatis whole", "whatis environ", "whatis number"]);
    let types: Vec<_> = types.iter().map(|answer| answer.get("type").clone()).collect();
    assert_eq!(types, ["<data variable, no debug info>", "char **", "long"]);
}

const LIBRARY: &str = "
int number = 5;
int bump(void)
{
    number++;
    return number; // MARK: bump
}
";

const COPIER: &str = "
extern int number;
int bump(void);
int main(void)
{
    number += 10;
    return bump() + number == 0; // MARK: copier
}
";

#[test]
fn of_a_variable_that_the_linker_copied_the_copy_counts_everywhere() {
    let mut guest = Guest::system("", &[]);
    let folder = guest.directory().to_owned();
    guest.program = folder.join("copier");
    let mut places = Vec::new();
    for (name, text, mark) in [("library.c", LIBRARY, "bump"), ("copier.c", COPIER, "copier")] {
        std::fs::write(folder.join(name), text).expect("a source");
        places.push(format!("{name}:{}", marks(&folder.join(name))[mark]));
    }
    let gcc = |flags: &[&str]| must_run(Command::new("gcc").current_dir(&folder).args(flags));
    gcc(&["-g", "-shared", "-fPIC", "library.c", "-o", "libnumber.so"]);
    let path = format!("-Wl,-rpath,{}", folder.display());
    let linked = ["-g", "-no-pie", "-fno-pic", "copier.c", "-o", "copier", "-L.", "-lnumber"];
    gcc(&[&linked[..], &[&*path]].concat());
    let recording = guest.record(&[]);
    let explorer = recording.explore();
    assert_values(&explorer, &places[1], &[("number", "15")]);
    assert_values(&explorer, &places[0], &[("number", "16"), ("library.c::number", "16")]);
    let own = at(&explorer, &places[0], &["print &number"]);
    let outside = at(&explorer, &places[1], &["print &number"]);
    assert_eq!(own[0].get("value"), outside[0].get("value"));
}

#[test]
fn what_the_linker_threw_away_is_no_variable() {
    let flags = ["-g", "-O0", "-ffunction-sections", "-fdata-sections"];
    let dropped = format!("int dropped = 5;\nint unused(void) {{ return dropped; }}\n{OTHER}");
    let sources: [(&str, &str, &[&str]); 2] =
        [("first.c", MAIN, &flags), ("second.c", &dropped, &flags)];
    let built = Built::new(sources, &["-Wl,--gc-sections"]);
    let explorer = built.record().explore();
    let commands =
        ["print dropped", "print counter", "info variables ^dropped$", "mod list dropped"];
    let answers = at(&explorer, &built.marks["adds"], &commands);
    let refused = answers[0].error.as_deref().unwrap_or_default();
    assert!(refused.contains("no symbol \"dropped\""), "{refused}");
    assert_eq!(answers[1].get("value"), "7");
    assert_eq!(answers[2].get("defined").as_array().map(Vec::len), Some(0));
    assert!(!answers[3].ok, "{:?}", answers[3]);
}

#[test]
fn thread_local_variables_that_the_linker_threw_away_are_none() {
    let flags = ["-g", "-O0", "-ffunction-sections", "-fdata-sections"];
    // What ld writes for the place of those is that of the first one.
    let main =
        format!("__thread int kept = 3;\n{MAIN}").replace("int total = 0;", "int total = kept;");
    let dropped = format!(
        "__thread int dropped = 4;\nint unused(void) {{ return dropped; }}\n\
         int used(void) {{ static __thread int inside = 6; return inside++; }}\n{OTHER}"
    )
    .replace("calls += own;", "calls += own; calls += used();");
    let sources: [(&str, &str, &[&str]); 2] =
        [("first.c", &main, &flags), ("second.c", &dropped, &flags)];
    let built = Built::new(sources, &["-Wl,--gc-sections"]);
    let explorer = built.record().explore();
    let commands =
        ["print dropped", "print kept", "info variables ^dropped$", "print used::inside"];
    let answers = at(&explorer, &built.marks["adds"], &commands);
    let refused = answers[0].error.as_deref().unwrap_or_default();
    assert!(refused.contains("no symbol \"dropped\""), "{refused}");
    assert_eq!(answers[1].get("value"), "3");
    assert_eq!(answers[2].get("defined").as_array().map(Vec::len), Some(0));
    assert_eq!(answers[3].get("value"), "6");
}
