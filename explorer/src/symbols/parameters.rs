//! Lists of parameters, as people type them and as demanglers write them: `(int, char const*)`.

use super::names::tight;

/// Deepest nesting of types compared part by part.
const MAX_DEPTH: u32 = 32;

/// Longest text compared part by part, in bytes.
const MAX_TEXT: usize = 1 << 14;

/// Words that make up integer types; how many of them, and in which order, is free.
const INTEGER_WORDS: [&str; 6] = ["unsigned", "signed", "long", "short", "int", "char"];

/// Words before a type's name that say what it is.
const TAGS: [&str; 5] = ["struct", "class", "union", "enum", "typename"];

/// The parameters of a function, each spelled in one way, and what follows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    types: Vec<String>,
    /// `const` and the like, of a method.
    qualifiers: Vec<String>,
}

/// How a function's parameters answer those that were typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// In all.
    Whole,
    /// But for the qualifiers of the method, of which none were typed.
    Unqualified,
}

impl Parameters {
    /// Those behind a function's name, if any are.
    pub fn of(function: &str) -> Option<Self> {
        let Cut { list, qualifiers, .. } = cut(function).filter(|_| function.len() <= MAX_TEXT)?;
        let mut qualifiers: Vec<_> = qualifiers.split_whitespace().map(str::to_owned).collect();
        qualifiers.sort_unstable();
        Some(Self { types: types(list, 0), qualifiers })
    }

    /// Whether a function with these is meant by `typed`.
    pub fn answer(&self, typed: &Self) -> Option<Answer> {
        match self.types == typed.types {
            true if self.qualifiers == typed.qualifiers => Some(Answer::Whole),
            true if typed.qualifiers.is_empty() => Some(Answer::Unqualified),
            _ => None,
        }
    }
}

/// A function with its parameters in which names of types are replaced by what they stand for;
/// `None` if none is.
pub(crate) fn resolved(
    function: &str,
    stands_for: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let Cut { name, list, qualifiers } = cut(function).filter(|_| function.len() <= MAX_TEXT)?;
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let (mut all, mut rest, mut any) = (String::new(), list, false);
    while let Some(first) = rest.chars().next() {
        let word = if inside(first) { rest.find(|c| !inside(c)).unwrap_or(rest.len()) } else { 0 };
        let (taken, behind) = rest.split_at(word.max(first.len_utf8()));
        let other = Some(taken).filter(|_| word > 0).and_then(stands_for);
        any |= other.is_some();
        all += other.as_deref().unwrap_or(taken);
        rest = behind;
    }
    any.then(|| format!("{name}({all}) {qualifiers}"))
}

/// The parts of `f(int) const`.
struct Cut<'t> {
    name: &'t str,
    list: &'t str,
    qualifiers: &'t str,
}

/// A function's name without parameters: `f` of `f(int) const`.
pub(crate) fn without(name: &str) -> &str {
    cut(name).map_or(name, |cut| cut.name)
}

fn cut(text: &str) -> Option<Cut<'_>> {
    let text = text.trim();
    let close = text.rfind(')')?;
    // `[clone .cold]` is no part of the type.
    let tail = text.get(close + 1..)?.split('[').next()?.trim();
    let qualifies = |word: &str| matches!(word, "const" | "volatile" | "&" | "&&");
    if !tail.split_whitespace().all(qualifies) {
        return None;
    }
    let open = opening(text, close)?;
    let name = text.get(..open)?.trim_end();
    let is_operator = name
        .strip_suffix("operator")
        .is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    if name.is_empty() || name.ends_with("::") || is_operator {
        return None;
    }
    Some(Cut { name, list: text.get(open + 1..close)?, qualifiers: tail })
}

/// The parenthesis that the one at `close` closes.
fn opening(text: &str, close: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate().take(close + 1).collect::<Vec<_>>().into_iter().rev()
    {
        match byte {
            b')' => depth += 1,
            b'(' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The types of a list; none of `(void)`.
fn types(list: &str, depth: u32) -> Vec<String> {
    let list = list.replace("(anonymous namespace)::", "").replace("{anonymous}::", "");
    let list = tight(&list);
    let all = parts(&list, ',').into_iter().filter(|one| !one.is_empty() && *one != "void");
    all.map(|one| parameter(one, depth)).collect()
}

/// The parts of a text between separators that are in no brackets.
fn parts(text: &str, separator: char) -> Vec<&str> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0usize);
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if c == separator && depth == 0 => {
                found.push(text.get(start..at).unwrap_or_default().trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    found.push(text.get(start..).unwrap_or_default().trim());
    found
}

/// A parameter: whether it may be changed is no matter of the caller (C++20, 9.3.4.6).
fn parameter(text: &str, depth: u32) -> String {
    let mut spelled = spelled(text, depth);
    while let Some(short) = spelled.strip_suffix("const").or(spelled.strip_suffix("volatile")) {
        spelled.truncate(short.trim_end().len());
    }
    spelled
}

/// A type, with qualifiers behind what they qualify: `char const*` of `const char *`.
fn spelled(text: &str, depth: u32) -> String {
    if depth > MAX_DEPTH {
        return text.to_owned();
    }
    let (base, declarator) = text.split_at(base_length(text));
    let (mut words, mut qualifiers) = (Vec::new(), Vec::new());
    for word in parts(base, ' ') {
        match word {
            "const" | "volatile" => qualifiers.push(word.to_owned()),
            word if word.is_empty() || TAGS.contains(&word) => {}
            word => words.push(with_arguments(word, depth)),
        }
    }
    qualifiers.sort_unstable();
    qualifiers.dedup();
    let name = integer(&words).unwrap_or_else(|| words.join(" "));
    let all: Vec<_> = std::iter::once(name).chain(qualifiers).collect();
    all.join(" ") + &declared(declarator, depth)
}

/// How much of a type stands before its first `*`, `&`, `(` or `[`.
fn base_length(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '<' | '{' => depth += 1,
            '>' | '}' => depth = depth.saturating_sub(1),
            '*' | '&' | '(' | '[' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// A name with its template arguments spelled in one way.
fn with_arguments(word: &str, depth: u32) -> String {
    let Some((name, rest)) = word.split_once('<') else { return word.to_owned() };
    let mut open = 1usize;
    let closes = |c: char| {
        match c {
            '<' => open += 1,
            '>' => open -= 1,
            _ => {}
        }
        open == 0
    };
    let Some(end) = rest.find(closes) else { return word.to_owned() };
    let (inside, behind) = rest.split_at(end);
    let arguments = parts(inside, ',').into_iter().map(|one| spelled(one, depth + 1));
    let arguments = arguments.collect::<Vec<_>>().join(",");
    let behind = behind.get(1..).unwrap_or_default();
    format!("{name}<{arguments}>{}", with_arguments(behind, depth + 1))
}

/// What stands behind the name of a type: `*const*`, `(*)(int)`.
fn declared(text: &str, depth: u32) -> String {
    let mut all = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let group = rest.strip_prefix('(').and_then(|inside| Some((inside, closing(inside)?)));
        let Some((inside, end)) = group.filter(|_| depth <= MAX_DEPTH) else {
            all.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        };
        let (content, behind) = inside.split_at(end);
        let is_declarator = content.starts_with(['*', '&']) || content.contains("::*");
        let content = match is_declarator {
            true => declared(content, depth + 1),
            false => types(content, depth + 1).join(","),
        };
        all += &format!("({content})");
        rest = behind.get(1..).unwrap_or_default();
    }
    all
}

/// Where the parenthesis is closed that stands before a text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1usize;
    text.find(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

/// The one spelling of an integer type, if the words make up one.
fn integer(words: &[String]) -> Option<String> {
    let is = |word: &String| INTEGER_WORDS.contains(&word.as_str());
    if words.is_empty() || !words.iter().all(is) {
        return None;
    }
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let longs = words.iter().filter(|word| *word == "long").count();
    let size = match (has("char"), has("short"), longs) {
        (true, ..) => "char",
        (_, true, _) => "short",
        (_, _, 0) => "int",
        (_, _, 1) => "long",
        _ => "long long",
    };
    let sign = match (has("unsigned"), has("signed") && has("char")) {
        (true, _) => "unsigned ",
        (_, true) => "signed ",
        _ => "",
    };
    Some(format!("{sign}{size}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let of = |text: &str| Parameters::of(text).expect("parameters");
        of(a).answer(&of(b)) == Some(Answer::Whole)
    }

    #[test]
    fn one_list_may_be_written_in_many_ways() {
        assert!(same("f(char const*, int)", "f( const char *,int )"));
        assert!(same("f()", "f(void)"));
        assert!(same("f(unsigned long, unsigned int)", "f(unsigned long int, unsigned)"));
        assert!(same("f(A<char const*, B<int> >&)", "f(struct A<const char*,B<int>> &)"));
        assert!(same("f(int (*)(char const*))", "f(int(*)(const char *))"));
        assert!(same("f(char const* const*)", "f(const char *const *)"));
        assert!(same("f(int)", "f(const int)"));
        assert!(same("g::(anonymous namespace)::f(g::(anonymous namespace)::T)", "f(g::T)"));
        assert!(same("f(int) [clone .cold]", "f(int)"));
        assert!(!same("f(char*)", "f(char const*)"));
        assert!(!same("f(int)", "f(int) const"));
        assert!(!same("f(int, int)", "f(int)"));
        assert!(!same("f(signed char)", "f(char)"));
    }

    #[test]
    fn a_method_answers_without_its_qualifiers() {
        let of = |text: &str| Parameters::of(text).expect("parameters");
        let method = of("C::f(int) const");
        assert_eq!(method.answer(&of("C::f(int)")), Some(Answer::Unqualified));
        assert_eq!(method.answer(&of("C::f(int) const")), Some(Answer::Whole));
        assert_eq!(of("C::f(int)").answer(&of("C::f(int) const")), None);
    }

    #[test]
    fn names_are_what_stands_before_the_list() {
        assert_eq!(without("ns::f(int, void (*)(int)) const"), "ns::f");
        assert_eq!(without("S::operator()"), "S::operator()");
        assert_eq!(without("S::operator()(int)"), "S::operator()");
        assert_eq!(without("(anonymous namespace)::f"), "(anonymous namespace)::f");
        assert_eq!(without("f"), "f");
        assert_eq!(without("cooperator(int)"), "cooperator");
    }

    #[test]
    fn hostile_lists_end() {
        for text in ["f(((((((", "f)))))", "f(<<<<<)", "f(>>>)", "f(()", "()", "f(*&()[)"] {
            Parameters::of(text);
        }
        let deep = format!("f({}int{})", "A<".repeat(4000), ">".repeat(4000));
        assert!(Parameters::of(&deep).is_some());
        let deep = format!("f(int{}{})", "(*".repeat(4000), ")".repeat(4000));
        assert!(Parameters::of(&deep).is_some());
    }
}
