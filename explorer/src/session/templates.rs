//! Types of templates that are named without their default arguments: `std::vector<int>`.

use super::Scene;
use crate::expression::{Environment, Tag};
use crate::symbols::datatypes::{Shape, Type, canonical};
use crate::symbols::{split_arguments, tight};

/// Names of the library's types that debug information may lack.
const LIBRARY: [(&str, &str); 2] = [
    ("std::string", "std::__cxx11::basic_string<char>"),
    ("std::wstring", "std::__cxx11::basic_string<wchar_t>"),
];

/// Deepest nesting of templates in arguments.
const MAX_NESTING: usize = 16;

impl Scene<'_> {
    /// The type of a template whose last arguments are its defaults and are not written.
    pub(super) fn with_defaults(&self, name: &str) -> Option<Type> {
        let name = LIBRARY.iter().find(|(short, _)| *short == name).map_or(name, |(_, full)| full);
        if name.matches('<').count() > MAX_NESTING {
            return None;
        }
        let (template, given) = split_arguments(name)?;
        let given: Vec<String> = given.into_iter().map(|one| self.full_argument(one)).collect();
        self.modules().into_iter().find_map(|(symbols, _)| {
            let dies = symbols.dies();
            let found = dies.declared().types_named(template.trim_start_matches("::"));
            let mut types = found.into_iter().filter_map(|die| Type::at(dies, die));
            types.find(|of| of.size().is_some() && fits(of, &given))
        })
    }

    /// An argument as debug information has it: typedefs resolved, with default arguments.
    fn full_argument(&self, text: &str) -> String {
        let of = self.type_named(Tag::Any, text);
        plain(&of.map_or_else(|| text.to_owned(), |of| of.stripped().name()))
    }
}

/// Whether a type's first arguments are these, and the others its template's defaults.
fn fits(of: &Type, given: &[String]) -> bool {
    let Shape::Record(record) = of.shape() else { return false };
    let arguments = record.name.as_deref().and_then(split_arguments);
    let Some((_, own)) = arguments.filter(|(_, own)| own.len() > given.len()) else { return false };
    let same = own.iter().zip(given).all(|(own, given)| plain(own) == *given);
    same && own.len() - given.len() <= of.default_arguments()
}

/// An argument in one spelling: `long`, not `long int`, without spaces that part nothing.
fn plain(text: &str) -> String {
    tight(&canonical(text.trim()))
}
