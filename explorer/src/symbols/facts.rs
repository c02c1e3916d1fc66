//! What debug information says in words: of units, and of where variables are.

use super::dies::{DieRef, Dies};
use super::guard::guarded;
use super::unwind::register_name;
use gimli::{AttributeValue, Operation};
use serde::Serialize;

/// Most ranges of a location list that are counted.
const MAX_RANGES: usize = 1 << 16;

/// What a unit says of itself (DWARF 5, 3.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitFacts {
    /// The folder it was compiled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The language, as gdb calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<&'static str>,
    /// The compiler, with its options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// The version of DWARF.
    pub dwarf: u16,
}

impl Dies {
    /// What the unit of an entry says of itself.
    pub fn unit_facts(&self, die: DieRef) -> Option<UnitFacts> {
        guarded(|| {
            let entry = self.entry(die)?;
            let unit = entry.unit();
            let root = self.entry(entry.at(unit.header.root_offset().0))?;
            let language = match root.attribute(gimli::DW_AT_language) {
                Some(AttributeValue::Language(language)) => language_name(language),
                _ => None,
            };
            Some(UnitFacts {
                folder: root.own_text(gimli::DW_AT_comp_dir),
                language,
                producer: root.own_text(gimli::DW_AT_producer),
                dwarf: unit.header.version(),
            })
        })
    }

    /// Where a variable is, in words: `a variable at frame base offset -20`.
    pub fn place_in_words(&self, die: DieRef) -> String {
        guarded(|| self.words(die)).unwrap_or_else(|| "optimized out".to_owned())
    }

    fn words(&self, die: DieRef) -> Option<String> {
        let entry = self.entry(self.defined(die))?;
        if entry.inherited(|entry| entry.attribute(gimli::DW_AT_const_value)).is_some() {
            return Some("constant".to_owned());
        }
        let place = entry.inherited(|entry| entry.attribute(gimli::DW_AT_location))?;
        let AttributeValue::Exprloc(expression) = place else {
            let mut list = entry.dwarf().attr_locations(entry.unit(), place).ok()??;
            let mut count = 0usize;
            while count < MAX_RANGES && matches!(list.next(), Ok(Some(_))) {
                count += 1;
            }
            let ranges = if count == 1 { "range" } else { "ranges" };
            return Some(format!("multi-location: in {count} {ranges} of code"));
        };
        let mut operations = expression.operations(entry.unit().encoding());
        let first = operations.next().ok()??;
        let alone = matches!(operations.next(), Ok(None));
        Some(match first {
            Operation::FrameOffset { offset } if alone => {
                format!("a variable at frame base offset {offset}")
            }
            Operation::Address { address } if alone => {
                format!("static storage at address {address:#x} of its module")
            }
            Operation::Register { register } if alone => {
                format!("a variable in ${}", register_name(register.0))
            }
            _ => "computed by a DWARF expression".to_owned(),
        })
    }
}

/// What gdb calls a language.
fn language_name(language: gimli::DwLang) -> Option<&'static str> {
    const STARTS: [(&str, &str); 12] = [
        ("DW_LANG_C_plus_plus", "c++"),
        ("DW_LANG_C", "c"),
        ("DW_LANG_ObjC", "objective-c"),
        ("DW_LANG_Rust", "rust"),
        ("DW_LANG_Mips_Assembler", "asm"),
        ("DW_LANG_Fortran", "fortran"),
        ("DW_LANG_Ada", "ada"),
        ("DW_LANG_D", "d"),
        ("DW_LANG_Go", "go"),
        ("DW_LANG_Pascal", "pascal"),
        ("DW_LANG_Modula", "modula-2"),
        ("DW_LANG_Zig", "zig"),
    ];
    let own = language.static_string()?;
    // `C`, `C89`, `C99`, … but not `Cobol` or `Crystal`.
    let is = |start: &str| {
        let rest = own.strip_prefix(start);
        rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '_'))
    };
    STARTS.iter().find(|(start, _)| is(start)).map(|(_, name)| *name)
}
