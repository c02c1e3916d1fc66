//! Memory of which the program wrote, and that a system call made zeros of afterwards: that call
//! is the origin, not nobody.

use rdb_tests::compile::must_run;
use rdb_tests::fixture::marks;
use rdb_tests::guest::Guest;
use rdb_tests::recording::Recording;
use std::process::Command;

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#define PAGE 4096L
static char *map(void *at, int flags)
{
    flags |= MAP_PRIVATE | MAP_ANONYMOUS;
    return mmap(at, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
}
static char *thrown, *anew, *grown, *fresh;
int main(void)
{
    thrown = map(NULL, 0);
    strcpy(thrown, "thrown away");
    madvise(thrown, PAGE, MADV_DONTNEED);
    anew = map(NULL, 0);
    anew[1] = 'a';
    munmap(anew, PAGE);
    anew = map(anew, MAP_FIXED);
    grown = sbrk(2 * PAGE);
    strcpy(grown + PAGE, "grown");
    sbrk(-PAGE);
    sbrk(PAGE);
    fresh = sbrk(PAGE);
    int first = thrown[0], second = anew[1], third = grown[PAGE], none = fresh[0];
    printf("%d %d %d %d\n", first, second, third, none); // MARK: print
    return 0;
}
"#;

/// The program, whose folder has to last, its recording, and what goes to the line that prints.
fn recorded() -> (Guest, Recording, [String; 2]) {
    let mut guest = Guest::system("", &[]);
    let source = guest.directory().join("cleared.c");
    std::fs::write(&source, SOURCE).expect("a source");
    guest.program = guest.directory().join("cleared");
    must_run(Command::new("gcc").args(["-g", "-O0"]).arg(&source).arg("-o").arg(&guest.program));
    let place = format!("break cleared.c:{}", marks(&source)["print"]);
    let recording = guest.record(&[]);
    (guest, recording, [place, "continue".to_owned()])
}

#[test]
fn what_made_zeros_is_named_as_the_origin() {
    let (_guest, recording, go) = recorded();
    let explorer = recording.explore();
    let asked = [
        ("first", "thrown[0]", "madvise("),
        ("second", "anew[1]", "mmap("),
        ("third", "grown[4096]", "brk("),
    ];
    for (variable, place, call) in asked {
        let [stop, run] = &go;
        let why = [format!("why {variable}"), format!("why {place}")];
        let list = format!("mod list -w past {place}");
        let last = format!("last {place}");
        let answers = explorer.ask(&[stop, run, &why[0], &why[1], &list, &last]);
        let tracepoint = answers[5].tracepoint();
        for answer in &answers[2..4] {
            let link = answer.get("links").as_array().and_then(|all| all.last()).expect("a link");
            let origin = &link["origins"][0];
            assert_eq!(origin["kind"], "cleared", "{answer:?}");
            assert!(origin["call"].as_str().unwrap_or_default().starts_with(call), "{answer:?}");
            assert_eq!(link["tracepoint"].as_u64(), Some(tracepoint), "{answer:?}");
        }
        let row = answers[4].get("modifications").as_array().and_then(|all| all.last());
        let row = row.expect("a row");
        assert_eq!(row["tracepoint"].as_u64(), Some(tracepoint), "{row:?}");
        assert_eq!(row["new_value"], "0 '\\000'", "{row:?}");
    }
}

#[test]
fn of_memory_that_was_never_there_before_nobody_is_the_origin() {
    let (_guest, recording, [stop, run]) = recorded();
    let answer = recording.explore().last(&[&*stop, &*run, "why none"]);
    let link = answer.get("links").as_array().and_then(|all| all.last()).expect("a link");
    assert_eq!(link["origins"][0]["kind"], "zero", "{answer:?}");
}
