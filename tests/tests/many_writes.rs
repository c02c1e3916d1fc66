//! Lists of so many writes that they are made while they are shown: each row is what the program
//! did, whatever its type.

use rdb_tests::explorer::Explorer;
use rdb_tests::guest::Guest;

/// Writes in the program, which counts in both directions past what is read ahead of what is shown.
const WRITES: i64 = 70_000;

const SOURCE: &str = "\
#include <stdint.h>
struct pair { int first; short second; };
short small;
uint64_t large;
unsigned char letter;
float part;
struct pair both;
int main(void)
{
  for (int i = 0; i < 70000; i++) {
    small = 20000 - i;
    large = UINT64_MAX - i;
  }
  for (int i = 0; i < 1500; i++) {
    letter = i;
    part = i / 4.0f;
    both.second = -i;
  }
  return 0;
}
";

/// What the writes to a variable found and left.
fn values(explorer: &Explorer, variable: &str) -> Vec<(String, String)> {
    let answers = explorer.ask(&["goto 0", &format!("mod list -w future -c 1000000 {variable}")]);
    let rows = answers[1].get("modifications").as_array().expect("modifications");
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().map(str::to_owned);
    let both = |row| Some((text(row, "old_value")?, text(row, "new_value")?));
    rows.iter().map(|row| both(row).expect("values")).collect()
}

/// Asserts that the last of the writes left `expected`, one each, and that each found what the
/// one before left.
fn assert_values(explorer: &Explorer, variable: &str, expected: impl Iterator<Item = String>) {
    let values = values(explorer, variable);
    let expected: Vec<String> = expected.collect();
    // Before them, the loader may have written.
    let first = values.len() - expected.len();
    let left: Vec<&String> = values[first..].iter().map(|(_, new)| new).collect();
    assert!(left.iter().copied().eq(&expected), "{variable}: {:?}", first_wrong(&left, &expected));
    assert!(values.windows(2).all(|two| two[0].1 == two[1].0), "{variable}");
}

fn first_wrong<'a>(
    left: &[&'a String],
    expected: &'a [String],
) -> Option<(&'a String, &'a String)> {
    left.iter().copied().zip(expected).find(|(left, expected)| left != expected)
}

#[test]
fn l9_each_of_many_writes_is_shown_by_its_type() {
    let guest = Guest::compiled("many.c", SOURCE, &["gcc", "-g", "-O0"]);
    let explorer = guest.recorded();
    assert_values(&explorer, "small", (0..WRITES).map(|i| ((20_000 - i) as i16).to_string()));
    assert_values(&explorer, "large", (0..WRITES as u64).map(|i| (u64::MAX - i).to_string()));
    assert_values(&explorer, "part", (0..1500).map(|i| (f64::from(i) / 4.0).to_string()));
    assert_values(&explorer, "both.second", (0..1500).map(|i: i32| (-i).to_string()));
    let letters = values(&explorer, "letter");
    assert_eq!(letters.last().expect("a write").1, format!("{} '\\333'", 1499 % 256));
}

#[test]
fn l9_a_list_made_while_it_is_shown_ends_where_it_is_cut() {
    let guest = Guest::compiled("many.c", SOURCE, &["gcc", "-g", "-O0"]);
    let explorer = guest.recorded();
    for (count, more) in [(WRITES - 1, true), (WRITES, false), (WRITES + 1, false)] {
        let command = format!("mod list -w future -c {count} small");
        let answers = explorer.ask(&["break main", "continue", &command]);
        let rows = answers[2].get("modifications").as_array().expect("modifications").len();
        assert_eq!(
            (rows as i64, answers[2].get("more").as_bool()),
            (count.min(WRITES), Some(more))
        );
    }
    let none = explorer.ask(&["goto 0", "mod list -w past -c 1000000 small"]).remove(1);
    assert_eq!(none.get("modifications").as_array().map(Vec::len), Some(0));
    assert!(none.get("stopped").is_null(), "{none:?}");
}
