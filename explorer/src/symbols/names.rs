//! Which functions a typed name may mean.

use super::parameters;

/// Longest name compared component by component, in bytes.
const MAX_NAME: usize = 1 << 14;

/// How well a function's name answers what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// The whole name, template arguments aside.
    Exact,
    /// Its last components.
    Suffix,
}

/// Whether `name` (demangled, without parameters) answers `wanted`, its parameters aside.
pub(crate) fn fit(name: &str, wanted: &str) -> Option<Fit> {
    let wanted = parameters::without(wanted.trim());
    if name == wanted {
        return Some(Fit::Exact);
    }
    if name.len() > MAX_NAME || wanted.is_empty() {
        return None;
    }
    let parts = components(wanted.strip_prefix("::").unwrap_or(wanted));
    let fits = variants(name).into_iter().filter_map(|name| {
        let own = components(&name);
        let tail = own.get(own.len().checked_sub(parts.len())?..)?;
        let equal = tail.iter().zip(&parts).all(|(own, part)| same(own, part));
        let whole = own.len() == parts.len();
        let rooted = wanted.starts_with("::");
        (equal && (whole || !rooted)).then_some(if whole { Fit::Exact } else { Fit::Suffix })
    });
    fits.min()
}

/// The key under which a name is indexed: its last component, bare.
pub(crate) fn key(name: &str) -> &str {
    let name = parameters::without(name.trim());
    if name.len() > MAX_NAME {
        return name;
    }
    components(name).last().map_or(name, |last| bare(last))
}

/// The first component of a name, and what follows it.
pub(crate) fn first_component(name: &str) -> (&str, Option<&str>) {
    let first = components(name).first().copied().unwrap_or(name);
    let rest = name.strip_prefix(first).and_then(|rest| rest.strip_prefix("::"));
    if rest.is_some() { (first, rest) } else { (name, None) }
}

fn same(own: &str, wanted: &str) -> bool {
    let own = own.split("[abi:").next().unwrap_or(own);
    match wanted.contains('<') {
        true => own == wanted || tight(own) == tight(wanted),
        false => own == wanted || bare(own) == wanted,
    }
}

/// Without the spaces that part no words: `A<int, B<C> >` is `A<int,B<C>>`.
pub(crate) fn tight(text: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.split_whitespace().fold(String::new(), |mut all, part| {
        if is_word(all.chars().next_back()) && is_word(part.chars().next()) {
            all.push(' ');
        }
        all + part
    })
}

/// What stands before the template arguments at the end of a name, and these.
pub(crate) fn split_arguments(name: &str) -> Option<(&str, Vec<&str>)> {
    let inside = name.trim().strip_suffix('>')?;
    let (mut depth, mut end, mut all) = (1usize, inside.len(), Vec::new());
    for (at, byte) in inside.bytes().enumerate().rev() {
        match byte {
            b'>' | b')' => depth += 1,
            b'<' | b'(' => depth -= 1,
            b',' if depth == 1 => {
                all.push(inside.get(at + 1..end)?.trim());
                end = at;
            }
            _ => {}
        }
        if depth == 0 {
            all.push(inside.get(at + 1..end)?.trim());
            all.reverse();
            return Some((inside.get(..at)?, all));
        }
    }
    None
}

/// A component without its template arguments.
fn bare(component: &str) -> &str {
    let component = component.split("[abi:").next().unwrap_or(component);
    if component.starts_with("operator") || component.starts_with(['<', '{', '(']) {
        return component;
    }
    component.split('<').next().unwrap_or(component)
}

/// The components between `::`, without anonymous namespaces.
fn components(name: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0usize);
    let bytes = name.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        // `operator<` and `operator()` would unbalance the count; nothing
        // follows an operator's name but its template arguments.
        if depth == 0 && name.get(start..).is_some_and(is_operator) {
            break;
        }
        match byte {
            b'<' | b'(' | b'{' | b'[' => depth += 1,
            b'>' if index > 0 && bytes.get(index - 1) == Some(&b'-') => {}
            b'>' | b')' | b'}' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && bytes.get(index + 1) == Some(&b':') && start <= index => {
                parts.push(name.get(start..index).unwrap_or_default());
                start = index + 2;
            }
            _ => {}
        }
    }
    parts.push(name.get(start..).unwrap_or_default());
    parts.retain(|part| *part != "(anonymous namespace)" && *part != "{anonymous}");
    parts
}

fn is_operator(component: &str) -> bool {
    let rest = component.strip_prefix("operator");
    rest.is_some_and(|rest| rest.starts_with(|c: char| !c.is_alphanumeric() && c != '_'))
}

/// `<Type as Trait>::method` (Rust) can be meant as `Type::method` and as
/// `Trait::method`; `<Type>::method` as `Type::method`.
fn variants(name: &str) -> Vec<String> {
    let mut all = vec![name.to_owned()];
    let first = components(name).first().copied().unwrap_or_default();
    let inside = first.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    if let (Some(inside), Some(rest)) = (inside, name.strip_prefix(first)) {
        all.extend(inside.split(" as ").map(|part| format!("{part}{rest}")));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_people_type_them() {
        assert_eq!(fit("main", "main"), Some(Fit::Exact));
        assert_eq!(fit("ns::Foo::bar", "Foo::bar"), Some(Fit::Suffix));
        assert_eq!(fit("ns::Foo::bar", "oo::bar"), None);
        assert_eq!(fit("ns::Foo<int>::bar<a::b>", "Foo::bar"), Some(Fit::Suffix));
        assert_eq!(fit("ns::Foo<int>::bar", "Foo<int>::bar"), Some(Fit::Suffix));
        assert_eq!(fit("ns::Foo<int>::bar", "Foo<char>::bar"), None);
        assert_eq!(fit("(anonymous namespace)::f", "f"), Some(Fit::Exact));
        assert_eq!(fit("ns::operator<<", "operator<<"), Some(Fit::Suffix));
        assert_eq!(fit("ns::S::operator()", "S::operator()"), Some(Fit::Suffix));
        assert_eq!(fit("bar", "bar(int)"), Some(Fit::Exact));
        assert_eq!(fit("ns::bar", "::bar"), None);
        assert_eq!(fit("<a::Type as b::Trait>::go", "Type::go"), Some(Fit::Suffix));
        assert_eq!(fit("<a::Type as b::Trait>::go", "Trait::go"), Some(Fit::Suffix));
        assert_eq!(fit("bar", ""), None);
    }

    #[test]
    fn template_arguments_are_spaced_in_any_way() {
        assert_eq!(fit("Ring<int, 4>", "Ring<int,4>"), Some(Fit::Exact));
        assert_eq!(fit("A<B<unsigned int> >", "A< B<unsigned int>>"), Some(Fit::Exact));
        assert_eq!(fit("A<unsigned int>", "A<unsignedint>"), None);
    }

    #[test]
    fn template_arguments_are_told_apart() {
        let (name, all) = split_arguments("ns::A<int, B<c, d(e, f)> >").unwrap();
        assert_eq!((name, all), ("ns::A", vec!["int", "B<c, d(e, f)>"]));
        assert_eq!(split_arguments("A<b>").unwrap(), ("A", vec!["b"]));
        assert_eq!(split_arguments("A"), None);
        assert_eq!(split_arguments("a>"), None);
    }

    #[test]
    fn keys_are_bare() {
        assert_eq!(key("ns::Foo<a::b>::bar<int>"), "bar");
        assert_eq!(key("ns::operator<<"), "operator<<");
        assert_eq!(key("f(int)"), "f");
    }
}
