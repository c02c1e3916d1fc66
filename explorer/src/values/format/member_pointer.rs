//! Pointers to members, as gdb writes them: `&Class::member`.

use super::Formatter;
use crate::symbols::location::Missing;
use crate::values::{MemberTarget, Value};

impl Formatter<'_> {
    /// A pointer to a member, by what it leads to.
    pub(super) fn member_pointer(&self, value: &Value) -> Result<String, Missing> {
        let Some(target) = value.member_target(self.target)? else { return Ok("NULL".to_owned()) };
        let class = value.of.pointed_class();
        Ok(match target {
            MemberTarget::Data(offset) => {
                let found = class.and_then(|class| class.member_at(offset));
                let name = |(class, name): (crate::symbols::datatypes::Type, String)| {
                    format!("&{}::{name}", class.class_name())
                };
                found.map_or_else(|| offset.to_string(), name)
            }
            MemberTarget::Virtual { place, adjustment } => {
                let slot = place / crate::symbols::datatypes::POINTER_SIZE;
                let found = class.and_then(|class| class.virtual_function(slot, adjustment));
                match found {
                    Some(name) => format!("&virtual {name}"),
                    None => format!("&virtual table offset {place}{}", adjusted(adjustment)),
                }
            }
            MemberTarget::Function { address, adjustment } => {
                let symbol = self.target.symbol(address).map(|symbol| format!(" {symbol}"));
                let symbol = symbol.unwrap_or_default();
                format!("({}) {address:#x}{symbol}{}", value.of.name(), adjusted(adjustment))
            }
        })
    }
}

fn adjusted(by: i64) -> String {
    if by == 0 { String::new() } else { format!(", this adjustment {by}") }
}
