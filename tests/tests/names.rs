//! Names mean what they mean at the selected frame's place in the program.

use rdb_tests::compile::{Flavour, must_run};
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::{Fixture, marks};
use rdb_tests::guest::Guest;
use rdb_tests::recording::recording;
use rdb_tests::values::assert_same;
use std::process::Command;

/// Asked when a marked line of `spaces` begins, and compared with gdb.
fn as_in_gdb(mark: &str, hit: usize, commands: &[&str]) {
    let flavours = [Flavour::O0, Flavour::Dwarf4, Flavour::TypeUnits5];
    assert_same("spaces", &flavours, (mark, hit), commands);
}

#[test]
fn a_namespace_is_looked_through_before_what_is_around_it() {
    let commands = [
        "print hits",
        "print limit",
        "print ::hits",
        "print ::limit",
        "print outer::hits",
        "print sizeof(Point)",
        "print *(Point*)&point",
        "ptype Point",
        "whatis LOW",
        "print (int)LOW",
        "print hidden",
        "print twice == outer::twice",
        "print alias::far",
        "print inner::far",
        "print outer::depth",
    ];
    as_in_gdb("poll", 2, &commands);
    as_in_gdb("uses", 1, &["print far", "print hidden", "print hits"]);
    let outside = [
        "print hits",
        "print limit",
        "print twice == ::twice",
        "print depth",
        "print sizeof(Point)",
    ];
    as_in_gdb("main", 1, &outside);
    as_in_gdb("main", 1, &["print (int)LOW", "whatis LOW", "print outer::limit"]);
}

#[test]
fn a_class_and_its_bases_are_looked_through_before_the_namespace() {
    let commands = [
        "print limit",
        "print shared",
        "print own",
        "print sizeof(Small)",
        "print sizeof(Point)",
        "ptype Point",
        "print sizeof(::Point)",
        "print sizeof(outer::Point)",
        "ptype T",
        "print hits",
    ];
    as_in_gdb("method", 1, &commands);
    as_in_gdb("static", 1, &["print limit", "print shared", "print hits", "print sizeof(T)"]);
}

#[test]
fn parameters_of_templates_are_those_of_the_instance() {
    let commands = ["ptype T", "print (T)7/2", "print N", "ptype Value", "print sizeof(Value)"];
    as_in_gdb("get", 1, &commands);
    as_in_gdb("get", 2, &commands);
    let commands = ["ptype T", "print (T)7/2", "print sizeof(Point)"];
    as_in_gdb("blocks", 1, &commands);
    as_in_gdb("blocks", 2, &commands);
}

/// The values of expressions when a place begins.
fn values(explorer: &Explorer, place: &str, expressions: &[&str]) -> Vec<String> {
    let mut all = vec![format!("break {place}"), "continue".to_owned()];
    all.extend(expressions.iter().map(|expression| format!("print {expression}")));
    let (_, answers) = explorer.attempt(&all);
    answers[2..].iter().map(shown).collect()
}

fn shown(answer: &Answer) -> String {
    let value = || answer.get("value").as_str().expect("a value").to_owned();
    answer.error.clone().unwrap_or_else(value)
}

#[test]
fn using_declarations_and_inline_namespaces_count() {
    // gdb 13 knows neither; these are the values that the program computes with.
    let (fixture, explorer) = (Fixture::load("spaces"), recording("spaces").explore());
    let expressions = ["depth", "outer::depth", "version", "outer::version", "far"];
    let found = values(&explorer, &fixture.place("uses"), &expressions);
    assert_eq!(found, ["30", "30", "41", "41", "31"]);
}

#[test]
fn every_question_is_about_the_name_of_the_place() {
    let (fixture, explorer) = (Fixture::load("spaces"), recording("spaces").explore());
    let place = fixture.place("poll");
    let each = explorer.last(&[format!("print-each hits at {place}")]);
    let samples = each.get("samples").as_array().expect("samples").clone();
    let samples: Vec<_> =
        samples.iter().map(|sample| sample["values"][0]["value"].clone()).collect();
    assert_eq!(samples, ["0", "2", "5", "9"]);
    let go = [format!("break {place}"), "continue".to_owned(), "mod list hits".to_owned()];
    let rows = explorer.last(&go);
    let rows = rows.get("modifications").as_array().expect("modifications").clone();
    let lines: Vec<_> = rows.iter().map(|row| row["line"].as_u64()).collect();
    let line = |mark: &str, behind: u32| Some(u64::from(fixture.line(mark) - behind));
    let [adds, counts] = [line("adds", 0), line("method", 1)];
    assert_eq!(lines, [adds, counts, adds, counts, adds, counts, adds, counts]);
    let stop = [format!("break {} if hits == 3", fixture.place("adds")), "continue".to_owned()];
    let stopped = explorer.ask(&[&stop[0], &stop[1], "up", "print i"]);
    assert_eq!(stopped[3].get("value"), "2", "{stopped:?}");
}

#[test]
fn a_module_is_looked_through_before_what_is_around_it() {
    let (fixture, explorer) = (Fixture::load("modules"), recording("modules").explore());
    let expressions = ["LEVEL", "sizeof(State)", "self::LEVEL", "super::LEVEL", "crate::LEVEL"];
    let at =
        |mark: &str, expressions: &[&str]| values(&explorer, &fixture.place(mark), expressions);
    assert_eq!(at("first", &expressions), ["10", "16", "10", "1", "1"]);
    assert_eq!(at("second", &expressions), ["20", "3", "20", "1", "1"]);
    assert_eq!(at("deep", &expressions), ["100", "8", "100", "10", "1"]);
    assert_eq!(at("main", &expressions[..3]), ["1", "1", "1"]);
    assert_eq!(
        at("first", &["second::LEVEL", "deep::LEVEL", "crate::second::LEVEL"])[1..],
        ["100", "20"]
    );
    for (mark, name) in [("first", "modules::first::helper"), ("main", "modules::helper")] {
        let [helper] = &at(mark, &["helper"])[..] else { panic!("one value") };
        assert!(helper.ends_with(&format!("<{name}>")), "{helper}");
    }
}

const FIRST: &str = "
enum mode { OFF, ON = 1 };
typedef int num;
struct node { int v; struct node *next; };
static int helper(num a) { return a + 10; }
int other(void *p, int m);
int shadow = 100;
int main(void)
{
    struct node b = { 2, 0 }, a = { 1, &b };
    num n = 3;
    enum mode m = ON;
    int shadow = 1;
    for (int i = 0; i < 1; i++) {
        struct node { char c; } node = { 'c' };
        n += node.c; // MARK: block
    }
    {
        extern int shadow;
        n += shadow; // MARK: extern
    }
    return helper(n) + shadow + other(&a, 1) + m == 0; // MARK: first
}
";

const SECOND: &str = "
enum mode { SLOW = 7, ON = 9 };
typedef double num;
struct node { double w; char name[16]; struct node *next; };
static int helper(num a) { return (int)(a * 20); }
int other(void *p, int m)
{
    struct node x = { 2.5, \"a name\", 0 };
    void *v = &x;
    num n = 1.5;
    enum mode k = SLOW;
    int r = helper(n) + (int)x.w + k;
    return r + (v != 0) + (p != 0); // MARK: second
}
";

#[test]
fn of_several_files_the_frames_own_counts() {
    let mut guest = Guest::system("", &[]);
    guest.program = guest.directory().join("files");
    let mut compiler = Command::new("gcc");
    compiler.args(["-g", "-O0", "-o"]).arg(&guest.program);
    let mut places = std::collections::HashMap::new();
    for (name, text) in [("first.c", FIRST), ("second.c", SECOND)] {
        let path = guest.directory().join(name);
        std::fs::write(&path, text).expect("a source");
        compiler.arg(&path);
        let marks = marks(&path).into_iter();
        places.extend(marks.map(|(mark, line)| (mark.clone(), format!("{name}:{line}"))));
    }
    must_run(&mut compiler);
    let recording = guest.record(&[]);
    let explorer = recording.explore();
    let at = |mark: &str, expressions: &[&str]| values(&explorer, &places[mark], expressions);
    let second = [
        "*(struct node *)v",
        "sizeof(struct node)",
        "(num)3/2",
        "*(num *)&n",
        "(enum mode)9",
        "(enum mode)7",
        "(int)ON",
        "(long)&((struct node *)0)->next",
    ];
    let node =
        "{w = 2.5, name = \"a name\\000\\000\\000\\000\\000\\000\\000\\000\\000\", next = 0x0}";
    let expected = [node, "32", "1.5", "1.5", "ON", "SLOW", "9", "24"];
    assert_eq!(at("second", &second), expected);
    let first = ["*(struct node *)&b", "sizeof(struct node)", "(num)3/2", "(int)ON", "shadow"];
    assert_eq!(at("first", &first), ["{v = 2, next = 0x0}", "16", "1", "1", "1"]);
    assert_eq!(
        at("block", &["sizeof(struct node)", "*(struct node *)&node"]),
        ["1", "{c = 99 'c'}"]
    );
    assert_eq!(at("extern", &["shadow", "sizeof(struct node)"]), ["100", "16"]);
    // Each file's own function; a breakpoint is in all.
    for (mark, other) in [("first", "second.c::helper"), ("second", "first.c::helper")] {
        let question = format!("helper == {other}");
        assert_eq!(at(mark, &["helper == helper", &question]), ["1", "0"], "{mark}");
    }
    let answer = explorer.last(&["break helper"]);
    let targets = answer.result.to_string().matches("\"address\"").count();
    assert_eq!(targets, 2, "{answer:?}");
}
