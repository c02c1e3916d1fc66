//! The language, over a small made-up state.

use super::*;
use crate::symbols::datatypes::{Encoding, Type};
use crate::symbols::{DieRef, Dies, Language};
use crate::values::{Format, Formatter, Target, Value};
use proptest::prelude::*;
use std::sync::Arc;

/// `int five = 5` and `int list[3] = {1, 2, 3}`; everything else is unknown.
struct Fake;

fn int() -> Type {
    Type::base("int", 4, Encoding::Signed)
}

impl Target for Fake {
    fn memory(&self, address: u64, length: usize) -> Vec<Option<u8>> {
        let words = [(0x100, 5u32), (0x200, 1), (0x204, 2), (0x208, 3)];
        let byte = |at: u64| {
            let word = words.iter().find(|(start, _)| (*start..start + 4).contains(&at))?;
            word.1.to_le_bytes().get((at - word.0) as usize).copied()
        };
        (0..length as u64).map(|offset| byte(address.wrapping_add(offset))).collect()
    }

    fn symbol(&self, _: u64) -> Option<String> {
        None
    }

    fn computed_offset(&self, _: &Dies, _: DieRef, _: u64) -> Option<u64> {
        None
    }

    fn implied(&self, _: &Arc<Dies>, _: DieRef) -> Option<Value> {
        None
    }
}

impl Environment for Fake {
    fn named(&self, name: &str) -> Result<Value, Fault> {
        match name {
            "five" => Ok(Value::in_memory(int(), 0x100)),
            "list" => Ok(Value::in_memory(int().array(3), 0x200)),
            "lost" => Ok(Value::in_memory(int(), 0x900)),
            _ => Err(Fault::Name(name.to_owned(), String::new())),
        }
    }

    fn in_file(&self, _: &str, name: &str) -> Result<Value, Fault> {
        self.named(name)
    }

    fn is_file(&self, name: &str) -> bool {
        name == "a.c"
    }

    fn is_variable_here(&self, name: &str) -> bool {
        self.named(name).is_ok()
    }

    fn language(&self) -> Language {
        Language::C
    }

    fn type_named(&self, _: Tag, name: &str) -> Option<Type> {
        (name == "number").then(int)
    }

    fn meant_register(&self, name: &str) -> Option<Vec<String>> {
        (name == "rsp9").then(|| vec!["rsp".to_owned()])
    }

    fn register(&self, name: &str) -> Option<Result<Value, Fault>> {
        let word = |value: u64| {
            Value::computed(Type::base("long", 8, Encoding::Signed), value.to_le_bytes().into())
        };
        (name == "rsp").then(|| Ok(word(0x1000)))
    }

    fn history(&self, _: Option<u64>, _: u64) -> Option<Value> {
        None
    }

    fn convenience(&self, _: &str) -> Option<Value> {
        None
    }
}

fn shown(text: &str) -> String {
    let value = evaluate(text, &Fake).unwrap_or_else(|error| panic!("{text}: {error}")).value;
    Formatter::new(&Fake, Format::default()).top(&value)
}

/// The column and the words of an error.
fn fault(text: &str) -> (usize, String) {
    match evaluate(text, &Fake) {
        Ok(found) => panic!("{text} has the value {found:?}"),
        Err(error) => (error.column, error.to_string()),
    }
}

#[test]
fn operators_bind_as_in_c() {
    for (text, expected) in [
        ("1 + 2 * 3 - 4 / 2", "5"),
        ("2 << 1 + 1", "8"),
        ("1 | 2 ^ 3 & 2", "1"),
        ("1 ? 2 : 0 ? 3 : 4", "2"),
        ("-five + +five", "0"),
        ("- -five", "5"),
        ("!five == 0", "1"),
        ("*list@2", "{1, 2}"),
        ("&list[1]", "(int *) 0x204"),
        ("*&list[1]", "2"),
        ("*(list + 2)", "3"),
        ("list[five - 3]", "3"),
        ("sizeof list / sizeof *list", "3"),
        ("sizeof(number *)", "8"),
        ("(number) 3.9 + 1", "4"),
        ("(five) + 1", "6"),
        ("a.c::five", "5"),
        ("'a.c'::five", "5"),
        ("($x = 4, $x += five, $x * 2)", "18"),
        ("0x10 + 010 + 0b11", "27"),
        ("'a' + 1", "98"),
        ("\"hi\"", "\"hi\""),
        ("1 && 0 || 1", "1"),
        ("0 && lost", "0"),
        ("$rsp + 8 * 2", "4112"),
        ("5 > 3 > 1", "0"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn errors_point_at_their_column() {
    assert_eq!(fault("five + nope").0, 7);
    assert_eq!(fault("five +"), (6, "the expression is incomplete".to_owned()));
    assert_eq!(fault("(five").0, 5);
    assert_eq!(fault("five five").0, 5);
    assert_eq!(fault("1 + five.x").0, 8);
    assert_eq!(fault("12zz").0, 0);
    assert_eq!(fault("1 / 0"), (2, "division by zero".to_owned()));
    assert_eq!(fault("2 * (five = 3)").0, 10);
    assert_eq!(fault("five++").0, 4);
    assert_eq!(fault("five(1)").0, 4);
    assert_eq!(fault("é + 1").0, 0);
    assert_eq!(fault("\"é\" + nope").0, 6);
    assert!(fault("lost + 1").1.contains("0x900 is not known"));
    assert!(shown("list[99999999999]").contains("is not known"));
    let error = evaluate("five + nope", &Fake).unwrap_err();
    assert_eq!(error.pointed(), ["five + nope", "       ^"]);
}

#[test]
fn addresses_are_values_of_numbers_and_places_of_the_rest() {
    assert_eq!(address("list", &Fake), Ok(0x200));
    assert_eq!(address("&list + 1", &Fake), Ok(0x20c));
    assert_eq!(address("five", &Fake), Ok(5));
    assert_eq!(address("$rsp - 8", &Fake), Ok(0xff8));
    assert!(address("1.5", &Fake).is_err());
}

#[test]
fn absurd_texts_end() {
    for part in ["(", "-", "*", "1+", "five?", "list[", "!", "sizeof ", "(number)", "a<", "{"] {
        assert!(evaluate(&part.repeat(5000), &Fake).is_err(), "{part}");
    }
    assert!(evaluate(&"1".repeat(1 << 20), &Fake).is_err());
    assert!(evaluate("list@1000001 ", &Fake).is_err() || evaluate("list@0", &Fake).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let _ = evaluate(&text, &Fake);
    }

    #[test]
    fn no_tokens_panic(parts in prop::collection::vec(prop::sample::select(vec![
        "five", "list", "lost", "number", "(", ")", "[", "]", "{", "}", "*", "&", "-", "+", "/", "%", "<", ">>", "@", "=",
        "+=", ".", "->", "?", ":", ",", "!", "~", "1", "0x7fffffffffffffff", "-1", "1.5", "'a'", "\"s\"", "$x", "$", "$$2",
        "$rsp", "sizeof", "a.c::", "::", "&&", "||", "==", "unsigned", "long", "char",
    ]), 0..14)) {
        let text = parts.join(" ");
        if let Ok(found) = evaluate(&text, &Fake) {
            Formatter::new(&Fake, Format::default()).top(&found.value);
        }
        let _ = type_of(&text, &Fake).map(|of| (of.name(), of.definition_text(), of.size()));
        let _ = address(&text, &Fake);
    }

    #[test]
    fn arithmetic_of_longs_is_rusts(a: i64, b: i64, operator in 0usize..8) {
        let texts = ["+", "-", "*", "&", "|", "^", "<", "=="];
        let expected = [
            a.wrapping_add(b), a.wrapping_sub(b), a.wrapping_mul(b), a & b, a | b, a ^ b,
            i64::from(a < b), i64::from(a == b),
        ][operator];
        let text = format!("(long) {a} {} (long) {b}", texts[operator]);
        // The most negative number has no literal.
        prop_assume!(a != i64::MIN && b != i64::MIN);
        prop_assert_eq!(shown(&text), expected.to_string());
    }
}
