//! Names that Cython gives to what a Python program names.

/// Before the names of Python's variables, in the C that Cython writes.
const VARIABLE: &str = "__pyx_v_";

/// What the Python program calls a variable; other names stay as they are.
pub fn python_name(name: &str) -> &str {
    name.strip_prefix(VARIABLE).unwrap_or(name)
}

/// What Cython calls a variable of that name.
pub fn cython_name(name: &str) -> String {
    format!("{VARIABLE}{name}")
}
