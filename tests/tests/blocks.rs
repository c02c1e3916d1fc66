//! Variables of blocks, of inlined copies, and of optimised code: each is where it is only there.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::guest::Guest;
use serde_json::Value;

const BLOCKS: &str = "\
#include <stdio.h>
static void fill(int *p, int n, int v) { for (int i = 0; i < n; i++) p[i] = v + i; }
__attribute__((noinline)) int use(int *p) { return p[0] + p[3]; }
__attribute__((noinline)) int two(int n)
{
  int s = 0;
  {
    int first[4]; fill(first, 4, n);
    s += use(first);
  }
  {
    int second[4]; fill(second, 4, 100 * n);
    s += use(second);
  }
  return s;
}
int main(int argc, char **argv) { printf(\"%d\\n\", two(argc)); return 0; }
";

const ROUNDS: &str = "\
#include <stdio.h>
__attribute__((noinline)) unsigned mix(const char *text)
{
  unsigned h = 5;
  for (; text[0] && text[1]; text += 2) {
    unsigned a = (unsigned char)text[0], b = (unsigned char)text[1];
    h = h * 32 + h + a;
    h = h * 32 + h + b;
  }
  return h;
}
__attribute__((noinline)) long double shrink(long double a, int k)
{
  long double z = a;
  while (k--)
    z = z * 1.5L - k;
  return z;
}
int main(int argc, char **argv)
{
  printf(\"%u %.3Lf\\n\", mix(\"some longer text of which a hash is made\"), shrink(argc + 1, 5));
  return 0;
}
";

fn rows(answer: &Answer) -> Vec<Value> {
    answer.get("modifications").as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
}

fn number(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_else(|| panic!("no {field} in {row}"))
}

/// In the line that uses `first`, in the block of that.
fn in_first(explorer: &Explorer, more: &[&str]) -> Vec<Answer> {
    explorer.ask(&[&["break blocks.c:9", "continue"], more].concat())
}

#[test]
fn a_blocks_variable_is_not_what_others_put_in_its_place() {
    for level in ["-O1", "-O2"] {
        let guest = Guest::compiled("blocks.c", BLOCKS, &["gcc", "-g", level]);
        let explorer = guest.recorded();
        let second = explorer.last(&["break blocks.c:13", "continue"]).tracepoint();
        let first = in_first(&explorer, &[])[1].tracepoint();
        for what in ["first", "first[3]"] {
            let ask = format!("mod list {what}");
            let found = rows(&in_first(&explorer, &[&ask])[2]);
            assert!(!found.is_empty(), "{level} {what}");
            let before = found.iter().all(|row| number(row, "tracepoint") < first);
            assert!(before, "{level} {what}: {found:?}");
        }
        let reads = in_first(&explorer, &["reads first"]);
        let reads = reads[2].get("reads").as_array().expect("reads").clone();
        assert!(!reads.is_empty() && reads.iter().all(|row| number(row, "tracepoint") < second));
        let watched = &in_first(&explorer, &["watch first", "continue"])[3];
        assert_eq!(watched.reason(), "scope", "{level}: {watched:?}");
    }
}

#[test]
fn each_change_goes_on_from_the_one_before() {
    for level in ["-O1", "-O2", "-O3"] {
        let guest = Guest::compiled("rounds.c", ROUNDS, &["gcc", "-g", level]);
        let explorer = guest.recorded();
        for (function, variable, least) in [("mix", "h", 20), ("shrink", "z", 4)] {
            let (stop, ask) = (format!("break {function}"), format!("mod list -c 100 {variable}"));
            let text = explorer.text(&[&*stop, "continue", "next", "next", &ask]).stdout_text();
            let table = text.lines().skip_while(|line| !line.contains("tracepoint")).skip(1);
            let table = table.take_while(|line| line.trim_start().starts_with('#'));
            let values: Vec<(String, String)> = table
                .map(|line| {
                    let mut cells = line.rsplit("  ").filter(|cell| !cell.is_empty());
                    let mut cell = || cells.next().expect("a value").trim().to_owned();
                    let new = cell();
                    (cell(), new)
                })
                .collect();
            assert!(values.len() >= least, "{level} {variable}: {text}");
            for pair in values.windows(2) {
                assert_eq!(pair[0].1, pair[1].0, "{level} {variable}: {text}");
            }
        }
    }
}
