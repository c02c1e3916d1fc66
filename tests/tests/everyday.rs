//! gdb's everyday commands between lines, names and addresses; and what a history does not hold.

use rdb_tests::compile::must_run;
use rdb_tests::explorer::{Answer, Explorer, parse_hex};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::recording::recording;
use std::process::Command;

fn hex(answer: &Answer, field: &str) -> u64 {
    parse_hex(answer.get(field).as_str().unwrap_or_else(|| panic!("no {field}: {answer:?}")))
}

#[test]
fn lines_symbols_and_addresses_agree() {
    let tree = Fixture::load("tree");
    let explorer = recording("tree").explore();
    let place = tree.place("random");
    let until = format!("until {place}");
    let line = explorer.last(&[&*until, &format!("info line {place}")]);
    let code = &line.get("lines")[0];
    assert_eq!(code["line"].as_u64(), Some(tree.line("random").into()));
    let start = code["start"].as_str().expect("an address").to_owned();
    let symbol = explorer.last(&[&*until, &format!("info symbol {start}")]);
    assert_eq!(symbol.get("symbol"), "next_random");
    let function = explorer.last(&["until main", "print (long)&next_random"]);
    let entry: u64 = function.get("value").as_str().and_then(|n| n.parse().ok()).expect("a number");
    assert_eq!(entry + symbol.get("offset").as_u64().expect("an offset"), parse_hex(&start));
    // The cursor's own line, if none is named.
    let own = explorer.last(&[&*until, "info line"]);
    let pc = hex(&explorer.last(&[&*until]), "pc");
    let (start, end) = (&own.get("lines")[0]["start"], &own.get("lines")[0]["end"]);
    let bounds = [start, end].map(|bound| parse_hex(bound.as_str().expect("an address")));
    assert!(bounds[0] <= pc && pc < bounds[1]);
    let said = |name: &str| explorer.last(&[&*until, &format!("info address {name}")]);
    let seed = explorer.last(&[&*until, "print &seed"]);
    let seed = seed.get("value").as_str().expect("a value").to_owned();
    let address = seed.split(' ').find(|word| word.starts_with("0x")).expect("an address");
    assert_eq!(said("seed").get("place"), &format!("at {address} here"));
    assert_eq!(said("next_random").get("place"), &format!("a function at {entry:#x}"));
    let (_, answers) = explorer.attempt(&["info symbol 0", "info line *0", "info address nosuch"]);
    assert!(answers.iter().all(|answer| !answer.ok), "{answers:?}");
}

#[test]
fn the_line_of_a_function_is_that_of_its_first_address() {
    let line_of = |mark| u64::from(Fixture::load("tree").line(mark));
    let explorer = recording("tree").explore();
    let found = explorer.last(&["until main", "info line insert"]);
    // Libraries may have a function of that name as well.
    let lines = found.get("lines").as_array().expect("lines").iter();
    let own = |line: &&serde_json::Value| line["file"].as_str().expect("a file").contains("tree.c");
    let lines: Vec<_> = lines.filter(own).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["line"].as_u64(), Some(line_of("allocate") - 2));
    assert_eq!(lines[0]["symbol"], "<insert>");
    let overloads = recording("bases").explore().last(&["until main", "info line over"]);
    let overloads = overloads.get("lines").as_array().expect("lines");
    assert_eq!(overloads.len(), 3);
    let symbols = overloads.iter().map(|line| line["symbol"].as_str().expect("a symbol"));
    assert!(symbols.into_iter().all(|symbol| !symbol.contains('+')), "{overloads:?}");
}

#[test]
fn breakpoints_are_cleared_by_place_and_enabled_once() {
    let place = Fixture::load("tree").place("random");
    let explorer = recording("tree").explore();
    let set = format!("break {place}");
    let count = |answer: &Answer| answer.get("breakpoints").as_array().map(Vec::len);
    let answers =
        explorer.ask(&[&*set, "break main", &format!("clear {place}"), "info b", "rc", "clear"]);
    assert_eq!(answers[2].get("breakpoints")[0], 1);
    assert_eq!(count(&answers[3]), Some(1));
    assert_eq!(answers[5].get("breakpoints")[0], 2, "that at the cursor");
    let (_, answers) = explorer.attempt(&["clear main"]);
    assert!(
        answers[0].error.as_ref().is_some_and(|error| error.contains("no breakpoint is there"))
    );
    let answers = explorer.ask(&[&*set, "disable", "enable once 1", "rc", "info b", "rc"]);
    assert_eq!((answers[3].reason(), answers[5].reason()), ("breakpoint", "exit"));
    assert_eq!(answers[4].get("breakpoints")[0]["enabled"], false);
}

#[test]
fn lists_go_back_and_have_open_ends() {
    let explorer = recording("tree").explore();
    let lines = |commands: &[&str]| {
        let answer = explorer.last(commands);
        let all = answer.get("lines").as_array().expect("lines").clone();
        let numbers: Vec<u64> = all.iter().filter_map(|line| line["line"].as_u64()).collect();
        (numbers[0], numbers[numbers.len() - 1])
    };
    assert_eq!(lines(&["until main", "list 21,"]), (21, 30));
    assert_eq!(lines(&["until main", "list ,20"]), (11, 20));
    assert_eq!(lines(&["until main", "list 21,+4"]), (21, 25));
    assert_eq!(lines(&["until main", "list 21,25", "list -"]), (11, 20));
    assert_eq!(lines(&["until main", "list 21,25", "list -", "list -"]), (1, 10));
    let (_, answers) = explorer.attempt(&["until main", "list 1,5", "list -"]);
    assert!(!answers[2].ok);
}

/// Compiles `source` in the guest's directory.
fn build(guest: &Guest, name: &str, source: &str, flags: &[&str]) {
    let file = guest.directory().join(format!("{name}.c"));
    std::fs::write(&file, source).expect("failed to write a source");
    let mut compiler = Command::new("gcc");
    compiler.args(["-g", "-w", "-o"]).arg(guest.directory().join(name));
    must_run(compiler.arg(file).args(flags));
}

#[test]
fn thread_local_variables_of_libraries_are_found() {
    let mut guest = Guest::system("", &[]);
    let library =
        "__thread int fresh = 7; __thread int counted; void count(void) { counted += 3; }";
    let opened = "__thread long late = 5; void more(void) { late *= 100; }";
    let program = "#include <dlfcn.h>\nvoid count(void); __thread int own = 1;\n\
                   int main(void) { own++; count(); count();\n\
                   void *lib = dlopen(\"./libopened.so\", RTLD_NOW);\n\
                   ((void (*)(void))dlsym(lib, \"more\"))();\n\
                   return 0; }";
    let shared = ["-shared", "-fPIC"];
    build(&guest, "libcount.so", library, &shared);
    build(&guest, "libopened.so", opened, &shared);
    let path = guest.directory().display().to_string();
    build(
        &guest,
        "program",
        program,
        &[&format!("-L{path}"), "-lcount", &format!("-Wl,-rpath,{path}"), "-ldl"],
    );
    guest.program = guest.directory().join("program");
    let recording = guest.record(&[]);
    assert_eq!(recording.output.code(), 0, "{}", recording.output.stderr_text());
    let explorer = recording.explore();
    let values = |commands: &[&str]| {
        let answers = explorer.ask(commands);
        let texts = answers[1..].iter().filter_map(|answer| answer.get("value").as_str());
        texts.map(str::to_owned).collect::<Vec<_>>()
    };
    let asked = ["print own", "print fresh", "print counted"];
    assert_eq!(values(&[&["until program.c:6"], &asked[..]].concat()), ["2", "7", "6"]);
    assert_eq!(values(&["until program.c:6", "print late"]), ["500"]);
    let written = explorer.last(&["until program.c:6", "mod list -w past counted"]);
    let rows = written.get("modifications").as_array().expect("rows");
    assert_eq!(rows.last().map(|row| row["new_value"].clone()), Some("6".into()));
}

#[test]
fn child_processes_that_ran_unrecorded_are_said() {
    let guest = Guest::system("/bin/sh", &["-c", "/bin/true; /bin/true; exit 3"]);
    let recording = guest.record(&[]);
    assert_eq!(recording.output.code(), 3);
    let said = recording.recorder_stderr();
    assert!(said.contains("2 child processes ran unrecorded"), "{said}");
    let notices = recording.explore().last(&["info"]).get("notices").to_string();
    assert!(notices.contains("2 child processes ran unrecorded"), "{notices}");
    // Nothing is said where there were none.
    let notices = Explorer::new(&rdb_tests::recording::recording("tree").trace).last(&["info"]);
    assert!(!notices.get("notices").to_string().contains("unrecorded"));
}

#[test]
fn both_programs_count_the_bytes_of_an_instruction_alike() {
    let guest = Guest::system("/bin/true", &[]);
    let recording = guest.record(&[]);
    let said = recording.recorder_stderr();
    let each = said.split(" bytes per instruction").next().and_then(|all| all.rsplit(' ').next());
    let each = each.expect("a closing line");
    let shown = recording.explore().text(&["info"]).stdout_text();
    assert!(shown.contains(&format!("the rest {each} an instruction")), "{said}{shown}");
}

#[test]
fn usage_shows_all_words_of_a_command() {
    let explorer = recording("hello").explore();
    let usages = [
        ("print-each", "print-each [-c N] [-w WHEN] EXPR[, EXPR…] at LOCATION [if CONDITION]"),
        ("export", "export [--format perfetto|chrome] calls|folded FILE"),
    ];
    for (command, usage) in usages {
        let answer = explorer.last(&[format!("help {command}")]);
        assert_eq!(answer.get("groups")[0]["commands"][0]["usage"], usage);
        let (_, answers) = explorer.attempt(&[command]);
        let error = answers[0].error.clone().unwrap_or_default();
        assert!(error.ends_with(&format!("usage: {usage}")), "{error}");
        // Names and what they are stand apart.
        let text = explorer.text(&[format!("help {command}")]).stdout_text();
        let parts = text.lines().filter(|line| line.starts_with("  "));
        for line in parts {
            let (name, help) = line.trim().split_once(' ').unwrap_or_default();
            assert!(!name.is_empty() && !help.trim().is_empty(), "{line}");
        }
    }
}

#[test]
fn displays_of_memory_show_what_x_shows() {
    let explorer = recording("tree").explore();
    for (format, of) in [("3i", "$pc"), ("4xb", "&seed"), ("s", "$rsp")] {
        let (examine, display) = (format!("x/{format} {of}"), format!("display/{format} {of}"));
        let answers = explorer.ask(&["until main", &*display, "stepi", &*examine, "info display"]);
        let [_, first, moved, examined, list] = &answers[..] else { panic!("{answers:?}") };
        assert!(first.get("displays")[0]["error"].is_null(), "{first:?}");
        let memory = &moved.get("displays")[0]["memory"];
        assert_eq!(memory, &examined.result, "{display}");
        assert_eq!(list.get("displays")[0]["format"].as_str().map(|f| &f[..1]), format.get(..1));
    }
    let value = explorer.last(&["until main", "display/x seed"]);
    assert!(value.get("displays")[0]["value"].as_str().is_some_and(|v| v.starts_with("0x")));
}

#[test]
fn what_modules_define_is_listed_by_name() {
    let explorer = recording("tree").explore();
    let ask = |command: &str| {
        let answer = explorer.last(&["until main", command]);
        answer.get("defined").as_array().expect("a list").clone()
    };
    let one = |command: &str| {
        let list = ask(command);
        assert_eq!(list.len(), 1, "{list:?}");
        list[0].clone()
    };
    let address = |row: &serde_json::Value| parse_hex(row["address"].as_str().expect("an address"));
    let number = |expression: &str| {
        let answer = explorer.last(&["until main", &format!("print (long){expression}")]);
        answer.get("value").as_str().and_then(|n| n.parse::<u64>().ok()).expect("a number")
    };
    let function = one("info functions ^next_random$");
    assert_eq!(address(&function), number("&next_random"));
    let seed = one("info variables ^seed$");
    assert_eq!(address(&seed), number("&seed"));
    let told = explorer.last(&["until main", "whatis seed"]);
    assert_eq!(&seed["type"], told.get("type"));
    assert_eq!(ask("info types ^node$")[0]["line"].as_u64(), Some(7), "the program first");
    assert!(ask("info sources /tree\\.c$").iter().any(|row| row["file"].is_string()));
    assert!(ask("info functions ^malloc$").iter().all(|row| row["name"] == "malloc"));
    assert!(ask("info functions ^no_such_name$").is_empty());
    let all = explorer.last(&["until main", "info functions -c 0"]);
    let shown = explorer.last(&["until main", "info functions -c 5"]);
    assert!(all.get("total").as_u64() > Some(100), "{all:?}");
    assert_eq!(
        (shown.get("defined").as_array().map(Vec::len), shown.get("more")),
        (Some(5), &true.into())
    );
    let (_, wrong) = explorer.attempt(&["info types ("]);
    assert!(wrong[0].error.as_ref().is_some_and(|error| error.contains("is no pattern")));
}
