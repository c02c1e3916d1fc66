//! What becomes of a call, as far as the name of what is called tells.

use crate::symbols::demangle_short;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// It comes back once, if at all.
    Once,
    /// It never does.
    Never,
    /// It may come back again, from elsewhere.
    Again,
}

/// Functions that never come back.
const NEVER: [&str; 21] = [
    "abort",
    "exit",
    "_exit",
    "_Exit",
    "quick_exit",
    "__stack_chk_fail",
    "__assert_fail",
    "__cxa_throw",
    "__cxa_rethrow",
    "_Unwind_Resume",
    "longjmp",
    "siglongjmp",
    "__longjmp_chk",
    "pthread_exit",
    "std::terminate",
    "__clang_call_terminate",
    "__cxa_bad_cast",
    "__cxa_throw_bad_array_new_length",
    "__chk_fail",
    "__fortify_fail",
    "__assert",
];

/// How the names of functions of C++ and Rust begin that never come back.
const NEVER_BEGIN: [&str; 13] = [
    "std::__throw_",
    "core::cell::panic_already_",
    "core::panicking::",
    "std::panicking::begin_panic",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::slice::index::slice_",
    "core::str::slice_error_fail",
    "alloc::alloc::handle_alloc_error",
    "alloc::raw_vec::handle_error",
    "std::process::abort",
    "std::process::exit",
];

/// Functions that come back again (setjmp(3), getcontext(3); gcc's `returns_twice`).
const AGAIN: [&str; 7] =
    ["setjmp", "_setjmp", "__setjmp", "sigsetjmp", "__sigsetjmp", "getcontext", "vfork"];

impl Returns {
    /// Of a function, whose name may be mangled, and a symbol version or `@plt` may follow.
    pub fn of(name: &str) -> Self {
        let name = name.split('@').next().unwrap_or_default();
        let demangled = demangle_short(name);
        let panics = NEVER_BEGIN.iter().any(|never| demangled.starts_with(never));
        // A C++ function that is called like one of C is another.
        let is_scoped = demangled.contains("::") && NEVER.contains(&demangled.as_str());
        match (panics || is_scoped || NEVER.contains(&name), AGAIN.contains(&name)) {
            (true, _) => Self::Never,
            (_, true) => Self::Again,
            _ => Self::Once,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Returns;

    #[test]
    fn stubs_and_versions_are_of_the_function() {
        assert_eq!(Returns::of("exit@plt"), Returns::Never);
        assert_eq!(Returns::of("_setjmp@@GLIBC_2.2.5"), Returns::Again);
        assert_eq!(Returns::of("exits"), Returns::Once);
        assert_eq!(Returns::of("_Z4exitR5State"), Returns::Once);
        assert_eq!(Returns::of("_ZSt20__throw_length_errorPKc@plt"), Returns::Never);
        assert_eq!(Returns::of("_ZSt9terminatev"), Returns::Never);
        assert_eq!(Returns::of("core::panicking::panic_in_cleanup"), Returns::Never);
    }
}
