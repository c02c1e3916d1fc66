//! Elements of what owns them, and what optionals hold, by the languages' own operators.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::guest::Guest;

const RUST: &str = "\
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
struct P {
    x: i32,
}
struct All {
    boxed: Box<[u32]>,
    counted: Rc<[i16]>,
    shared: Arc<[P]>,
    ring: VecDeque<u64>,
    text: Rc<str>,
    none: Rc<[u8]>,
    list: Rc<Vec<i32>>,
    units: VecDeque<()>,
}
#[inline(never)]
fn look(all: &All, boxed: &Box<[u32]>, ring: &mut VecDeque<u64>) -> u64 {
    ring[1] + all.ring[3] + boxed[1] as u64 + all.shared[1].x as u64
}
fn main() {
    let mut ring: VecDeque<u64> = VecDeque::with_capacity(4);
    ring.extend([0, 100, 200, 300]);
    ring.drain(..2);
    ring.extend([400, 500]);
    let all = All {
        boxed: vec![10, 20, 30].into_boxed_slice(),
        counted: Rc::from(vec![-1, -2, 300]),
        shared: Arc::from(vec![P { x: 7 }, P { x: 9 }]),
        ring: ring.clone(),
        text: Rc::from(\"word\"),
        none: Rc::from(vec![]),
        list: Rc::new(vec![5, 6]),
        units: VecDeque::from(vec![(), ()]),
    };
    let sum = look(&all, &all.boxed, &mut ring);
    let more = all.counted.len() + all.text.len() + all.none.len() + all.list.len();
    println!(\"{sum} {more} {} {}\", all.units.len(), all.shared[0].x);
}
";

const CPP: &str = "\
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>
struct P { int x; std::string s; };
struct Freed { void operator()(int *p) const { delete[] p; } };
int main() {
  std::unique_ptr<int[]> owned(new int[3]{4, 5, 6});
  std::unique_ptr<P[]> records(new P[2]{{1, \"one\"}, {2, \"two\"}});
  std::unique_ptr<int[], Freed> freed(new int[2]{40, 50});
  std::unique_ptr<int[]> null;
  std::unique_ptr<int> single(new int(9));
  std::shared_ptr<int[]> shared(new int[3]{7, 8, 9});
  std::optional<int> some = 42, nope;
  std::optional<P> record = P{3, \"three\"};
  std::vector<bool> bits{true, false, true};
  int one = 1;
  std::printf(\"%d %d %d\\n\", owned[1] + records[1].x + freed[1], *single + shared[1] + *some,
              record->x + bits[0] + !null + nope.has_value() + one); // STOP
}
";

fn answers(explorer: &Explorer, stop: &str, questions: &[&str]) -> Vec<Answer> {
    let prints = questions.iter().map(|question| format!("print {question}"));
    let commands: Vec<_> =
        [format!("break {stop}"), "continue".to_owned()].into_iter().chain(prints).collect();
    explorer.attempt(&commands).1.split_off(2)
}

fn assert_values(explorer: &Explorer, stop: &str, expected: &[(&str, &str)]) {
    let questions: Vec<_> = expected.iter().map(|(question, _)| *question).collect();
    for ((question, value), answer) in expected.iter().zip(answers(explorer, stop, &questions)) {
        assert_eq!(answer.get("value").as_str(), Some(*value), "{question}: {answer:?}");
    }
}

/// Each is refused for that.
fn assert_errors(explorer: &Explorer, stop: &str, expected: &[(&str, &str)]) {
    for (question, why) in expected {
        let answer = answers(explorer, stop, &[question]).remove(0);
        let error = answer.error.unwrap_or_else(|| panic!("{question}: {:?}", answer.result));
        assert!(error.contains(why), "{question}: {error}");
    }
}

#[test]
fn rust_slices_and_rings_are_indexed_however_they_are_owned() {
    let guest = Guest::compiled("elements.rs", RUST, &["rustc", "-g"]);
    let explorer = guest.recorded();
    let expected = [
        ("boxed[1]", "20"),
        ("all.boxed[2]", "30"),
        ("all.counted[1] + 1", "-1"),
        ("all.shared[1].x", "9"),
        ("&all.shared[1] - &all.shared[0]", "1"),
        ("all.text[0]", "119"),
        ("all.list[1]", "6"),
        ("all.ring[0]", "200"),
        ("all.ring[3]", "500"),
        ("ring[0]", "200"),
        ("ring[1]", "300"),
        ("ring[2]", "400"),
        ("ring[3]", "500"),
        ("*ring", "VecDeque(size=4) = [200, 300, 400, 500]"),
        ("&all.ring[3] - &all.ring[2]", "1"),
        ("&all.units[1] - &all.units[0]", "0"),
    ];
    let look = "elements::look";
    assert_values(&explorer, look, &expected);
    let errors = [
        ("boxed[3]", "the length of alloc::boxed::Box<[u32]"),
        ("all.counted[-1]", "the length of"),
        ("all.none[0]", "is empty"),
        ("ring[4]", "the length of"),
    ];
    assert_errors(&explorer, look, &errors);
}

#[test]
fn arrays_of_smart_pointers_are_indexed_and_optionals_dereferenced() {
    let guest = Guest::compiled("elements.cc", CPP, &["g++", "-g", "-std=c++17"]);
    let explorer = guest.recorded();
    let stop = CPP.lines().position(|line| line.contains("std::printf")).expect("a line") + 1;
    let stop = format!("elements.cc:{stop}");
    let expected = [
        ("owned[1]", "5"),
        ("owned[2] + one", "7"),
        ("records[1].x", "2"),
        ("records[one].s", "\"two\""),
        ("freed[1]", "50"),
        ("shared[2]", "9"),
        ("&owned[1] - &owned[0]", "1"),
        ("*some", "42"),
        ("*some + 1", "43"),
        ("&*some == (int *) &some", "true"),
        ("record->x", "3"),
        ("(*record).s", "\"three\""),
        ("bits[0]", "true"),
        ("bits[1]", "false"),
    ];
    assert_values(&explorer, &stop, &expected);
    let errors = [
        ("single[0]", "cannot be indexed"),
        ("null[0]", "0x0"),
        ("*nope", "std::optional<int> contains no value"),
        ("bits[3]", "the length of std::vector<bool"),
    ];
    assert_errors(&explorer, &stop, &errors);
}
