//! The programs that are recorded.

use crate::options::Options;
use rdb_tests::guest::Guest;
use rdb_tests::tools::{cc1, require_tool};

/// A program to record.
pub struct Workload {
    /// Its name in the report.
    pub name: &'static str,
    /// The program.
    pub guest: Guest,
    /// Instructions after which its whole recording ends.
    pub stop_after: u64,
}

impl Workload {
    /// Those asked for, as far as their programs are installed.
    pub fn all(options: &Options) -> Vec<Workload> {
        let all = [
            ("true", Some(Guest::system("/bin/true", &[]))),
            ("ls", Some(Guest::system("/bin/ls", &["-l", "/usr/bin"]))),
            ("sqlite3", tool("sqlite3", &[":memory:", "select 1"])),
            ("python3", tool("python3", &["-c", "print(sum(range(1000)))"])),
            ("cc1", compiler()),
        ];
        let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|o| o == name);
        all.into_iter()
            .filter(|(name, _)| wanted(name))
            .filter_map(|(name, guest)| {
                let longest = name == "python3";
                let stop_after = if longest { options.longest() } else { options.long() };
                Some(Workload { name, guest: guest?, stop_after })
            })
            .collect()
    }
}

fn tool(name: &str, arguments: &[&str]) -> Option<Guest> {
    let found = require_tool(name)?;
    // A link's target: the recorder does the same with the name it is given.
    let path = std::fs::canonicalize(found).expect("the program's real path");
    Some(Guest::system(path, arguments))
}

/// gcc's own compiler on a small preprocessed file.
fn compiler() -> Option<Guest> {
    let guest = Guest::system(cc1()?, &["-fpreprocessed", "-quiet", "small.i", "-O1", "-o", "-"]);
    std::fs::write(guest.directory().join("small.i"), SOURCE).expect("failed to write a source");
    Some(guest)
}

const SOURCE: &str = "\
int printf(const char *, ...);
static int gcd(int a, int b) { return b ? gcd(b, a % b) : a; }
int main(int count, char **words) {
    for (int i = 0; i < count; i++) printf(\"%s %d\\n\", words[i], gcd(i, 12));
    return 0;
}
";
