//! What a function returned, where it was left.

use super::shown::ShownValue;
use crate::render::{Page, Style, hex};
use crate::session::{Call, Returned, Session};
use crate::timeline::StateError;
use crate::values::Format;
use serde::Serialize;

/// A value returned.
#[derive(Debug, Serialize)]
pub struct ReturnedValue {
    /// Its number in the value history.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    /// It, if it is known.
    #[serde(flatten)]
    shown: Option<ShownValue>,
    /// What rax holds, if the value is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    rax: Option<String>,
}

impl ReturnedValue {
    /// What a call returned, kept in the value history; none of `void`.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub fn kept(session: &mut Session, call: &Call) -> Result<Option<Self>, StateError> {
        let (value, shown) = match session.returned(call)? {
            Returned::Known(known) => {
                let (scene, value) = *known;
                let value = value.kept(&scene);
                let shown = ShownValue::top(&scene, &value, Format::default());
                (value, shown)
            }
            Returned::Unsure | Returned::Untyped => {
                let rax = own_rax(call).map(rax_text);
                return Ok(Some(Self { number: None, shown: None, rax }));
            }
        };
        let number = session.keep_value(value);
        Ok(number.map(|_| Self { number, shown: Some(shown), rax: None }))
    }

    /// One line.
    pub fn render(&self, page: &mut Page) {
        page.plain("Value returned is ");
        match (&self.shown, self.number) {
            (Some(shown), Some(number)) => {
                page.put(Style::Dim, format!("${number} = ")).plain(&shown.value);
            }
            _ => {
                page.plain(not_known(self.rax.as_deref()));
            }
        }
        page.end();
    }
}

/// `rax=0x5`.
pub fn rax_text(rax: u64) -> String {
    format!("rax={}", hex(rax))
}

/// What rax held when a call returned, which may have the value, or a part of it; unless it is
/// what rdi held at the entry, which may be the address of a place for it.
pub fn own_rax(call: &Call) -> Option<u64> {
    call.value.filter(|rax| call.arguments.first() != Some(rax))
}

/// What is said of a value that is somewhere.
pub fn not_known(rax: Option<&str>) -> String {
    format!("not known{}", rax.map_or_else(String::new, |rax| format!(" ({rax})")))
}
