//! The table is well-formed, and lines are read as meant.

use super::*;

fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().flat_map(|c| std::iter::once(c.name).chain(c.aliases.iter().copied()))
}

fn named(line: &str) -> &'static str {
    resolve(line).unwrap().command.name
}

fn arguments(line: &str) -> Result<Arguments, CommandError> {
    let resolved = resolve(line)?;
    Arguments::parse(resolved.command, resolved.rest)
}

#[test]
fn names_and_aliases_are_unique() {
    let mut all: Vec<_> = names().collect();
    all.sort_unstable();
    let repeated: Vec<_> = all.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(repeated.is_empty(), "{repeated:?}");
}

#[test]
fn every_command_and_argument_is_documented() {
    for command in COMMANDS {
        assert!(!command.help.is_empty() && !command.help.ends_with('.'), "{}", command.name);
        assert!(command.details.is_empty() || command.details.ends_with('.'), "{}", command.name);
        for argument in command.arguments {
            assert!(!argument.help.is_empty(), "{} {}", command.name, argument.name);
        }
        assert!(reference().contains(&format!("`{}", command.name)), "{}", command.name);
    }
}

#[test]
fn every_name_and_alias_leads_to_its_command() {
    for command in COMMANDS {
        for name in std::iter::once(&command.name).chain(command.aliases) {
            assert_eq!(named(name), command.name, "{name}");
        }
    }
}

#[test]
fn unique_beginnings_and_exact_aliases_resolve() {
    assert_eq!(named("jum 5"), "jump");
    assert_eq!(named("s"), "replay");
    assert_eq!(named("si 3"), "replay-inst");
    assert_eq!(named("c"), "replay-continue");
    assert_eq!(named("x/4xg $rsp"), "x");
    assert_eq!(named("i b"), "info breakpoints");
    assert_eq!(named("info reg"), "regs");
    assert_eq!(named("inf sig"), "info signals");
    assert_eq!(named("info"), "info");
    assert_eq!(named("help info breakpoints"), "help");
}

#[test]
fn ambiguous_and_unknown_commands_say_so() {
    let error = |line| resolve(line).map(|r| r.command.name).unwrap_err().to_string();
    assert!(error("step-ba").contains("step-back-inst"), "{}", error("step-ba"));
    assert!(error("frobnicate").contains("undefined command"));
    assert!(error("info frobnicate").contains("info frobnicate"));
}

#[test]
fn arguments_come_by_position_option_and_slash() {
    assert_eq!(arguments("sb 3").unwrap().count("N"), Some(3));
    assert_eq!(arguments("sb -c 3").unwrap().count("N"), Some(3));
    assert_eq!(arguments("jump -5").unwrap().get("T"), Some("-5"));
    assert_eq!(arguments("jt -t 5").unwrap().get("T"), Some("5"));
    let x = arguments("x/2i  $pc + 4").unwrap();
    assert_eq!((x.get("FMT"), x.get("ADDRESS")), (Some("2i"), Some("$pc + 4")));
    let calls = arguments("syscalls --name write --from 10 -c 2").unwrap();
    assert_eq!(calls.get("NAME"), Some("write"));
    assert_eq!((calls.get("FROM"), calls.count("N")), (Some("10"), Some(2)));
    let set = arguments("set substitute-path /a /b").unwrap();
    assert_eq!((set.get("NAME"), set.get("VALUE")), (Some("substitute-path"), Some("/a /b")));
}

#[test]
fn options_may_stand_behind_where_they_mean_nothing_else() {
    let modifications = arguments("mod list a.b + c -c 3 -w past").unwrap();
    assert_eq!(modifications.get("EXPR"), Some("a.b + c"));
    assert_eq!((modifications.count("N"), modifications.get("WHEN")), (Some(3), Some("past")));
    let difference = arguments("mod list a -c -3").unwrap();
    assert_eq!((difference.get("EXPR"), difference.count("N")), (Some("a -c -3"), None));
    let text = arguments("find \"a -c 3\"").unwrap();
    assert_eq!((text.get("BYTES"), text.count("N")), (Some("\"a -c 3\""), None));
    assert_eq!(arguments("find \"x\" -c 3").unwrap().get("BYTES"), Some("\"x\""));
    assert_eq!(arguments("output -c 3 --fd 1").unwrap().count("N"), Some(3));
}

#[test]
fn wrong_arguments_show_the_usage() {
    let error = |line| arguments(line).unwrap_err().to_string();
    assert!(error("jump").contains("usage: jump T"), "{}", error("jump"));
    assert!(error("sb x").contains("not a number"));
    assert!(error("sb 1 2").contains("unexpected"));
    assert!(error("where/x").contains("takes no /x"));
    assert!(error("syscalls --name").contains("needs a value"));
}
