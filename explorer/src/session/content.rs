//! What is asked about a container's own bytes, and where what it is shown by lies.

use super::{Scene, Session, Subject};
use crate::render::hex;
use crate::values::pretty::{self, ContentPart};
use crate::values::{Format, Formatter, Place, Value};
use serde::Serialize;

/// Where the content of a container lies that is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    /// The container.
    #[serde(skip)]
    expression: String,
    /// Bytes of its own, which the answer is about.
    own: u64,
    /// Where its content lies, or the first element of it.
    #[serde(serialize_with = "crate::render::serialize_hex")]
    address: u64,
    /// How many bytes are there.
    bytes: u64,
    /// Whether that is the first element only: the others lie elsewhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    first: bool,
    /// The expression to ask about these instead.
    ask: String,
}

impl Content {
    /// `s is 32 bytes; its content is at 0x5555: mod list s[0]@5`, for a command.
    pub fn text(&self, command: &str) -> String {
        let Self { expression, own, address, first, ask, .. } = self;
        let what = if *first { "its first element" } else { "its content" };
        let address = hex(*address);
        format!("{expression} is {own} bytes; {what} is at {address}: {command} {ask}")
    }
}

impl Session {
    /// Where the content is of a container that `text` means at the cursor; `None` if it is
    /// none, or all of it lies in the bytes that are asked about.
    pub fn content_of(&self, text: &str) -> Option<Content> {
        let (scene, text) = (self.scene().ok()?, text.trim());
        let value = scene.evaluate(text).ok()?.value.referent(&scene);
        let (value, base) = match (&value.place, value.of.is_pointer()) {
            (Place::None, true) => (value.pointee(&scene)?, postfixed(&format!("*{text}"))),
            _ => (value, postfixed(text)),
        };
        let content = pretty::content(&value, &scene)?;
        let candidates = candidates(&scene, &base, &content);
        let means = |ask: &String| {
            let subject = self.subject_in(&scene, ask, None).map(|(subject, _)| subject);
            let (address, bytes) = (content.address, content.bytes);
            subject.is_ok_and(|own| own == Subject::Memory { address, bytes, bits: None })
        };
        let (expression, own) = (text.to_owned(), value.size()?);
        let first = matches!(content.part, ContentPart::First | ContentPart::Entry(_));
        let (address, bytes) = (content.address, content.bytes);
        let ask = candidates.into_iter().find(means)?;
        Some(Content { expression, own, address, bytes, first, ask })
    }
}

/// Expressions that may mean a container's content: what they mean is looked at afterwards.
fn candidates(scene: &Scene<'_>, base: &str, content: &pretty::Content) -> Vec<String> {
    let shown = |key: &Value| Formatter::new(scene, Format::default()).inner(key);
    let short = match &content.part {
        ContentPart::Elements(1) | ContentPart::First => Some(format!("{base}[0]")),
        ContentPart::Elements(count) => Some(format!("{base}[0]@{count}")),
        ContentPart::Entry(key) => Some(format!("{base}[{}]", shown(key))),
        ContentPart::Pointee => Some(format!("*{base}")),
        ContentPart::All => None,
    };
    let end = content.address.saturating_add(content.bytes);
    let range = format!("{}..{}", hex(content.address), hex(end));
    short.into_iter().chain([range]).collect()
}

/// An expression as an operand that something stands behind.
fn postfixed(text: &str) -> String {
    let is_simple = |c: char| c.is_alphanumeric() || "_.[]:$".contains(c);
    match text.chars().all(is_simple) {
        true => text.to_owned(),
        false => format!("({text})"),
    }
}
