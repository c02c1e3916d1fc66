//! Names that Cython gives to what a Python program names (Cython/Compiler/Naming.py).

/// Before the names of Python's variables, in the C that Cython writes.
const VARIABLE: &str = "__pyx_v_";

/// Before all names of Cython's making.
const OWN: &str = "__pyx_";

/// Before the names of functions: the bodies of Python's, and C functions (`cdef`). The wrappers
/// that Python calls, which unpack arguments, are none that the program has.
const FUNCTIONS: [&str; 2] = ["__pyx_pf_", "__pyx_f_"];

/// Before the names of functions that run generators, which nobody can tell whose they are by.
const GENERATOR: &str = "__pyx_gb_";

/// Pointers to the structures that hold the variables of closures and generators, the innermost
/// first; a structure names the next one out by the second.
pub const SCOPES: [&str; 2] = ["__pyx_cur_scope", "__pyx_outer_scope"];

/// The ends of names of files that Python programs are written in.
const SOURCES: [&str; 4] = [".pyx", ".py", ".pxd", ".pxi"];

/// What Cython says of code of its own (`#line`), whose files there are not.
const NO_FILES: [&str; 4] =
    ["cython_utility", "(tree fragment)", "View.MemoryView", "<MemoryView>"];

/// Most scopes in a mangled name that are told from each other.
const MAX_SCOPES: usize = 16;

/// What the Python program calls a variable; other names stay as they are.
pub fn python_name(name: &str) -> &str {
    name.strip_prefix(VARIABLE).unwrap_or(name)
}

/// What Cython calls a variable of that name.
pub fn cython_name(name: &str) -> String {
    format!("{VARIABLE}{name}")
}

/// What Cython calls the structure of an extension type, `shop.Counter`.
pub fn structure_of(class: &str) -> Option<String> {
    let (module, name) = class.rsplit_once('.')?;
    let scopes: String = module.split('.').map(|part| format!("{}{part}_", part.len())).collect();
    Some(format!("__pyx_obj_{scopes}{name}"))
}

/// Whether a variable is one that Cython needs for itself, as `__pyx_t_1`.
pub fn is_own(name: &str) -> bool {
    name.starts_with(OWN) && !name.starts_with(VARIABLE)
}

/// Whether a function's code is what a Python program says: bodies of functions and generators.
pub fn is_function(name: &str) -> bool {
    name.starts_with(GENERATOR) || FUNCTIONS.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a Python program is written in a file.
pub fn is_source(file: &str) -> bool {
    SOURCES.iter().any(|end| file.ends_with(end))
}

/// Whether code of a file that a unit of Cython's has lines of is Cython's or Python's: what
/// Cython wrote, or Python's headers. `generated` is the unit's own file.
pub fn is_machinery(file: &str, generated: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    // `/usr/include/python3.11/cpython/unicodeobject.h`
    let is_header = file.contains("/include/python3.");
    !is_source(file) && (file == generated || NO_FILES.contains(&name) || is_header)
}

/// The names, last component first, that a function's may stand for: `total`, `prices` of
/// `__pyx_pf_6prices_2total`. More than one where a number before a name is its length, or tells
/// it from others.
pub(super) fn function_names(name: &str) -> Vec<Vec<&str>> {
    let Some(mut rest) = FUNCTIONS.iter().find_map(|prefix| name.strip_prefix(prefix)) else {
        return Vec::new();
    };
    let (mut outer, mut all) = (Vec::new(), Vec::new());
    loop {
        // Behind the scopes: a number, if others of the scope had none left, and the name.
        let last = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if !outer.is_empty() && !last.is_empty() {
            let outwards = outer.iter().rev().copied();
            all.push(std::iter::once(last).chain(outwards).collect());
        }
        let Some((scope, inside)) = scope(rest).filter(|_| outer.len() < MAX_SCOPES) else {
            return all;
        };
        outer.push(scope);
        rest = inside;
    }
}

/// The scope that a mangled name begins with, as `7Account_`, and what is in it.
fn scope(name: &str) -> Option<(&str, &str)> {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let (length, rest) = name.split_at_checked(digits)?;
    let (scope, inside) = rest.split_at_checked(length.parse().ok().filter(|n| *n > 0)?)?;
    Some((scope, inside.strip_prefix('_').filter(|inside| !inside.is_empty())?))
}

/// Whether what was typed, as `Account.withdraw`, means a function by one of its names.
pub(super) fn answers(function: &str, typed: &str) -> bool {
    let fits = |names: &Vec<&str>| {
        let mut own = names.iter();
        typed.rsplit('.').all(|part| own.next() == Some(&part))
    };
    function_names(function).iter().any(fits)
}

/// What of a typed name a function's has to end in.
pub(super) fn last(typed: &str) -> &str {
    typed.rsplit('.').next().unwrap_or(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_answer_to_python_names() {
        for (function, typed) in [
            ("__pyx_pf_4shop_fib", "fib"),
            ("__pyx_pf_4shop_fib", "shop.fib"),
            ("__pyx_pf_4shop_2squares", "squares"),
            ("__pyx_pf_4shop_7Account___init__", "Account.__init__"),
            ("__pyx_pf_4shop_7Account_2withdraw", "shop.Account.withdraw"),
            ("__pyx_pf_4shop_5adder", "adder"),
            ("__pyx_pf_4shop_5adder_add", "adder.add"),
            ("__pyx_f_3pkg_4shop_fast_add", "pkg.shop.fast_add"),
        ] {
            assert!(answers(function, typed), "{function} {typed}");
        }
        for (function, typed) in [
            ("__pyx_pf_4shop_fib", "ib"),
            ("__pyx_pf_4shop_fib", "other.fib"),
            ("__pyx_pf_4shop_fib", "4shop_fib"),
            ("__pyx_pw_4shop_1fib", "fib"),
            ("__pyx_pf_4shop_7Account_2withdraw", "Account.2withdraw"),
            ("fib", "fib"),
        ] {
            assert!(!answers(function, typed), "{function} {typed}");
        }
    }

    #[test]
    fn machinery_is_what_nobody_wrote() {
        let own = |file| is_machinery(file, "/a/shop.c");
        assert!(own("/a/shop.c") && own("/a/cython_utility") && own("/a/(tree fragment)"));
        assert!(own("/usr/include/python3.11/cpython/object.h"));
        assert!(!own("/a/shop.pyx") && !own("/a/other.h"));
        assert!(
            !own("/usr/lib/python3.11/site-packages/shop/fib.pyx") && own("/a/View.MemoryView")
        );
    }

    #[test]
    fn endless_scopes_are_not_all_told_from_each_other() {
        let name = format!("__pyx_pf_{}f", "1a_".repeat(10_000));
        assert!(function_names(&name).len() <= MAX_SCOPES + 1);
    }
}
