//! What is said of questions that have no answer: one line, with what may have been meant.

use rdb_tests::explorer::Explorer;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;

/// The one line that a command fails with.
fn error(explorer: &Explorer, commands: &[&str]) -> String {
    let (output, answers) = explorer.attempt(commands);
    let last = answers.last().unwrap_or_else(|| panic!("no answer: {}", output.stderr_text()));
    let error = last.error.clone().unwrap_or_else(|| panic!("it succeeded: {last:?}"));
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn memory_that_is_never_mapped_is_said_to_be() {
    let explorer = recording("tree").explore();
    for question in ["last", "last -w future", "mod list", "reads", "watch", "rwatch"] {
        for (what, address) in [("*(int*)0xdeadbeef0000", "0xdeadbeef0000"), ("*(int*)0", "0x0")] {
            let said = error(&explorer, &[&format!("{question} {what}")]);
            assert_eq!(said, format!("{address} is never mapped in this history"), "{question}");
        }
    }
}

#[test]
fn memory_that_is_mapped_at_other_times_is_said_to_be() {
    let explorer = recording("remap").explore();
    // The first mapping that is unmapped again, by the trace's own account.
    let calls = explorer.last(&["syscalls --name munmap"]);
    let call = &calls.get("syscalls")[0];
    let t = call["tracepoint"].as_u64().expect("a time");
    let address = call["arguments"][0]["text"].as_str().expect("an address");
    let last = format!("last -w future *(char*){address}");
    let said = error(&explorer, &[&format!("jump {}", t + 1), &last]);
    assert!(said.contains("is not mapped here; it was mapped from #"), "{said}");
}

#[test]
fn what_a_pointer_shown_leads_to_is_said_not_to_be_mapped() {
    let go = format!("break {}", Fixture::load("remap").place("discard"));
    let asked = [&*go, "continue", "print &parts[2 * 4096]", "print &parts[3 * 4096 - 1]"];
    let answers = recording("remap").explore().ask(&asked);
    let at = answers[1].tracepoint();
    for answer in &answers[2..] {
        let said = answer.get("value").as_str().unwrap_or_default().replace(',', "");
        assert!(said.ends_with(&format!(" is not mapped at #{at}>")), "{said}");
    }
}

#[test]
fn the_programs_own_names_are_offered_first() {
    let explorer = recording("tree").explore();
    // At the first instruction, which is the dynamic linker's.
    let said = error(&explorer, &["print sed"]);
    assert!(said.contains("did you mean seed"), "{said}");
    let said = error(&explorer, &["print key"]);
    let variable = said.split("it is a variable of ").nth(1).expect("functions");
    let own = ["insert", "walk", "main", "tree_sum", "sum"];
    let first = variable.split([',', ' ']).next().unwrap_or_default();
    assert!(own.contains(&first), "{said}");
    let count = variable.split(" and ").next().unwrap_or_default().split(", ").count();
    assert!(count <= 3, "{said}");
}

#[test]
fn types_registers_and_numbers_that_are_none() {
    let explorer = recording("tree").explore();
    let says = |command: &str, words: &str| {
        let said = error(&explorer, &[command]);
        assert!(said.contains(words), "{command}: {said}");
    };
    says("print (struct nosuch *)0", "no type \"struct nosuch\"");
    says("ptype struct nosuch", "no type \"struct nosuch\"");
    says("print (nosuch *)0", "no type \"nosuch\"");
    says("print $xmm99", "no register $xmm99; did you mean $xmm9");
    says("regs xmm99", "no register \"xmm99\"; did you mean xmm9");
    says("print 1 + $r16", "no register $r16; did you mean $r1");
    says("jump -1", "\"-1\" is not a tracepoint of this history (0 to ");
    says("jump +99999999999", "not a tracepoint of this history");
    // A convenience variable that was not set is void, as in gdb.
    assert_eq!(explorer.last(&["print $total"]).get("value"), "void");
    assert_eq!(explorer.last(&["print $r16 = 3", "print $r16"]).get("value"), "3");
    let (_, answers) = explorer.attempt(&["break main", "ignore 1 18446744073709551615"]);
    let said = answers[1].error.clone().unwrap_or_default();
    assert!(said.contains("2,147,483,647 times at most"), "{said}");
}

#[test]
fn a_line_without_code_stands_for_the_next_and_that_is_said() {
    let tree = Fixture::load("tree");
    let explorer = recording("tree").explore();
    let code = tree.line("random");
    // The brace before it has the prologue's.
    let question = format!("{}:{}", tree.source_name(), code - 2);
    for command in ["executions", "break", "print-each seed at"] {
        let output = explorer.text(&[format!("{command} {question}")]);
        assert_eq!(output.code(), 0);
        let said = output.stderr_text();
        assert!(said.contains(&format!("line {} of tree.c has no code", code - 2)), "{said}");
        assert_eq!(
            explorer.text(&[format!("{command} {}", tree.place("random"))]).stderr_text(),
            ""
        );
    }
}

#[test]
fn watch_l_is_of_the_address_and_does_not_end_with_the_frame() {
    let explorer = recording("recursion").explore();
    let place = Fixture::load("recursion").place("bottom");
    let go = [&*format!("break {place}"), "rc", "delete"];
    let ask = |watch: &str| explorer.last(&[&go[..], &[watch, "info b"]].concat());
    let watched = |watch: &str| ask(watch).get("breakpoints")[0]["watch"].clone();
    let (plain, location) = (watched("watch n"), watched("watch -l n"));
    assert_eq!(plain["subject"], location["subject"]);
    assert!(plain.get("scope").is_some() && location.get("scope").is_none(), "{location}");
}

#[test]
fn a_thread_local_variable_has_no_place_before_there_is_storage() {
    let explorer = recording("thread_name").explore();
    let shown = explorer.last(&["print own"]);
    let shown = shown.get("value").as_str().unwrap_or_default();
    assert!(shown.contains("not set up yet"), "{shown}");
    assert_eq!(explorer.last(&["rend", "print own"]).get("value"), "5");
}

#[test]
fn threads_have_the_names_that_they_gave_themselves() {
    let fixture = Fixture::load("thread_name");
    let explorer = recording("thread_name").explore();
    for (mark, name) in [("second", "worker"), ("allocated", "a name that is ")] {
        let place = fixture.place(mark);
        let answer = explorer.last(&[&*format!("break {place}"), "rc", "threads"]);
        assert_eq!(answer.get("threads")[0]["name"], name);
    }
    assert!(explorer.last(&["threads"]).get("threads")[0].get("name").is_none());
}

#[test]
fn lines_that_are_none_are_said_to_be() {
    let explorer = recording("tree").explore();
    for command in ["break tree.c:0", "break main:0", "list tree.c:0", "executions tree.c:0"] {
        assert!(error(&explorer, &[command]).contains("no line 0"), "{command}");
    }
    let said = error(&explorer, &["list *0x10"]);
    assert!(said.contains("no source line") && said.contains("0x10"), "{said}");
}

#[test]
fn lists_that_are_cut_say_so_and_how_to_see_the_rest() {
    let explorer = recording("recursion").explore();
    let more = "There are more: -c N shows as many as N, -c 0 counts them.";
    for command in ["calls fibonacci", "executions fibonacci", "mod $rax", "reads $rsp..$rsp+64"] {
        let ask = |command: &str| explorer.text(&["rend", command]).stdout_text();
        assert!(ask(command).contains(more), "{command}");
        let (name, rest) = command.split_once(' ').expect("an argument");
        let total = explorer.last(&["rend", &format!("{name} -c 0 {rest}")]);
        let total = total.get("total").as_u64().expect("a total");
        assert!(!ask(&format!("{name} -c {total} {rest}")).contains(more), "{command}");
        assert!(ask(&format!("{name} -c {} {rest}", total - 1)).contains(more), "{command}");
    }
    let explorer = recording("big_output").explore();
    let lines = explorer.last(&["rend", "output -c 0"]);
    let lines = lines.get("total").as_u64().expect("a total");
    let shown = explorer.last(&["rend", "output -c 1"]);
    assert_eq!(shown.get("more"), lines > 1);
    let last = shown.get("lines").as_array().and_then(|all| all.last().cloned());
    assert_eq!(last.expect("a line")["number"], lines);
}

#[test]
fn a_line_without_code_stands_for_the_next_that_has_some() {
    let fixture = Fixture::load("chosen");
    let explorer = recording("chosen").explore();
    let source = std::fs::read_to_string(&fixture.source).expect("the source");
    let line =
        |text: &str| 1 + source.lines().position(|line| line.contains(text)).expect("a line");
    let (comment, opening) = (line("// What the names mean"), line("int main("));
    let at = |line: usize| format!("{}:{line}", fixture.source_name());
    let (asked, meant) = (at(comment + 3), at(opening));
    assert_eq!(comment + 4, opening, "an empty line before main");
    let says = format!("line {} of chosen.c has no code; the next is line {opening}", comment + 3);
    let commands = [format!("break {asked}"), "info breakpoints".to_owned()];
    let text = explorer.text(&commands);
    assert!(text.stderr_text().contains(&says), "{}", text.stderr_text());
    let answers = explorer.ask(&[&commands[..], &[format!("until {asked}")]].concat());
    assert_eq!(answers[1].get("breakpoints")[0]["location"], meant);
    // The function's first line has code, although a breakpoint is set behind its prologue.
    let text = explorer.text(&[format!("break {meant}")]);
    assert_eq!(text.stderr_text(), "");
    let until = explorer.last(&[format!("until {asked}")]);
    assert!(until.stop().contains(&meant), "{}", until.stop());
}

#[test]
fn a_file_without_a_line_lacks_one() {
    let explorer = recording("tree").explore();
    for command in ["break tree.c:", "executions tree.c:", "why-not tree.c:"] {
        let said = error(&explorer, &[command]);
        assert!(
            said.contains("tree.c: lacks a line: say tree.c:LINE or tree.c:FUNCTION"),
            "{command}: {said}"
        );
    }
}

#[test]
fn nothing_examined_is_nothing_shown() {
    let explorer = recording("tree").explore();
    for question in ["x/0 &seed", "x/0i 0", "x/0s 0", "x/0xg 0", "x/0"] {
        let output = explorer.text(&[question]);
        assert_eq!((output.code(), output.stdout_text().as_str()), (0, ""), "{question}");
        assert_eq!(output.stderr_text(), "", "{question}");
    }
}

#[test]
fn names_that_are_far_from_what_was_typed_are_not_offered() {
    let explorer = recording("tree").explore();
    for question in ["print qqseedqq", "print zz", "break qzqz"] {
        let said = error(&explorer, &["break main", "rc", question]);
        assert!(!said.contains("did you mean"), "{question}: {said}");
    }
    // Two neighbours that changed places are one edit.
    let said = error(&explorer, &["break mian"]);
    assert!(said.contains("did you mean main"), "{said}");
}

#[test]
fn a_constant_has_no_origin() {
    let explorer = recording("tree").explore();
    for question in ["why 5", "why 0x1234"] {
        let said = error(&explorer, &["break main", "rc", question]);
        assert!(said.contains("a constant has no origin"), "{question}: {said}");
    }
    // One at which something is mapped is an address.
    let address = explorer.last(&["break main", "rc", "print/x (long)&seed"]);
    let address = address.get("value").as_str().expect("a number").to_owned();
    assert!(explorer.last(&["break main", "rc", &format!("why {address}")]).ok);
}

#[test]
fn short_options_that_are_not_known_are_said_not_to_be() {
    let explorer = recording("tree").explore();
    let said = error(&explorer, &["break main", "rc", "why -z seed"]);
    assert!(said.contains("unknown option -z"), "{said}");
    // A negative number is none.
    assert!(explorer.last(&["break main", "rc", "print -seed"]).ok);
    assert!(explorer.last(&["break main", "rc", "why -seed + 1"]).ok);
    let each = recording("recursion").explore().last(&["print-each -n at fibonacci if n == 1"]);
    assert_eq!(each.get("samples")[0]["values"][0]["value"], "-1", "{each:?}");
}

#[test]
fn a_name_like_one_here_is_not_looked_for_in_libraries() {
    let fixture = Fixture::load("bound_late");
    let commands =
        [format!("break {}", fixture.place("print")), "rc".into(), "print result".into()];
    let (_, answers) = recording("bound_late").explore().attempt(&commands);
    let error = answers[2].error.clone().expect("an error");
    assert!(error.contains("did you mean results"), "{error}");
}
