//! Places as they are typed: files, quotes and parameters, as gdb takes them.

use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;

/// The lines that a breakpoint is at.
fn lines(answer: &Answer) -> Vec<u64> {
    let targets = answer.get("breakpoint")["targets"].as_array().expect("targets");
    targets.iter().map(|target| target["line"].as_u64().expect("a line")).collect()
}

#[test]
fn functions_are_named_with_files_quotes_and_parameters() {
    let fixture = Fixture::load("bases");
    let line = |mark: &str| u64::from(fixture.line(mark));
    let chosen = [
        ("'over(double)'", vec!["double"]),
        ("\"over(double)\"", vec!["double"]),
        ("bases.cpp:over(double)", vec!["double"]),
        ("bases.cpp : over ( int )", vec!["int"]),
        ("bases.cpp:'over(int)'", vec!["int"]),
        ("'bases.cpp':ns::C::f(int) const", vec!["const"]),
        ("'bases.cpp:over(int)'", vec!["int"]),
        ("bases.cpp:ns::C::f", vec!["plain", "text", "const"]),
    ];
    let commands: Vec<_> = chosen.iter().map(|(name, _)| format!("break {name}")).collect();
    let answers = recording("bases").explore().ask(&commands);
    for ((name, marks), answer) in chosen.iter().zip(&answers) {
        let expected: Vec<u64> = marks.iter().map(|mark| line(mark)).collect();
        assert_eq!(lines(answer), expected, "{name}");
    }
}

#[test]
fn all_commands_take_the_same_locations() {
    let fixture = Fixture::load("bases");
    let double = u64::from(fixture.line("double"));
    let explorer = recording("bases").explore();
    let name = "bases.cpp:'over( double )'";
    let count = |answer: &Answer, of: &str| answer.get(of).as_array().map(Vec::len);
    let answers = explorer.ask(&[format!("calls {name}"), format!("executions {name}")]);
    assert_eq!(count(&answers[0], "calls"), Some(1));
    assert_eq!(count(&answers[1], "executions"), Some(1));
    let until = ["until", "advance"].map(|command| format!("{command} {name}"));
    for command in until.iter().map(String::as_str).chain(["rl -l bases.cpp:over(double)"]) {
        let answer = explorer.last(&[command]);
        assert_eq!(answer.line(), Some(double), "{command}: {answer:?}");
    }
    let stopped = explorer.last(&[&*format!("tbreak {name}"), "rc"]);
    assert_eq!(stopped.line(), Some(double), "{stopped:?}");
    let listed = explorer.last(&["list ns::C::f(int, char const*)"]);
    let text = u64::from(fixture.line("text"));
    let numbers: Vec<_> =
        listed.get("lines").as_array().expect("lines").iter().map(|l| l["line"].as_u64()).collect();
    assert!(numbers.contains(&Some(text)), "{listed:?}");
    let code = explorer.last(&["disassemble 'ns::C::f(int, char const*)'"]);
    assert!(code.ok, "{code:?}");
}

#[test]
fn what_is_wrong_with_a_location_is_said() {
    let wrong = [
        ("bases.cpp:nosuch", "no function \"nosuch\" in \"bases.cpp\""),
        ("bases.cpp:over(float)", "there are over("),
        ("nosuch.c:main", "no source file \"nosuch.c\""),
        ("'main", "a quote is not closed: 'main"),
        ("'main' x", "\"x\" stands behind the quotes"),
        ("bases.cpp:", "say bases.cpp:LINE or bases.cpp:FUNCTION"),
    ];
    let explorer = recording("bases").explore();
    for command in ["break", "calls", "executions", "info line", "list", "until"] {
        let commands: Vec<_> = wrong.iter().map(|(at, _)| format!("{command} {at}")).collect();
        let (_, answers) = explorer.attempt(&commands);
        for (answer, (_, said)) in answers.iter().zip(&wrong) {
            let error = answer.error.as_deref().unwrap_or_default();
            assert!(error.contains(said), "{}: {error}", answer.command);
        }
    }
}
