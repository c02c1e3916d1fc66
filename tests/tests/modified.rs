//! What was written, shown by the variable's type: records, strings and wide numbers as `print`
//! shows them before and after.

use rdb_tests::binaries::binaries;
use rdb_tests::compile::must_run;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::process::{LIMIT, run};
use rdb_tests::recording::recording;
use rdb_tests::tools::require_tool;
use serde_json::Value;
use std::process::Command;

fn explorer() -> Explorer {
    recording("modified").explore()
}

/// The last write to a variable before the end: what it held before, and afterwards.
fn last_change(variable: &str) -> (String, String) {
    let end = Fixture::load("modified").place("end");
    let list = format!("mod list -c 1 -w past {variable}");
    let answer = explorer().last(&[&format!("break {end}"), "continue", &list]);
    let row = answer.get("modifications")[0].clone();
    let text = |name: &str| row[name].as_str().unwrap_or_else(|| panic!("{row:?}")).to_owned();
    (text("old_value"), text("new_value"))
}

#[test]
fn values_are_shown_by_their_type() {
    let pair = |left| format!("{{left = {left}, right = 2}}");
    assert_eq!(last_change("pair"), (pair(1), pair(3)));
    assert_eq!(last_change("name").1, "\"two\"");
    assert_eq!(last_change("wide").1, u128::MAX.to_string());
    let (old, new) = last_change("text");
    assert!(old.ends_with(" \"first\"") && new.ends_with(" \"second\""), "{old} {new}");
}

#[test]
fn the_values_fit_the_terminal() {
    let Some(script) = require_tool("script") else { return };
    let explore = binaries().explore.display().to_string();
    let trace = recording("modified").trace;
    let ask = format!("stty cols 80; {explore} {} -c rend -c 'mod list pair'", trace.display());
    let mut command = Command::new(&script);
    command.args(["-q", "-e", "-c", &ask, "/dev/null"]).env("NO_COLOR", "1");
    let shown = run(command, b"", LIMIT).stdout_text();
    let row = shown
        .lines()
        .find(|line| line.contains("{left = 3, "))
        .unwrap_or_else(|| panic!("{shown}"));
    assert!(row.trim_end().chars().count() <= 80, "{shown}");
}

#[test]
fn watchpoints_show_what_the_list_shows() {
    for variable in ["pair", "name", "text", "wide"] {
        let watch = format!("watch {variable}");
        // The stop may be in a library, whose code knows the name by its file only.
        let list = format!("mod list -c 1 -w past modified.cpp::{variable}");
        let answers = explorer().ask(&["break main", "continue", &watch, "continue", &list]);
        let (stop, row) = (answers[3].get("stop"), &answers[4].get("modifications")[0]);
        assert_eq!(stop["reason"], "watch", "{variable}");
        for field in ["tracepoint", "old_value", "new_value"] {
            assert!(!stop[field].is_null(), "{variable}: {stop}");
            assert_eq!(stop[field], row[field], "{variable}");
        }
    }
}

/// The third call of a function at the line that writes its local variable `result`.
fn third_call() -> Vec<String> {
    let call = Fixture::load("reload").place("call");
    let mut commands = vec![format!("break {call}")];
    commands.extend(vec!["continue".to_owned(); 3]);
    commands
}

#[test]
fn of_a_local_variable_only_its_own_frame_is_listed() {
    let mut commands = third_call();
    let asked =
        ["mod list result", "mod list -c 0 result", "reads result", "mod list -c 0 &result"];
    commands.extend(asked.map(str::to_owned));
    let answers = recording("reload").explore().ask(&commands);
    let [.., list, total, reads, place] = &answers[..] else { panic!("{answers:?}") };
    let rows = list.get("modifications").as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["function"], "call");
    assert_eq!(total.get("total"), 1);
    let read = reads.get("reads").as_array().expect("rows");
    assert!(!read.is_empty() && read.iter().all(|row| row["function"] == "call"), "{read:?}");
    assert!(place.get("total").as_u64() > Some(6), "every call writes there: {place:?}");
    let (begin, end) = (&list.get("life")["begin"], &list.get("life")["end"]);
    assert!(begin.as_u64() < rows[0]["tracepoint"].as_u64());
    assert!(rows[0]["tracepoint"].as_u64() < end.as_u64());
}

#[test]
fn a_local_of_a_coroutine_lasts_while_other_stacks_are_in_use() {
    let swap = Fixture::load("contexts").place("swap");
    let begin = [&*format!("break {swap}"), "continue", "delete"].map(str::to_owned);
    let mut commands = begin.to_vec();
    commands.extend(["mod list -c 100 total", "watch total"].map(str::to_owned));
    commands.extend(vec!["continue".to_owned(); 4]);
    let answers = recording("contexts").explore().ask(&commands);
    let rows = answers[3].get("modifications").as_array().expect("rows");
    let listed: Vec<&str> = rows.iter().filter_map(|row| row["new_value"].as_str()).collect();
    assert_eq!(listed, ["0", "10", "20", "30", "40"]);
    let watched: Vec<&str> = answers[5..8]
        .iter()
        .filter_map(|answer| answer.get("stop")["new_value"].as_str())
        .collect();
    assert_eq!(watched, listed[2..]);
    assert_eq!(answers[8].reason(), "scope", "{:?}", answers[8]);
}

#[test]
fn the_last_write_to_a_local_variable_is_its_own_frames() {
    let mut commands = third_call();
    commands.extend(["last result", "next", "last result"].map(str::to_owned));
    let (_, answers) = recording("reload").explore().attempt(&commands);
    let [.., stopped, none, _, last] = &answers[..] else { panic!("{answers:?}") };
    let error = none.error.as_deref().unwrap_or_default();
    assert!(error.contains("not written before"), "{error}");
    assert!(error.contains("&result is its place at all times"), "{error}");
    assert_eq!((last.function(), last.line()), (Some("call"), stopped.line()));
}

/// Functions whose variables move between registers, which are used for other things in between,
/// and to memory and back.
const MOVES: &str = r#"
#include <stdio.h>
struct node { long key; struct node *next; };
long sink;
__attribute__((noipa)) static void see(long x) { __asm__ volatile("" ::"r"(x) : "memory"); }
__attribute__((noipa)) static double half(double x) { sink++; return x / 2; }
__attribute__((noipa)) static long walk(struct node *p, long k)
{
    long sum = p->key;
    p->key = k;
    see(sum);
    p->key += 5;
    see(p->key);
    p = p->next;
    sum += p->key;
    p->key = 1;
    see(sum);
    return sum;
}
__attribute__((noipa)) static struct node *reverse(struct node *list)
{
    struct node *done = 0;
    while (list) {
        struct node *next = list->next;
        list->next = done;
        done = list;
        list = next;
        see(done->key);
    }
    return done;
}
__attribute__((noipa)) static double mix(double a, int n)
{
    double sum = 1.5;
    float f = 2.0f;
    for (int i = 0; i < n; i++) {
        sum = sum * a + i;
        f = f / 1.5f + (float)sum;
        sum += half(f);
    }
    return sum + f;
}
__attribute__((noipa)) static int deep(int n, int so_far)
{
    int own = so_far * 2 + n;
    if (n <= 0)
        return own;
    own += deep(n - 1, own + 1);
    sink = own;
    return own + n;
}
__attribute__((noipa)) static short fold(const unsigned char *text, int length)
{
    unsigned char h = 7;
    short sum = 1;
    for (int i = 0; i < length; i++) {
        h = h * 31 + text[i];
        sum += h;
        if (h & 1)
            see(sum);
    }
    return h + sum;
}
__attribute__((noipa)) static const char *skip(const char *p)
{
    p += 2;
    see(*p);
    return p + 1;
}
int main(void)
{
    struct node c = {7, 0}, b = {5, &c}, a = {3, &b};
    long first = walk(&a, 100);
    struct node *list = reverse(&a);
    printf("%s %ld %ld %g %d %d\n", skip("abcdef"), first, list->key, mix(1.25, 4), deep(3, 1),
           fold((const unsigned char *)"moves", 5));
    return 0;
}
"#;

/// Functions, variables in them, and at most how many instructions a call of each has, when
/// those that it calls are passed over.
const MOVING: [(&str, &[&str], usize); 6] = [
    ("walk", &["p", "sum", "k"], 50),
    ("reverse", &["list", "done", "next"], 60),
    ("mix", &["a", "sum", "f", "i"], 150),
    ("deep", &["own", "n"], 50),
    ("fold", &["h", "sum", "i"], 150),
    ("skip", &["p"], 30),
];

/// What `print` gives for each variable at each state of the first call of `function`; `None`
/// where it is not in scope.
fn printed(
    explorer: &Explorer,
    (function, variables, steps): (&str, &[&str], usize),
) -> Vec<Vec<Option<String>>> {
    let mut commands =
        ["break {}", "continue", "delete"].map(|c| c.replace("{}", function)).to_vec();
    let prints = variables.iter().map(|variable| format!("print {variable}"));
    let step: Vec<String> = prints.chain(["nexti".to_owned()]).collect();
    commands.extend(vec![step; steps].into_iter().flatten());
    let (_, answers) = explorer.attempt(&commands);
    let steps = answers[3..].chunks(variables.len() + 1);
    let within = |step: &&[Answer]| step[variables.len()].get("function") == function;
    let steps: Vec<&[Answer]> = steps.take_while(within).collect();
    let value = |step: &&[Answer], at: usize| step[at].get("value").as_str().map(str::to_owned);
    (0..variables.len()).map(|at| steps.iter().map(|step| value(step, at)).collect()).collect()
}

/// The changes of a variable that are listed at the `state`th state of the first call.
fn listed(explorer: &Explorer, function: &str, state: usize, variable: &str) -> Vec<[String; 2]> {
    let mut commands =
        ["break {}", "continue", "delete"].map(|c| c.replace("{}", function)).to_vec();
    commands.extend((state > 0).then(|| format!("nexti {state}")));
    commands.push(format!("mod list -c 1000 -w future {variable}"));
    let rows = explorer.last(&commands).get("modifications").as_array().cloned();
    let value = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let pair = |row: &Value| ["old_value", "new_value"].map(|name| value(row, name));
    let known = |[old, new]: &[String; 2]| old != new && !old.contains('?') && !old.is_empty();
    rows.unwrap_or_default().iter().map(pair).filter(known).collect()
}

/// The changes from state to state; where no value is known for some states, over these.
fn changes(values: &[Option<String>]) -> Vec<[String; 2]> {
    let known = |text: &&str| !text.contains('<') || text.contains("0x");
    let known = |value: &Option<String>| value.as_deref().filter(known).map(str::to_owned);
    let values: Vec<String> = values.iter().filter_map(known).collect();
    let pairs = values.windows(2).map(|pair| [pair[0].clone(), pair[1].clone()]);
    pairs.filter(|[old, new]| old != new).collect()
}

#[test]
fn variables_whose_place_changes_are_listed_as_they_are_printed() {
    let mut total = 0;
    for level in ["-O1", "-O2", "-Og"] {
        let mut guest = Guest::system("", &[]);
        let source = guest.directory().join("moves.c");
        std::fs::write(&source, MOVES).expect("a source");
        guest.program = guest.directory().join("moves");
        let mut gcc = Command::new("gcc");
        must_run(gcc.args(["-g", level]).arg(&source).arg("-o").arg(&guest.program));
        let explorer = guest.record(&[]).explore();
        for (function, variables, steps) in MOVING {
            let printed = printed(&explorer, (function, variables, steps));
            for (variable, values) in variables.iter().zip(printed) {
                let first = values.iter().position(Option::is_some).expect("a scope somewhere");
                let held = changes(&values);
                let listed = listed(&explorer, function, first, variable);
                assert_eq!(listed, held, "{level} {function} {variable}");
                total += held.len();
            }
        }
        // Its first statement has no code where the function is entered.
        let calls = explorer.last(&["calls skip"]).get("calls").clone();
        let passed = calls[0]["parameters"][0]["value"].as_str().unwrap_or_default();
        assert!(passed.contains("\"abcdef\""), "{level} {calls:?}");
        let stops = explorer.ask(&["break walk", "continue", "watch p", "continue", "continue"]);
        assert_eq!((stops[3].reason(), stops[4].reason()), ("watch", "scope"), "{level}");
    }
    assert!(total > 50, "{total}");
}
