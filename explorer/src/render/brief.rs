//! Names as short as they can still be told apart.

/// Characters of a name that is never shortened, and of template arguments that stay.
const NAME: usize = 40;
const ARGUMENTS: usize = 8;

/// `name` with its template arguments left out where it is long:
/// `std::vector<…>::push_back`.
pub fn brief(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    let (mut short, mut rest) = (String::new(), name);
    while let Some(at) = rest.find('<') {
        let (before, inside) = rest.split_at(at);
        short += before;
        match arguments(inside).filter(|_| has_arguments(&short)) {
            Some((inner, after)) if inner.chars().count() > ARGUMENTS => {
                short += "<…>";
                rest = after;
            }
            _ => {
                short.push('<');
                rest = inside.strip_prefix('<').unwrap_or_default();
            }
        }
    }
    short + rest
}

/// Whether template arguments can follow: behind a name that is no operator's.
fn has_arguments(before: &str) -> bool {
    let named = before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    named && !before.ends_with("operator")
}

/// What is between the brackets that `text` begins with, and what follows them.
fn arguments(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut last) = (0u32, ' ');
    for (at, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' if last != '-' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some((text.get(1..at)?, text.get(at + 1..)?));
        }
        last = character;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_names_lose_their_arguments() {
        assert_eq!(
            brief("std::vector<int, std::allocator<int> >"),
            "std::vector<int, std::allocator<int> >"
        );
        let long = "std::vector<int, std::allocator<int> >::_M_realloc_insert<int>";
        assert_eq!(brief(long), "std::vector<…>::_M_realloc_insert<int>");
        let rust = "<alloc::vec::Vec<some::long::Type> as core::ops::Index<usize>>::index";
        assert_eq!(brief(rust), "<alloc::vec::Vec<…> as core::ops::Index<usize>>::index");
        let operator = "some_namespace::another_one::operator<< <std::char_traits<char> >";
        assert_eq!(brief(operator), operator);
        let broken = "a_name_that_never_closes_its_bracket<with, something, inside";
        assert_eq!(brief(broken), broken);
    }
}
