//! C++ and Rust names for people.

use cpp_demangle::{DemangleOptions, ParseOptions, Symbol};

/// Longest mangled name looked at, in bytes; longer ones are shown as they are.
const MAX_MANGLED: usize = 1 << 15;

/// Nesting at which the C++ demangler gives up.
const MAX_RECURSION: u32 = 96;

/// Longest demangled name, in bytes: C++ substitutions can multiply.
const MAX_DEMANGLED: usize = 1 << 16;

/// The name as its programmer wrote it, with parameters (C++), without the
/// hash (Rust); what neither language mangled comes back unchanged.
pub fn demangle(name: &str) -> String {
    with_options(name, DemangleOptions::new())
}

/// As [`demangle`], without parameters and return type: how functions are
/// named in backtraces and breakpoints.
pub fn demangle_short(name: &str) -> String {
    let mut short = with_options(name, DemangleOptions::new().no_params().no_return_type());
    // What stands behind the parameters is of no name; of those in functions it is shown.
    if let Some(bare) = without_qualifiers(&short) {
        short.truncate(bare.len());
    }
    short
}

/// The name of a member function without the qualifiers behind it, if it has some.
fn without_qualifiers(name: &str) -> Option<&str> {
    const QUALIFIERS: [&str; 4] = [" const", " volatile", " &", " &&"];
    let mut bare = name;
    while let Some(shorter) = QUALIFIERS.iter().find_map(|one| bare.strip_suffix(one)) {
        bare = shorter;
    }
    // `operator int const` is called so.
    let last = bare.rsplit("::").next().unwrap_or(bare);
    (bare.len() < name.len() && !last.starts_with("operator ")).then_some(bare)
}

fn with_options(name: &str, options: DemangleOptions) -> String {
    if name.len() > MAX_MANGLED {
        return name.to_owned();
    }
    rust(name).or_else(|| cpp(name, options)).unwrap_or_else(|| name.to_owned())
}

fn rust(name: &str) -> Option<String> {
    let demangled = rustc_demangle::try_demangle(name).ok()?;
    let text = bounded(&format_args!("{demangled:#}"))?;
    (text != name).then_some(text)
}

fn cpp(name: &str, options: DemangleOptions) -> Option<String> {
    let mangled = name.starts_with("_Z") || name.starts_with("__Z") || name.starts_with("_GLOBAL_");
    if !mangled {
        return None;
    }
    let parse = ParseOptions::default().recursion_limit(MAX_RECURSION);
    let symbol = Symbol::new_with_options(name, &parse).ok()?;
    let mut out = Bounded(String::new());
    let options = options.recursion_limit(MAX_RECURSION);
    let whole = symbol.structured_demangle(&mut out, &options).is_ok();
    whole.then(|| special(&out.0).unwrap_or(out.0))
}

/// What the compiler makes for a class, as c++filt calls it.
fn special(name: &str) -> Option<String> {
    const KINDS: [(&str, &str); 4] = [
        ("{vtable(", "vtable for "),
        ("{vtt(", "VTT for "),
        ("{typeinfo(", "typeinfo for "),
        ("{typeinfo name(", "typeinfo name for "),
    ];
    let named = |(open, text): (&str, &str)| {
        let class = name.strip_prefix(open)?.strip_suffix(")}")?;
        Some(format!("{text}{class}"))
    };
    KINDS.into_iter().find_map(named)
}

fn bounded(text: &std::fmt::Arguments<'_>) -> Option<String> {
    let mut out = Bounded(String::new());
    std::fmt::write(&mut out, *text).is_ok().then_some(out.0)
}

/// A string that refuses to grow beyond [`MAX_DEMANGLED`].
struct Bounded(String);

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > MAX_DEMANGLED {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_three_languages() {
        assert_eq!(demangle("_ZN2ns3Foo3barEi"), "ns::Foo::bar(int)");
        assert_eq!(demangle_short("_ZN2ns3Foo3barEi"), "ns::Foo::bar");
        assert_eq!(demangle_short("_Z3maxIiET_S0_S0_"), "max<int>");
        assert_eq!(demangle_short("_ZTVN3zoo3CatE"), "vtable for zoo::Cat");
        assert_eq!(
            demangle("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"),
            "core::fmt::Write::write_fmt"
        );
        assert_eq!(demangle_short("_ZZ4mainENKUliE_clEi"), "main::{lambda(int)#1}::operator()");
        assert_eq!(demangle_short("_ZZ4mainENUliE0_clEi"), "main::{lambda(int)#2}::operator()");
        assert_eq!(demangle_short("_ZNK3zoo3Cat4nameEv"), "zoo::Cat::name");
        assert_eq!(demangle_short("_ZNKR3zoo3Cat4nameEv"), "zoo::Cat::name");
        assert_eq!(demangle("main"), "main");
        assert_eq!(demangle("_Znonsense"), "_Znonsense");
    }

    #[test]
    fn hostile_names_end() {
        assert!(demangle(&format!("_ZN{}E", "1a".repeat(10_000))).len() <= MAX_DEMANGLED);
        assert!(demangle(&"_Z".repeat(100_000)).len() <= 200_000);
    }
}
