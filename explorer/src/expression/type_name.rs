//! Names of types: `unsigned long`, `struct node *`, `int (*)[3]`.

use super::environment::Tag;
use super::lexer::Token;
use super::parser::Parser;
use crate::symbols::Language;
use crate::symbols::datatypes::{Encoding, Link, PointerKind, Shape, Type};

/// Most words, stars and dimensions of one type.
const MAX_PARTS: usize = 32;

/// Words that make up C's base types.
const BASE_WORDS: [&str; 11] = [
    "unsigned", "signed", "long", "short", "int", "char", "float", "double", "_Bool", "void",
    "__int128",
];

/// Words that stand before a type's name.
const TAGS: [&str; 4] = ["struct", "class", "union", "enum"];

/// Words that qualify.
const QUALIFIERS: [&str; 3] = ["const", "volatile", "restrict"];

impl Parser<'_> {
    /// A type's name, if one stands here; otherwise nothing is taken.
    pub(super) fn type_name(&mut self) -> Option<Type> {
        let start = self.position();
        let found = self.specifiers().and_then(|base| self.declarator(base, 0));
        if found.is_none() {
            self.rewind(start);
        }
        found
    }

    /// Where a type is named that is not there, `struct nosuch`: what it is called.
    pub(super) fn unknown_tag(&self) -> Option<String> {
        let Some(Token::Name(tag)) = self.peek() else { return None };
        let Some(Token::Name(name)) = self.peek_behind() else { return None };
        TAGS.contains(&tag.as_str()).then(|| format!("{tag} {name}"))
    }

    /// Before the `)` of `(nosuch *)`, which is no operand: the name, and where it begins.
    pub(super) fn starred_name(&self) -> Option<(String, usize)> {
        let is_star = |token: &Token| matches!(token, Token::Punctuation("*"));
        let mut before = self.tokens_before().rev().peekable();
        let starred = before.peek().is_some_and(|(token, _)| is_star(token));
        match before.find(|(token, _)| !is_star(token))? {
            (Token::Name(name), at) if starred && self.peek_is(")") => Some((name.clone(), *at)),
            _ => None,
        }
    }

    /// A type without `*`, `&` and what else makes others of it.
    pub(super) fn specifiers(&mut self) -> Option<Type> {
        let mut qualifiers = Vec::new();
        self.qualifiers(&mut qualifiers);
        let mut base = self.base_type().or_else(|| self.declared_type())?;
        self.qualifiers(&mut qualifiers);
        for qualifier in qualifiers {
            base = Type::made(Shape::Qualified { qualifier, to: Link::Made(base) });
        }
        Some(base)
    }

    fn qualifiers(&mut self, found: &mut Vec<&'static str>) {
        while let Some(Token::Name(name)) = self.peek()
            && found.len() < MAX_PARTS
            && let Some(qualifier) = QUALIFIERS.iter().find(|known| *known == name)
        {
            found.push(*qualifier);
            self.advance();
        }
    }

    /// `unsigned long int`: the program's own, or what the x86-64 ABI makes of it.
    fn base_type(&mut self) -> Option<Type> {
        let mut words: Vec<&str> = Vec::new();
        while let Some(Token::Name(name)) = self.peek()
            && words.len() < 5
            && let Some(word) = BASE_WORDS.iter().find(|known| *known == name)
        {
            words.push(word);
            self.advance();
        }
        if words.is_empty() { None } else { base_of(&words) }
    }

    fn declared_type(&mut self) -> Option<Type> {
        let Some(Token::Name(word)) = self.peek().cloned() else { return None };
        let tag = match word.as_str() {
            "struct" | "class" => Tag::Struct,
            "union" => Tag::Union,
            "enum" => Tag::Enum,
            _ => Tag::Any,
        };
        if tag != Tag::Any {
            self.advance();
        }
        let Some(Token::Name(name)) = self.peek().cloned() else { return None };
        if tag == Tag::Any && self.environment().is_variable_here(&name) {
            return None;
        }
        let found = super::qualified::type_named(tag, &name, self.environment());
        let is_rust = || self.environment().language() == Language::Rust;
        let found = found.or_else(|| rust_base(&name).filter(|_| is_rust()))?;
        self.advance();
        Some(found)
    }

    /// `*`, `&`, `[3]`, `(*)(int)`.
    fn declarator(&mut self, base: Type, depth: u32) -> Option<Type> {
        if depth > 8 {
            return None;
        }
        let mut of = base;
        for _ in 0..MAX_PARTS {
            if self.take("*") {
                of = of.pointer();
                let mut qualifiers = Vec::new();
                self.qualifiers(&mut qualifiers);
            } else if self.take("&&") {
                of = reference(of, PointerKind::RvalueReference);
            } else if self.take("&") {
                of = reference(of, PointerKind::Reference);
            } else {
                break;
            }
        }
        self.suffixes(of, depth)
    }

    fn suffixes(&mut self, of: Type, depth: u32) -> Option<Type> {
        let start = self.position();
        if self.take("(") {
            // `(*)…`: what follows the parentheses is what it points to.
            let mut stars = 0;
            while stars < MAX_PARTS && self.take("*") {
                stars += 1;
            }
            if stars == 0 || !self.take(")") {
                self.rewind(start);
                return if self.peek_is("(") { None } else { Some(of) };
            }
            let mut of = self.function_or_array(of, depth)?;
            for _ in 0..stars {
                of = of.pointer();
            }
            return Some(of);
        }
        self.dimensions(of)
    }

    fn function_or_array(&mut self, of: Type, depth: u32) -> Option<Type> {
        if !self.take("(") {
            return self.dimensions(of);
        }
        let mut parameters = Vec::new();
        while !self.take(")") {
            let base = self.specifiers()?;
            let parameter = self.declarator(base, depth + 1)?;
            parameters.push(parameter);
            if parameters.len() > MAX_PARTS || !(self.take(",") || self.peek_is(")")) {
                return None;
            }
        }
        parameters.retain(|of| !matches!(of.shape(), Shape::Void));
        Some(Type::made(Shape::Function {
            returns: Link::Made(of),
            parameters: parameters.into_iter().map(Link::Made).collect(),
            variadic: false,
            prototyped: true,
        }))
    }

    fn dimensions(&mut self, of: Type) -> Option<Type> {
        let mut counts = Vec::new();
        while self.take("[") {
            let Some(Token::Number(text)) = self.peek().cloned() else { return None };
            counts.push(super::number(&text)?);
            self.advance();
            if counts.len() > MAX_PARTS || !self.take("]") {
                return None;
            }
        }
        Some(counts.into_iter().rev().fold(of, |of, count| of.array(count)))
    }
}

fn reference(of: Type, kind: PointerKind) -> Type {
    Type::made(Shape::Pointer { kind, to: Link::Made(of), name: None })
}

/// A type of numbers that Rust has, used by the program or not.
fn rust_base(name: &str) -> Option<Type> {
    let (kind, bits) = name.split_at_checked(1)?;
    let bits: u64 = if bits == "size" { 64 } else { bits.parse().ok()? };
    let encoding = match (kind, bits) {
        ("i", 8 | 16 | 32 | 64 | 128) => Encoding::Signed,
        ("u", 8 | 16 | 32 | 64 | 128) => Encoding::Unsigned,
        ("f", 32 | 64) => Encoding::Float,
        _ => return None,
    };
    Some(Type::base(name, bits / 8, encoding))
}

/// The base type that C's words name (System V ABI for x86-64, figure 3.1).
fn base_of(words: &[&str]) -> Option<Type> {
    let has = |word: &str| words.contains(&word);
    let longs = words.iter().filter(|word| **word == "long").count();
    let unsigned = has("unsigned");
    if has("void") {
        return (words.len() == 1).then(Type::void);
    }
    if has("_Bool") {
        return (words.len() == 1).then(|| Type::base("_Bool", 1, Encoding::Bool));
    }
    if has("float") {
        return (words.len() == 1).then(|| Type::base("float", 4, Encoding::Float));
    }
    if has("double") {
        let long = longs == 1;
        let (name, size) = if long { ("long double", 16) } else { ("double", 8) };
        return (words.len() == 1 + longs && longs < 2)
            .then(|| Type::base(name, size, Encoding::Float));
    }
    if has("char") {
        let (name, encoding) = match (unsigned, has("signed")) {
            (true, _) => ("unsigned char", Encoding::UnsignedChar),
            (_, true) => ("signed char", Encoding::SignedChar),
            _ => ("char", Encoding::SignedChar),
        };
        return (longs == 0 && !has("short")).then(|| Type::base(name, 1, encoding));
    }
    if has("__int128") {
        let (name, encoding) = match unsigned {
            true => ("unsigned __int128", Encoding::Unsigned),
            false => ("__int128", Encoding::Signed),
        };
        let only = words.len() == 1 + usize::from(unsigned || has("signed"));
        return only.then(|| Type::base(name, 16, encoding));
    }
    let (name, size) = match (longs, has("short")) {
        (0, false) => ("int", 4),
        (0, true) => ("short", 2),
        (1, false) => ("long", 8),
        (2, false) => ("long long", 8),
        _ => return None,
    };
    Some(match unsigned {
        true => Type::base(&format!("unsigned {name}"), size, Encoding::Unsigned),
        false => Type::base(name, size, Encoding::Signed),
    })
}
