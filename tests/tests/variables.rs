//! Values of variables and expressions: as gdb shows them, wherever both stop.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::values::{assert_same, assert_values};

const GLOBALS: [&str; 45] = [
    "print letter",
    "print tiny",
    "print byte",
    "print narrow",
    "print half",
    "print wide",
    "print widest",
    "print single",
    "print ratio",
    "print extended",
    "print rotated",
    "print yes",
    "print colour",
    "print odd",
    "print flags",
    "print strange",
    "print level",
    "print matrix",
    "print zeros",
    "print text",
    "print full",
    "print escaped",
    "print string",
    "print none",
    "print octets",
    "print corner",
    "print second",
    "print first",
    "print packed",
    "print mixed",
    "print operations",
    "print table",
    "print middle",
    "print indirect",
    "print anything",
    "print counted",
    "print constant",
    "print huge",
    "print own",
    "print add",
    "print &add",
    "print &corner",
    "print &matrix",
    "print *first.next",
    "print &first.at",
];

#[test]
fn globals_of_every_c_type_are_as_in_gdb() {
    assert_same("types", &[Flavour::O0, Flavour::O2], ("main", 1), &GLOBALS);
}

#[test]
fn formats_are_gdbs() {
    let values = [
        "corner", "byte", "tiny", "wide", "matrix", "colour", "ratio", "text", "packed", "middle",
        "letter", "single",
    ];
    let commands: Vec<String> = values
        .iter()
        .flat_map(|value| "xduotzcf".chars().map(move |letter| format!("print/{letter} {value}")))
        .collect();
    let mut commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    commands.extend(["print/a corner", "print/a tiny", "print/a middle", "print/a wide"]);
    assert_same("types", &[Flavour::O0], ("main", 1), &commands);
    // Of floats, characters and addresses are of the value without its fraction.
    let floats = [
        "65.5",
        "-2.75",
        "300.0f",
        "1e30",
        "-1e30",
        "0.0/0",
        "-1.0/0",
        "1e10L",
        "(float)-1",
        "ratio",
        "9223372036854775807.0",
        "-9223372036854775808.0",
    ];
    let formats = floats.iter().flat_map(|value| "ca".chars().map(move |f| (f, value)));
    let commands: Vec<String> = formats.map(|(f, value)| format!("print/{f} {value}")).collect();
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    assert_same("types", &[Flavour::O0], ("main", 1), &commands);
}

#[test]
fn vector_registers_have_gdbs_lanes() {
    let commands = [
        "print $xmm0.v2_double",
        "print $xmm1.v4_float",
        "print $xmm1.v16_int8",
        "print $xmm2.v8_int16",
        "print $xmm0.v4_int32[1]",
        "print $xmm1.v2_int64",
        "print $xmm1.uint128",
        "print $xmm1.v3_float",
    ];
    assert_same("variables", &[Flavour::O0], ("print", 1), &commands);
}

#[test]
fn types_are_as_in_gdb() {
    let commands = [
        "whatis letter",
        "whatis matrix",
        "whatis &matrix",
        "whatis matrix[1]",
        "whatis table",
        "whatis operations",
        "whatis operations[0]",
        "whatis &first",
        "whatis first.next",
        "whatis string",
        "whatis &string",
        "whatis anything",
        "whatis constant",
        "whatis &constant",
        "whatis add",
        "whatis &add",
        "whatis first.at",
        "whatis 1+1",
        "whatis 1+1L",
        "whatis 1u",
        "whatis 'a'",
        "whatis letter + 1",
        "whatis single * 2",
        "whatis single * ratio",
        "whatis middle - matrix[0]",
        "whatis size",
        "whatis struct node",
        "whatis operation",
        "whatis (char) 1",
        "whatis (unsigned long) 1",
        "whatis first.next->at.x",
        "whatis packed.wide",
        "ptype struct node",
        "ptype place",
        "ptype operation",
        "ptype struct packed",
        "ptype struct mixed",
        "ptype enum colour",
        "ptype enum level",
        "ptype first.next",
        "ptype table",
        "ptype size",
        "ptype unsigned long",
        "ptype add",
    ];
    assert_same("types", &[Flavour::O0], ("main", 1), &commands);
}

#[test]
fn arithmetic_is_cs() {
    let commands = [
        "print 1 + 2 * 3",
        "print (1 + 2) * 3",
        "print 7 / 2",
        "print -7 / 2",
        "print -7 % 3",
        "print 7.0 / 2",
        "print 1 << 4 | 3",
        "print 6 & 3 ^ 1",
        "print ~5",
        "print !5",
        "print !0",
        "print 1 < 2 && 3 > 4",
        "print 1 || 0",
        "print 5 == 5",
        "print 5 != 5",
        "print byte > 100 ? letter + 0 : tiny + 0",
        "print 0x10 + 010 + 'a'",
        "print 5u - 6",
        "print 4000000000",
        "print -1 < 1u",
        "print 1.5e3",
        "print .5 + 1",
        "print 10 % 4 * 2",
        "print \"abc\"",
        "print wide / 7",
        "print -wide",
        "print +byte",
    ];
    assert_same("types", &[Flavour::O0], ("outer", 1), &commands);
}

#[test]
fn pointers_and_arrays_are_cs() {
    let commands = [
        "print matrix[1][2]",
        "print *matrix[1]",
        "print matrix[1]",
        "print **matrix",
        "print *middle@3",
        "print zeros[250]@2",
        "print &matrix[1][1] - &matrix[0][0]",
        "print *(middle - 1)",
        "print middle[1]",
        "print &first.at == &first",
        "print operations[1]",
        "print *operations[0]",
        "print string[2]",
        "print *string@4",
    ];
    assert_same("types", &[Flavour::O0], ("outer", 1), &commands);
}

#[test]
fn conversions_and_sizes_are_cs() {
    let commands = [
        "print sizeof(struct node)",
        "print sizeof first",
        "print sizeof(int *)",
        "print sizeof matrix",
        "print (char) 65",
        "print (unsigned char) -1",
        "print (short) 70000",
        "print (double) 1 / 3",
        "print (int) 3.9",
        "print (float) ratio",
        "print (enum colour) 5",
        "print (long) middle == &matrix[1][1]",
        "print *(struct point *) anything",
        "print ((struct point *) anything)->y",
        "print {int} middle",
        "print sizeof(size)",
        "print (place *) anything",
        "print *(place *) anything",
        "print sizeof \"abc\"",
    ];
    assert_same("types", &[Flavour::O0], ("outer", 1), &commands);
}

#[test]
fn members_enumerators_and_names_are_cs() {
    let commands = [
        "print first.next->name",
        "print (*first.next).at.x",
        "print first.next.at",
        "print first.next == 0",
        "print first.next == &second",
        "print mixed.real",
        "print mixed.bytes[3]",
        "print packed.mode",
        "print packed.mode * 2",
        "print packed.wide",
        "print colour == GREEN",
        "print BLUE",
        "print colour + 1",
        "print strange & WRITE",
        "print yes + 1",
        "print 'types.c'::own",
        "print inner::calls",
        "print main::here.x",
    ];
    assert_same("types", &[Flavour::O0], ("outer", 1), &commands);
}

#[test]
fn the_history_and_convenience_variables_are_gdbs() {
    let commands = [
        "print 1 + 2 * 3",
        "print 7 / 2",
        "print 7.0 / 2",
        "print -7 % 3",
        "print $1",
        "print $",
        "print $$",
        "print $$3 + 1",
        "print $a = 5",
        "print $a * 2",
        "print $a",
        "print $b",
        "print ($a = 3, $a + 1)",
        "print $rsp == $sp",
        "print $pc",
        "print $eax == (int) $rax",
    ];
    assert_same("types", &[Flavour::O0], ("outer", 1), &commands);
}

#[test]
fn hexadecimal_floats_and_strings_behind_each_other_are_as_in_gdb() {
    let commands = [
        "print 0x1p3",
        "print 0x1.8p-1",
        "print 0X1.8P+1f",
        "print 0x1.8",
        "print 0x.8p1",
        "print -0x1p-3 * 2",
        "whatis 0x1p3",
        "whatis 0x1p3f",
        "whatis 0x1p3l",
        "print 0x1p3l / 3",
        "print 0x1.fffffffffffff8p0",
        "print 0x1.000001p0f",
        "print \"ab\" \"cd\"",
        "print sizeof(\"ab\" \"c\")",
        "print L\"ab\" \"cd\"",
        "print \"ab\" L\"cd\" \"e\"",
        "print u\"a\" U\"b\"",
        "print \"ab\" \"cd\"[1]",
    ];
    assert_same("types", &[Flavour::O0], ("outer", 1), &commands);
}

#[test]
fn alignments_are_as_in_gdb() {
    let commands = [
        "print _Alignof(char)",
        "print _Alignof(short)",
        "print _Alignof(int)",
        "print _Alignof(long)",
        "print _Alignof(double)",
        "print _Alignof(long double)",
        "print _Alignof(int *)",
        "print _Alignof(int [3])",
        "print _Alignof(struct node)",
        "print _Alignof(struct point)",
        "print _Alignof(enum colour)",
        "print _Alignof(place)",
        "print _Alignof(place *) * 2",
    ];
    assert_same("types", &[Flavour::O0], ("outer", 1), &commands);
}

const FRAMES: [&str; 16] = [
    "info args",
    "info locals",
    "up",
    "info args",
    "info locals",
    "up",
    "info args",
    "info locals",
    "frame 1",
    "info locals",
    "print list",
    "down",
    "print list->at",
    "print *list",
    "print label",
    "print depth",
];

#[test]
fn locals_of_all_frames_are_as_in_gdb() {
    assert_same("types", &[Flavour::O0], ("inner", 1), &FRAMES);
    assert_same("types", &[Flavour::O0], ("outer", 1), &FRAMES[..5]);
    let recursive =
        ["info args", "info locals", "up", "info args", "info locals", "up", "info args"];
    assert_same("recursion", &[Flavour::O0], ("bottom", 7), &recursive);
    assert_same("tree", &[Flavour::O0], ("deeper", 4), &recursive);
    assert_same("variables", &[Flavour::O0, Flavour::O2], ("change", 2), &recursive[..2]);
}

/// What gdb does not take, or needs quotes for.
#[test]
fn expressions_go_beyond_gdbs() {
    let of_c = [
        ("1[middle]", "6"),
        ("types.c::own", "77"),
        ("huge + 1", "1267650600228229401496703205377"),
        ("sizeof(int) + 0", "4"),
        ("main::here.y", "2"),
    ];
    assert_values("types", "outer", &of_c);
    let of_cpp = [
        ("diamond.Left::left", "12"),
        ("cat.Animal::legs", "4"),
        ("level", "7"),
        ("hidden", "42"),
        ("Size::Large", "zoo::Large"),
        ("Diet::Meat", "zoo::Diet::Meat"),
    ];
    assert_values("containers", "print", &of_cpp);
}

/// Location lists, values passed to the callee, constants, and what is optimised out.
#[test]
fn optimised_frames_are_as_in_gdb() {
    let walk = [
        "info locals",
        "print list->at",
        "print depth",
        "print copy",
        "print depth_squared",
        "up",
        "print count",
        "print factor",
        "print list",
        "up",
        "print argc",
        "print argv",
        "print here",
    ];
    for mark in ["inner", "print"] {
        assert_same("types", &[Flavour::O2], (mark, 1), &walk);
    }
    assert_same(
        "inline",
        &[Flavour::O2],
        ("square", 1),
        &["info args", "info locals", "up", "info args", "info locals", "up", "info args"],
    );
}

/// In prologues, in the middle of calls, and when frames are being left.
#[test]
fn locals_at_every_instruction_are_as_in_gdb() {
    let look = ["stepi", "info args", "info locals", "up", "info args", "info locals"];
    let walk: Vec<&str> = look.iter().cycle().take(look.len() * 40).copied().collect();
    assert_same("recursion", &[Flavour::O0, Flavour::O2], ("bottom", 3), &walk);
    assert_same("inline", &[Flavour::O2], ("square", 1), &walk[..look.len() * 3]);
}

/// Errors say what to do: near names, where a variable is, what is not in the trace.
#[test]
fn what_has_no_value_says_why() {
    let types = Fixture::load("types");
    let recorded = rdb_tests::recording::recording_of(&types, Flavour::O2);
    let unoptimised = rdb_tests::recording::recording("types");
    let error = |recording: &rdb_tests::recording::Recording, place: &str, command: &str| {
        let stop = [format!("break {place}"), "continue".into(), command.to_string()];
        let (_, answers) = recording.explore().attempt(&stop);
        answers[2].error.clone().unwrap_or_else(|| panic!("{command}: {:?}", answers[2]))
    };
    let inner = types.place("inner");
    for (command, expected) in [
        ("print calsl", "did you mean calls"),
        ("print squares", "is a variable of outer"),
        ("print list->att", "did you mean at"),
        ("print *none", "0x0 is never mapped in this history"),
        ("print depth.x", "has no members"),
        ("print nothing_like_it", "no symbol"),
        ("print (struct nothing *) 0", "no type"),
        ("print 'nothing.c'::own", "no source file"),
        ("print $9", "the value history has no $9"),
        ("print &1", "has no address"),
        ("print &packed.mode", "a bit-field has no address"),
        ("print 5 @ 2", "only values in memory"),
        ("frame 99", "there is no frame 99"),
        ("down", "this is the innermost frame"),
        ("print/y depth", "is no format"),
    ] {
        let found = error(&unoptimised, &inner, command);
        assert!(found.contains(expected), "{command}: {found}");
        assert_eq!(found.lines().count(), 1, "{command}: {found}");
    }
    let outer = types.place("outer");
    let block = error(&unoptimised, &outer, "print i");
    assert!(block.contains("is in a block of this function (lines"), "{block}");
    let explorer = recorded.explore();
    // Optimised out here, but not everywhere.
    let stop = [format!("break {inner}"), "continue".into(), "up".into(), "print result".into()];
    let result = explorer.last(&stop);
    assert_eq!(result.get("value"), "<optimized out>");
    let note = result.get("note").as_str().unwrap_or_default();
    assert!(note.contains("result has a place in line"), "{result:?}");
    // In text, a caret stands under the fault.
    let text = explorer.text(&["print 1 + nope"]).stderr_text();
    assert!(text.contains("\n    1 + nope\n        ^\n"), "{text}");
}

#[test]
fn displays_are_shown_at_every_stop() {
    let types = Fixture::load("tree");
    let commands = [
        format!("break {}", types.place("deeper")),
        "display depth".to_string(),
        "display/x depth * 16".to_string(),
        "continue".to_string(),
        "continue".to_string(),
        "undisplay 1".to_string(),
        "continue".to_string(),
        "info display".to_string(),
    ];
    let explorer = rdb_tests::recording::recording("tree").explore();
    let answers = explorer.ask(&commands);
    let values = |answer: &Answer| -> Vec<String> {
        let displays = answer.get("displays").as_array().cloned().unwrap_or_default();
        let value = |d: &serde_json::Value| d["value"].as_str().unwrap_or("none").to_string();
        displays.iter().map(value).collect()
    };
    assert_eq!(values(&answers[1]), ["none"], "not alive at the start");
    assert_eq!(values(&answers[3]), ["1", "0x10"]);
    assert_eq!(values(&answers[4]), ["2", "0x20"]);
    assert_eq!(values(&answers[6]), ["0x30"]);
    assert_eq!(answers[7].get("displays").as_array().map(Vec::len), Some(1));
    let text = explorer.text(&commands).stdout_text();
    assert!(text.contains("\n1: depth = 2\n"), "{text}");
}

/// What no debugger without a history knows: arguments that nobody kept, also behind a tail
/// call, and registers that calls may have overwritten.
#[test]
fn arguments_nobody_kept_are_known_from_the_history() {
    let fixture = Fixture::load("passed");
    let explorer = rdb_tests::recording::recording("passed").explore();
    let mut commands = vec!["break leaf".to_string()];
    commands.extend((0..4).flat_map(|_| ["continue".to_string(), "backtrace".to_string()]));
    let answers = explorer.ask(&commands);
    let argument = |answer: &Answer, frame: usize, number: usize| {
        let frame = &answer.get("frames")[frame];
        frame["arguments"][number]["value"].as_str().unwrap_or("none").to_string()
    };
    let found: Vec<[String; 3]> = answers
        .iter()
        .filter(|answer| answer.command == "backtrace")
        .map(|bt| [argument(bt, 0, 0), argument(bt, 1, 0), argument(bt, 1, 1)])
        .collect();
    // leaf(x) in middle(a, b): as the program says itself, in the order of the calls.
    let said: Vec<[String; 3]> = fixture
        .truth
        .stdout
        .as_deref()
        .expect("an output")
        .lines()
        .filter_map(|line| line.strip_prefix("leaf "))
        .map(|line| {
            let words: Vec<String> = line.split(' ').map(str::to_string).collect();
            words.try_into().expect("three numbers")
        })
        .collect();
    assert_eq!(found, said);
}

#[test]
fn an_array_that_is_not_there_yet_is_not_empty() {
    const SOURCE: &str = "\
volatile int sink;
__attribute__((noinline)) int sum(int n)
{
  int a[n];
  for (int i = 0; i < n; i++)
    a[i] = i + sink;
  int s = 0;
  for (int i = 0; i < n; i++)
    s += a[i];
  return s;
}
int main(void) { return sum(4) - 6; }
";
    let guest = Guest::compiled("vla.c", SOURCE, &["gcc", "-g", "-O1"]);
    let answer = guest.recorded().last(&["break *sum", "continue", "print a"]);
    assert_eq!(answer.get("value"), "<optimized out>", "{answer:?}");
}
