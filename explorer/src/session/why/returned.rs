//! Values that functions of libraries without sources returned: told as the call; how they came
//! by them only when all is asked for.

use super::left::LeftFrame;
use super::tracer::{Task, Tracer};
use super::writer::{Piece, Writer};
use super::{Beginning, Origin};
use crate::dataflow::Span;
use crate::session::locate::Owner;
use crate::session::{Session, passed};
use crate::symbols::CodeAddr;
use crate::timeline::StateError;
use iced_x86::Register;
use rdb_schema::registers::Gpr;

/// Bytes of a string that an argument is shown with.
const SHOWN: usize = 24;

/// Arguments of functions of the C library: `p` a pointer, `i` an `int`, `z` a `size_t`, `s` a
/// string; `t` one whose text the result is made of, and `n` the number that it begins with.
const KNOWN: &[(&str, &str)] = &[
    ("strlen", "t"),
    ("strnlen", "tz"),
    ("strcmp", "tt"),
    ("strncmp", "ttz"),
    ("strcasecmp", "tt"),
    ("strspn", "tt"),
    ("strcspn", "tt"),
    ("atoi", "n"),
    ("atol", "n"),
    ("atof", "n"),
    ("strtol", "npi"),
    ("strtoul", "npi"),
    ("strtoll", "npi"),
    ("strtoull", "npi"),
    ("strtod", "np"),
    ("memcmp", "ppz"),
    ("strchr", "si"),
    ("strrchr", "si"),
    ("memchr", "piz"),
    ("strstr", "ss"),
    ("strpbrk", "ss"),
    ("strtok", "ps"),
    ("strcpy", "ps"),
    ("strncpy", "ppz"),
    ("stpcpy", "ps"),
    ("strcat", "ps"),
    ("strdup", "s"),
    ("memcpy", "ppz"),
    ("memmove", "ppz"),
    ("memset", "piz"),
    ("getenv", "s"),
    ("rand", ""),
    ("random", ""),
    ("fopen", "ss"),
];

/// Most bytes of a text that a result is made of that are followed.
const TEXT: usize = 64;

/// What stands behind the name of one of several versions of a function.
const VERSIONS: [&str; 7] = ["_avx", "_sse", "_ssse", "_evex", "_erms", "_internal", "_l_internal"];

/// A call that returned.
struct Call {
    beginning: Beginning,
    /// What its result is made of; none if that is not known.
    made_of: Option<Vec<Span>>,
}

impl Tracer<'_> {
    /// Ends the way of what a library's function without sources returned, and goes on with the
    /// texts that it was given; whether it did. Of functions that are not known, the call is
    /// told beside the way through them.
    pub(super) fn ends_at_call(
        &mut self,
        task: &Task,
        pieces: &[Piece],
    ) -> Result<bool, StateError> {
        if self.reach.stack {
            return Ok(false);
        }
        let (Some(call), Some(piece)) = (self.returning(task, pieces)?, pieces.first()) else {
            return Ok(false);
        };
        let entered = call.beginning.tracepoint;
        let (Some(spans), Some(entered)) = (call.made_of, entered) else {
            self.tell(task, call.beginning);
            return Ok(false);
        };
        let number = match task.reader {
            Some((link, _)) => Some(link),
            None => self.new_link(task, piece, Some(entered))?,
        };
        let Some(number) = number else { return Ok(true) };
        if let Some(link) = self.why.links.get_mut(number) {
            link.add(call.beginning);
            self.shown += 1;
        }
        let reader = Some((number, entered));
        let task =
            |span| Task { span, bits: None, state: entered, reader, moved: false, address: false };
        self.open.extend(spans.into_iter().map(task));
        Ok(true)
    }

    fn tell(&mut self, task: &Task, beginning: Beginning) {
        let reader = task.reader.and_then(|(link, _)| self.why.links.get_mut(link));
        if let Some(link) = reader {
            link.add(beginning);
        }
    }

    fn returning(&mut self, task: &Task, pieces: &[Piece]) -> Result<Option<Call>, StateError> {
        let results = [Some(Span::gpr(Gpr::RAX, 8)), Span::register(Register::XMM0)];
        let result = results.iter().flatten().any(|result| task.span.within(result).is_some());
        let last = pieces.iter().filter_map(|piece| match piece.writer {
            Writer::Instruction { tracepoint, .. } => Some(tracepoint),
            _ => None,
        });
        let Some(t) = last.max().filter(|_| result && !task.address) else {
            return Ok(None);
        };
        let reading = self.reading(task)?;
        let place = self.visits.place(reading)?;
        let owner = self.session.locator.owner(&self.session.timeline, reading, place.pc);
        if owner != Owner::Program || self.visits.place(t)?.function == place.function {
            return Ok(None);
        }
        self.session.library_call(t, task.state)
    }
}

impl Session {
    /// The outermost call of a library's function without sources that tracepoint `t` is inside
    /// of and state `after` is not.
    fn library_call(&self, t: u64, after: u64) -> Result<Option<Call>, StateError> {
        let thread = self.timeline.thread(t)?;
        let foreign = |LeftFrame { pc, .. }: &LeftFrame| {
            let place = self.locator.place(&self.timeline, t, CodeAddr::Pc(*pc));
            self.locator.owner(&self.timeline, t, *pc) == Owner::Library && !self.has_source(&place)
        };
        let left = self.left_between(t, after)?.into_iter();
        let Some(LeftFrame { pc, cfa }) = left.filter(foreign).last() else { return Ok(None) };
        let Some(bounds) = self.locator.bounds(&self.timeline, t, pc) else { return Ok(None) };
        let entered = self.entered_before((thread, t), bounds.entry, cfa)?;
        let call = self.call_text(&bounds.name, entered)?;
        let beginning = Beginning { tracepoint: entered, origin: Origin::Returned { call } };
        let made_of = entered.map(|t| self.made_of(&bounds.name, t)).transpose()?.flatten();
        Ok(Some(Call { beginning, made_of }))
    }

    /// The texts that the result of a known function is made of.
    fn made_of(&self, name: &str, entered: u64) -> Result<Option<Vec<Span>>, StateError> {
        let name = plain_name(name);
        let Some((_, kinds)) = KNOWN.iter().find(|(known, _)| *known == name) else {
            return Ok(None);
        };
        let arguments = passed::arguments(&self.timeline.registers(entered)?);
        let mut texts = Vec::new();
        for (kind, address) in kinds.chars().zip(arguments) {
            let text = || self.text(entered, address, TEXT);
            let length = match kind {
                't' => text()?.len(),
                'n' => number_length(&text()?),
                _ => continue,
            };
            texts.push(Span::memory(address, length.max(1) as u32));
        }
        Ok(Some(texts))
    }

    /// The bytes of a string, as far as they are known.
    fn text(&self, t: u64, address: u64, most: usize) -> Result<Vec<u8>, StateError> {
        let bytes = self.timeline.memory(t, address, most)?;
        Ok(bytes.into_iter().map_while(|byte| byte.filter(|b| *b != 0)).collect())
    }

    /// `strlen("text")`.
    fn call_text(&self, name: &str, entered: Option<u64>) -> Result<String, StateError> {
        let name = plain_name(name);
        let known = KNOWN.iter().find(|(known, _)| *known == name);
        let (Some((_, kinds)), Some(t)) = (known, entered) else {
            return Ok(format!("{}(…)", crate::render::brief(name)));
        };
        let arguments = passed::arguments(&self.timeline.registers(t)?);
        let texts = kinds.chars().zip(arguments).map(|(kind, value)| match kind {
            's' | 't' | 'n' => self.string_text(t, value),
            _ => number_text(kind, value),
        });
        Ok(format!("{name}({})", texts.collect::<Vec<_>>().join(", ")))
    }

    fn string_text(&self, t: u64, address: u64) -> String {
        let Ok(bytes) = self.timeline.memory(t, address, SHOWN) else {
            return crate::render::hex(address);
        };
        let text: Vec<u8> = bytes.iter().map_while(|byte| byte.filter(|b| *b != 0)).collect();
        match (bytes.first(), text.len() < bytes.len()) {
            (None | Some(None), _) => crate::render::hex(address),
            (_, ends) => {
                let more = if ends { "" } else { "…" };
                format!("{:?}{more}", String::from_utf8_lossy(&text))
            }
        }
    }
}

fn number_text(kind: char, value: u64) -> String {
    match kind {
        'p' => crate::render::hex(value),
        'z' => value.to_string(),
        _ => (value as i32).to_string(),
    }
}

/// How many bytes at the start of a text are blanks and a number.
fn number_length(text: &[u8]) -> usize {
    let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(*byte);
    blanks + text.iter().skip(blanks).take_while(is_part).count()
}

/// The name that a function is called by, of one of its versions: `strlen` of `__strlen_avx2`.
fn plain_name(name: &str) -> &str {
    let plain = name.trim_start_matches('_');
    let end = VERSIONS.iter().filter_map(|version| plain.find(version)).min();
    let plain = plain.get(..end.unwrap_or(plain.len())).unwrap_or(plain);
    match KNOWN.iter().any(|(known, _)| *known == plain) {
        true => plain,
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, number_length, number_text, plain_name};

    #[test]
    fn a_number_ends_where_other_text_begins() {
        assert_eq!(number_length(b" -42 apples"), 4);
        assert_eq!(number_length(b"0x1f,2"), 4);
        assert_eq!(number_length(b"apples"), 6);
    }

    #[test]
    fn versions_have_the_name_they_are_called_by() {
        assert_eq!(plain_name("__strlen_avx2"), "strlen");
        assert_eq!(plain_name("__memmove_avx_unaligned_erms"), "memmove");
        assert_eq!(plain_name("____strtol_l_internal"), "strtol");
        assert_eq!(plain_name("_own_avx_thing"), "_own_avx_thing");
    }

    #[test]
    fn sizes_have_all_their_bits() {
        let texts = |name: &str, values: [u64; 3]| -> Vec<String> {
            let (_, kinds) = KNOWN.iter().find(|(known, _)| *known == name).expect("a function");
            kinds.chars().zip(values).map(|(kind, value)| number_text(kind, value)).collect()
        };
        let found = texts("memchr", [0x404040, 111, 0x1_0000_0005]);
        assert_eq!(found, ["0x404040", "111", "4294967301"]);
        let found = texts("memset", [0x404040, u64::from(u32::MAX), 1 << 40]);
        assert_eq!(found, ["0x404040", "-1", "1099511627776"]);
    }
}
