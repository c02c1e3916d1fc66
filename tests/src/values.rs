//! Values as rdb and gdb show them, compared.

use crate::compile::Flavour;
use crate::explorer::Answer;
use crate::fixture::Fixture;
use crate::guest::Guest;
use crate::oracle;

/// What differs between rdb and gdb when a marked line begins for the `hit`-th time: `command:
/// rdb's answer, gdb's`. `None` without gdb.
fn differences(
    name: &str,
    flavour: Flavour,
    (mark, hit): (&str, usize),
    commands: &[&str],
) -> Option<Vec<String>> {
    let fixture = Fixture::load(name);
    let guest = Guest::fixture(&fixture, flavour);
    let place = fixture.place(mark);
    let commands: Vec<String> = commands.iter().map(ToString::to_string).collect();
    let expected = oracle::answers(&guest, &place, hit, &commands)?;
    // Recorded here: path, environment and directory have to be those of gdb's run.
    let recorded = guest.record(&[]);
    let mut all = vec![format!("break {place}")];
    all.extend(vec!["continue".to_string(); hit]);
    let stops = all.len();
    all.extend(commands.iter().cloned());
    let (_, answers) = recorded.explore().attempt(&all);
    let pairs = commands.iter().zip(&answers[stops..]).zip(&expected);
    let different = pairs.filter_map(|((command, answer), expected)| {
        if ["up", "down", "frame", "stepi", "nexti"].iter().any(|word| command.starts_with(word)) {
            return None;
        }
        let (own, theirs) = (text(answer), plain(expected));
        // Each words its errors its own way.
        if own.starts_with("error: ") && theirs.starts_with("error: ") {
            return None;
        }
        (!is_same(&own, &theirs)).then(|| format!("{command}\n  rdb: {own}\n  gdb: {theirs}"))
    });
    Some(different.collect())
}

/// An answer as gdb would write it.
fn text(answer: &Answer) -> String {
    if let Some(error) = &answer.error {
        return format!("error: {error}");
    }
    if let Some(variables) = answer.get("variables").as_array() {
        let line = |v: &serde_json::Value| {
            format!("{} = {}", v["name"].as_str().unwrap(), v["value"].as_str().unwrap())
        };
        let lines: Vec<String> = variables.iter().map(line).collect();
        // gdb does not tell why.
        return lines.join("\n").replace("<its value at the call is not known>", "<optimized out>");
    }
    if let Some(rows) = answer.get("rows").as_array() {
        return rows.iter().map(row_text).collect::<Vec<_>>().join("\n");
    }
    let shown = answer.get("value").as_str().or(answer.get("type").as_str());
    shown.unwrap_or_else(|| panic!("no value in {answer:?}")).to_string()
}

/// A row of `x`.
fn row_text(row: &serde_json::Value) -> String {
    let symbol = row["symbol"].as_str().map(|symbol| format!(" {symbol}")).unwrap_or_default();
    let values = row["values"].as_array().expect("values").iter();
    let values: String = values.map(|v| format!("\t{}", v.as_str().unwrap())).collect();
    format!("{}{symbol}:{values}", row["address"].as_str().unwrap())
}

/// gdb's answer without the number of the value, `type = `, and words about nothing.
fn plain(answer: &str) -> String {
    let answer = answer.trim_end();
    let behind = match answer.split_once(" = ") {
        Some((head, rest)) if head == "type" || head.starts_with('$') => rest,
        _ => answer,
    };
    if behind.starts_with("No locals") || behind.starts_with("No arguments") {
        return String::new();
    }
    without_repeated(behind)
}

/// Whether gdb says the same, or does not know: rdb may remember what it was.
fn is_same(own: &str, theirs: &str) -> bool {
    let known = |line: &str| !line.ends_with("= <optimized out>");
    let name = |line: &str| line.split(" = ").next().map(str::to_string);
    let lines = own.lines().zip(theirs.lines());
    own.lines().count() == theirs.lines().count()
        && lines.into_iter().all(|(a, b)| a == b || (name(a) == name(b) && !known(b)))
}

/// gdb lists variables of inlined functions a second time where their place is not known.
fn without_repeated(text: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines() {
        let again =
            line.strip_suffix(" = <optimized out>").is_some_and(|name| seen.contains(&name));
        seen.extend(line.split_once(" = ").map(|(name, _)| name));
        if !again {
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// Fails unless rdb answers as gdb does, if that is there, when a marked line begins.
pub fn assert_same(name: &str, flavours: &[Flavour], place: (&str, usize), commands: &[&str]) {
    for flavour in flavours {
        let Some(found) = differences(name, *flavour, place, commands) else { return };
        assert!(found.is_empty(), "{name} {flavour:?} at {place:?}:\n{}", found.join("\n"));
    }
}

/// What expressions are where a marked line begins for the first time.
pub fn assert_values(name: &str, mark: &str, expected: &[(&str, &str)]) {
    let place = Fixture::load(name).place(mark);
    let mut commands = vec![format!("break {place}"), "continue".to_string()];
    commands.extend(expected.iter().map(|(expression, _)| format!("print {expression}")));
    let answers = crate::recording::recording(name).explore().ask(&commands);
    for ((expression, expected), answer) in expected.iter().zip(&answers[2..]) {
        assert_eq!(answer.get("value"), expected, "{expression}");
    }
}
