//! Functions of one name, chosen by their parameters.

use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;

/// The lines that a breakpoint is at.
fn lines(answer: &Answer) -> Vec<u64> {
    let targets = answer.get("breakpoint")["targets"].as_array().expect("targets");
    targets.iter().map(|target| target["line"].as_u64().expect("a line")).collect()
}

#[test]
fn parameters_choose_the_overload() {
    let fixture = Fixture::load("bases");
    let line = |mark: &str| u64::from(fixture.line(mark));
    let chosen = [
        ("over(int)", vec!["int"]),
        ("over(double)", vec!["double"]),
        ("over( const int )", vec!["int"]),
        ("ns::C::f(int, char const*)", vec!["text"]),
        ("C::f(int,const char *)", vec!["text"]),
        ("ns::C::f(int)", vec!["plain"]),
        ("ns::C::f(int) const", vec!["const"]),
        ("ns::C::f", vec!["plain", "text", "const"]),
        ("main()", vec!["main"]),
    ];
    let commands: Vec<_> = chosen.iter().map(|(name, _)| format!("break {name}")).collect();
    let answers = recording("bases").explore().ask(&commands);
    for ((name, marks), answer) in chosen.iter().zip(&answers).filter(|((_, m), _)| m != &["main"])
    {
        let expected: Vec<u64> = marks.iter().map(|mark| line(mark)).collect();
        assert_eq!(lines(answer), expected, "{name}");
    }
    assert_eq!(lines(answers.last().expect("main")).len(), 1);
}

#[test]
fn typedefs_mean_what_they_stand_for() {
    let asked = [
        "break over(char const*, size_t)",
        "break over(char const*, unsigned long)",
        "break over(size_t)",
    ];
    let (_, answers) = recording("bases").explore().attempt(&asked);
    assert_eq!(lines(&answers[0]), lines(&answers[1]));
    let error = answers[2].error.as_deref().unwrap_or_default();
    assert!(error.contains("over(double)"), "{error}");
}

#[test]
fn questions_and_expressions_choose_as_well() {
    let explorer = recording("bases").explore();
    let commands = [
        "calls over(double)",
        "calls over",
        "print 'over(double)'",
        "print 'over(char const*, unsigned long)'",
        "print 'ns::C::f(int) const'",
    ];
    let answers = explorer.ask(&commands);
    let count = |answer: &Answer| answer.get("calls").as_array().expect("calls").len();
    assert_eq!((count(&answers[0]), count(&answers[1])), (1, 3));
    let types = [
        "{int (double)} ",
        "{int (const char *, unsigned long)} ",
        "{int (const ns::C * const, int)} ",
    ];
    for (answer, of) in answers[2..].iter().zip(types) {
        let value = answer.get("value").as_str().expect("a value");
        assert!(value.starts_with(of), "{value}");
    }
}

#[test]
fn parameters_that_no_overload_has_are_refused_with_those_there_are() {
    let commands = ["break over(float)", "calls over(float)", "print 'over(float)'"];
    let (_, answers) = recording("bases").explore().attempt(&commands);
    for answer in answers {
        let error = answer.error.as_deref().unwrap_or_default();
        let all = "there are over(char const*, unsigned long), over(double), over(int)";
        assert!(error.contains(all), "{}: {error}", answer.command);
    }
}
