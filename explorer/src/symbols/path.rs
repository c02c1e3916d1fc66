//! File names as compilers write them.

/// `name` seen from `directory`, without needless `./`. `..` stays: a
/// directory may be a symbolic link.
pub(crate) fn join(directory: &str, name: &str) -> String {
    let mut name = name;
    while let Some(rest) = name.strip_prefix("./") {
        name = rest.trim_start_matches('/');
    }
    match (name, directory) {
        ("" | ".", _) => directory.to_owned(),
        (_, "") => name.to_owned(),
        (_, _) if name.starts_with('/') => name.to_owned(),
        (_, _) if directory.ends_with('/') => format!("{directory}{name}"),
        (_, _) => format!("{directory}/{name}"),
    }
}

/// Whether a user who types `wanted` may mean `path`: its last components are
/// equal, after `.` and `..` are resolved by name.
pub fn matches(path: &str, wanted: &str) -> bool {
    let (path, parts) = (components(path), components(wanted));
    let same_root = !wanted.starts_with('/') || path.len() == parts.len();
    !parts.is_empty() && same_root && path.ends_with(&parts)
}

fn components(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined() {
        assert_eq!(join("/a", "b.c"), "/a/b.c");
        assert_eq!(join("/a", "./b.c"), "/a/b.c");
        assert_eq!(join("/a", "/b.c"), "/b.c");
        assert_eq!(join("/a/", "../b.c"), "/a/../b.c");
        assert_eq!(join("", "b.c"), "b.c");
    }

    #[test]
    fn matched_by_suffix_of_components() {
        assert!(matches("/a/src/main.c", "main.c"));
        assert!(matches("/a/src/main.c", "src/main.c"));
        assert!(matches("/a/x/../src/main.c", "/a/src/main.c"));
        assert!(!matches("/a/src/main.c", "ain.c"));
        assert!(!matches("/a/src/main.c", "/src/main.c"));
        assert!(!matches("/a/src/main.c", ""));
    }
}
