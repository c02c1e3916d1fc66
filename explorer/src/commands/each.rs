//! `print-each`: values at every execution of a place, as a table.

use super::conditions::{check, split_condition};
use super::executions::{WHEN, head};
use super::more;
use super::rows::{ListEnd, Rows};
use super::shown::ShownValue;
use super::total::total;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, Table, thousands};
use crate::session::{CheckedAt, Scene, Session, Target, Times};
use serde::Serialize;

/// Executions shown when nobody says how many.
const COUNT: u64 = 1000;

/// Most expressions.
const MOST: usize = 32;

#[derive(Serialize)]
struct Samples {
    expressions: Vec<String>,
    samples: Rows<Sample>,
    #[serde(flatten)]
    ending: ListEnd,
    /// At how many executions the condition has no value.
    #[serde(skip_serializing_if = "crate::render::is_zero")]
    without_value: u64,
    /// Whether these are all executions.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    none_has_value: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// Whether the place was executed, whatever the condition.
    executed: bool,
}

#[derive(Serialize)]
struct Sample {
    tracepoint: u64,
    current: bool,
    values: Vec<Cell>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Cell {
    Value(ShownValue),
    Fault { error: String },
}

impl Output for Samples {
    fn render(&self, page: &mut Page) {
        if self.samples.first().is_empty() {
            let held = "The condition holds at no execution there";
            match (self.executed, self.none_has_value, self.without_value) {
                (false, ..) => page.line("Not executed there."),
                (_, true, _) => {}
                (.., 0) => page.line(format!("{held}.")),
                _ => page.line(format!("{held} where it has a value.")),
            }
        } else {
            let heading = ["", "tracepoint"].into_iter();
            let heading = heading.chain(self.expressions.iter().map(String::as_str));
            let mut table = Table::new(&heading.collect::<Vec<_>>()).numbers(&[1]);
            self.samples.each(&mut |samples| {
                samples.iter().for_each(|sample| table.row(cells(sample)));
                table.part(page);
                page.is_wanted()
            });
        }
        if let Some(fault) = &self.fault {
            let times = thousands(self.without_value);
            let times = match (self.none_has_value, self.without_value) {
                (true, 1) => "the one execution there".to_owned(),
                (true, _) => format!("any of the {times} executions there"),
                (false, _) => format!("{times} of the executions"),
            };
            let text = format!("The condition has no value at {times}: {fault}.");
            page.put(Style::Plain, text).end();
        }
        more::say(page, self.ending.more());
    }

    fn stopped(&self) -> Option<CommandError> {
        self.ending.stopped()
    }
}

fn cells(sample: &Sample) -> Vec<String> {
    let mut cells = head(sample.current, sample.tracepoint, None);
    cells.extend(sample.values.iter().map(|cell| match cell {
        Cell::Value(shown) => shown.value.clone(),
        Cell::Fault { error } => format!("<error: {error}>"),
    }));
    cells
}

fn value(session: &Session, scene: &Scene<'_>, text: &str) -> Cell {
    let evaluated = session.parsed(text, scene).and_then(|parsed| parsed.evaluate(scene));
    match evaluated {
        Ok(evaluated) => Cell::Value(ShownValue::inner(scene, &evaluated.value)),
        Err(error) => Cell::Fault { error: error.to_string() },
    }
}

fn print_each(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let text = arguments.get("EXPR").unwrap_or_default();
    let (text, condition) = split_condition(arguments, text)?;
    let place = text.rsplit_once(" at ").map(|(list, location)| (list, location.trim()));
    let (list, location) = place.filter(|(_, location)| !location.is_empty()).ok_or_else(|| {
        arguments.error("where is missing: say at FUNCTION, at FILE:LINE or at *ADDRESS")
    })?;
    let expressions = split_list(list);
    if expressions.len() > MOST || expressions.iter().any(|expression| expression.is_empty()) {
        return Err(arguments.error(format!("1 to {MOST} expressions with commas between them")));
    }
    let targets = session.resolve_passes(location)?;
    let all = expressions.iter().copied().map(Some).chain([condition]);
    all.into_iter().try_for_each(|one| check(session, one, CheckedAt::At(&targets)))?;
    let times = match arguments.get(WHEN.name).unwrap_or("any") {
        "past" => Times::Past,
        "future" => Times::Future,
        "any" => Times::Any,
        other => return Err(arguments.error(format!("{other:?} is not past, future or any"))),
    };
    let limit = arguments.rows(COUNT);
    let found = session.each(&targets, condition, times, limit)?;
    if limit == 0 {
        return total(found.count, "executions");
    }
    let expressions: Vec<String> = expressions.into_iter().map(str::to_owned).collect();
    let samples = Rows::of(
        found.tracepoints,
        found.more,
        |executed| samples(session, (&targets, &expressions), executed),
        || {
            let (twin, asked) = (session.twin(), (targets.clone(), expressions.clone()));
            Box::new(move |executed| samples(&twin, (&asked.0, &asked.1), executed))
        },
    )?
    .until(&session.interrupt);
    let ending = samples.ending().clone();
    Ok(Box::new(Samples {
        expressions,
        samples,
        ending,
        without_value: found.without_value,
        none_has_value: found.none_has_value,
        fault: found.fault.map(|fault| fault.to_string()),
        executed: found.executed,
    }))
}

/// What expressions are at some executions of some places.
fn samples(
    session: &Session,
    (targets, expressions): (&[Target], &[String]),
    executed: &[u64],
) -> Result<Vec<Sample>, CommandError> {
    let cursor = session.cursor();
    Ok(session.scenes(targets, executed, |scene| {
        let values = expressions.iter().map(|text| value(session, scene, text)).collect();
        Ok(Sample { tracepoint: scene.state(), current: scene.state() == cursor, values })
    })?)
}

/// The parts of `text` between the commas that stand in no brackets and no quotes.
pub(super) fn split_list(text: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut escaped) = (0i32, None, false);
    let parts = text.split(|c: char| {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') => return depth == 0,
            _ => {}
        }
        false
    });
    parts.map(str::trim).collect()
}

/// `print-each`.
pub static PRINT_EACH: Command = Command {
    name: "print-each",
    aliases: &["each"],
    group: Group::History,
    arguments: &[
        Argument::at_most("at most N executions; 1000 if left out"),
        WHEN,
        Argument {
            name: "EXPR",
            form: Form::Phrase("EXPR[, EXPR…] at LOCATION [if CONDITION]"),
            short: None,
            kind: Kind::Expression,
            help: "what to show, at which place, and of its executions which: a comma within an \
                   expression needs parentheses around it",
        },
    ],
    help: "show values at every execution of a place, as a table",
    details: "Each expression is evaluated in the state before the place is executed. With past \
              and future they are the executions nearest to the cursor, else the first of the \
              whole history.",
    run: print_each,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_part_expressions_outside_of_brackets_and_quotes() {
        assert_eq!(split_list("a"), ["a"]);
        assert_eq!(split_list("a[i, j] , f.b, (c, d)"), ["a[i, j]", "f.b", "(c, d)"]);
        assert_eq!(split_list(r#"s == "a,\"b", ','"#), [r#"s == "a,\"b""#, "','"]);
        assert_eq!(split_list("a,,b"), ["a", "", "b"]);
    }
}
