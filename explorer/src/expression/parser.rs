//! From tokens to expressions, by precedence (C17, 6.5; `@` as in gdb, between additive
//! operators and shifts).

use super::classes::Conversion;
use super::environment::Environment;
use super::error::At;
use super::lexer::{Token, tokens};
use super::syntax::{Binary, Expression, Node, Unary};
use super::texts::Texts;
use super::{Fault, classes, literal};
use crate::symbols::Language;
use crate::symbols::datatypes::Type;

/// Deepest nesting: evaluation is recursive.
const MAX_DEPTH: u32 = 200;

/// Binary operators, how tightly they bind, and the operator they assign with.
const OPERATORS: [(&str, u8, Binary); 22] = [
    (",", 1, Binary::Comma),
    ("||", 4, Binary::LogicalOr),
    ("&&", 5, Binary::LogicalAnd),
    ("|", 6, Binary::BitOr),
    ("^", 7, Binary::BitXor),
    ("&", 8, Binary::BitAnd),
    ("==", 9, Binary::Equal),
    ("!=", 9, Binary::NotEqual),
    ("<", 10, Binary::Less),
    (">", 10, Binary::Greater),
    ("<=", 10, Binary::LessEqual),
    (">=", 10, Binary::GreaterEqual),
    ("<<", 11, Binary::ShiftLeft),
    (">>", 11, Binary::ShiftRight),
    ("@", 12, Binary::Repeat),
    ("+", 13, Binary::Add),
    ("-", 13, Binary::Subtract),
    ("*", 14, Binary::Multiply),
    ("/", 14, Binary::Divide),
    ("%", 14, Binary::Remainder),
    (".*", 15, Binary::PointedMember),
    ("->*", 15, Binary::PointedMember),
];

/// How tightly assignments and `?:` bind; both group to the right.
const ASSIGNMENT: u8 = 2;
const CONDITIONAL: u8 = 3;

/// Operators before their operand.
const PREFIXES: [(&str, Unary); 6] = [
    ("+", Unary::Plus),
    ("-", Unary::Negate),
    ("!", Unary::Not),
    ("~", Unary::Complement),
    ("*", Unary::Dereference),
    ("&", Unary::AddressOf),
];

/// C++'s casts by name.
const NAMED_CASTS: [(&str, Conversion); 4] = [
    ("static_cast", Conversion::Along),
    ("reinterpret_cast", Conversion::Same),
    ("const_cast", Conversion::Same),
    ("dynamic_cast", Conversion::Checked),
];

/// gdb's functions of complex numbers.
const PARTS: [(&str, Unary); 2] = [("_creal", Unary::Real), ("_cimag", Unary::Imaginary)];

/// The expression that `text` is.
pub(super) fn parse(text: &str, environment: &dyn Environment) -> Result<Expression, At> {
    let mut parser = Parser::new(text, environment)?;
    let expression = parser.expression(0, 0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(parser.fault(Fault::Syntax(token.text()))),
    }
}

/// The type that all of `text` names, if it names one.
pub(super) fn parse_type(text: &str, environment: &dyn Environment) -> Option<Type> {
    let mut parser = Parser::new(text, environment).ok()?;
    let named = parser.type_name()?;
    parser.peek().is_none().then_some(named)
}

/// A position among tokens.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, usize)>,
    next: usize,
    end: usize,
    environment: &'a dyn Environment,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, environment: &'a dyn Environment) -> Result<Self, At> {
        let tokens = tokens(text, environment)?;
        Ok(Self { text, tokens, next: 0, end: text.len(), environment })
    }

    pub(super) fn environment(&self) -> &'a dyn Environment {
        self.environment
    }

    pub(super) fn position(&self) -> usize {
        self.next
    }

    pub(super) fn rewind(&mut self, position: usize) {
        self.next = position;
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    /// The tokens before the next, and where they begin.
    pub(super) fn tokens_before(&self) -> impl DoubleEndedIterator<Item = &(Token, usize)> {
        self.tokens.iter().take(self.next)
    }

    /// The token behind the next.
    pub(super) fn peek_behind(&self) -> Option<&Token> {
        self.tokens.get(self.next.checked_add(1)?).map(|(token, _)| token)
    }

    pub(super) fn peek_is(&self, text: &str) -> bool {
        matches!(self.peek(), Some(Token::Punctuation(found)) if *found == text)
    }

    pub(super) fn advance(&mut self) {
        self.next += 1;
    }

    /// Takes a punctuation, if it stands here.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let here = self.peek_is(text);
        self.next += usize::from(here);
        here
    }

    /// Where the next token begins.
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(_, at)| *at)
    }

    fn fault(&self, fault: Fault) -> At {
        At { column: self.at(), fault }
    }

    fn expect(&mut self, text: &str) -> Result<(), At> {
        match self.take(text) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> At {
        if let Some(name) = self.unknown_tag() {
            return self.fault(Fault::Type(name));
        }
        if let Some((name, column)) = self.starred_name() {
            return At { column, fault: Fault::Type(name) };
        }
        self.fault(match self.peek() {
            Some(token) => Fault::Syntax(token.text()),
            None => Fault::Incomplete,
        })
    }

    fn node(&self, node: Node, at: usize, depth: u32) -> Result<Expression, At> {
        match depth > MAX_DEPTH {
            true => Err(At { column: at, fault: Fault::TooDeep }),
            false => Ok(Expression { node, at, depth }),
        }
    }

    /// An expression of operators that bind at least as tightly as `least`.
    fn expression(&mut self, least: u8, nesting: u32) -> Result<Expression, At> {
        let mut left = self.prefixed(nesting + 1)?;
        left = self.rust_casts(left)?;
        while let Some(Token::Punctuation(text)) = self.peek().cloned() {
            let at = self.at();
            left = if text == "?" && CONDITIONAL >= least {
                self.conditional(left, at, nesting)?
            } else if let Some(operator) = assignment(text).filter(|_| ASSIGNMENT >= least) {
                self.advance();
                let right = self.expression(ASSIGNMENT, nesting + 1)?;
                let depth = left.depth.max(right.depth) + 1;
                self.node(Node::Assign(operator, left.into(), right.into()), at, depth)?
            } else {
                let operator = OPERATORS.iter().find(|(known, ..)| *known == text);
                let Some((_, binding, operator)) = operator.filter(|(_, b, _)| *b >= least) else {
                    break;
                };
                self.advance();
                let right = self.expression(binding + 1, nesting + 1)?;
                let depth = left.depth.max(right.depth) + 1;
                self.node(Node::Binary(*operator, left.into(), right.into()), at, depth)?
            };
        }
        Ok(left)
    }

    /// `operand as type`, which binds tighter than all operators between two operands.
    fn rust_casts(&mut self, mut operand: Expression) -> Result<Expression, At> {
        while matches!(self.peek(), Some(Token::Name(word)) if word == "as")
            && self.environment.language() == Language::Rust
        {
            let at = self.at();
            self.advance();
            // Behind it, `*` multiplies.
            let named = self.specifiers().ok_or_else(|| self.unexpected())?;
            let depth = operand.depth + 1;
            operand = self.node(Node::Cast(Conversion::Along, named, operand.into()), at, depth)?;
        }
        Ok(operand)
    }

    fn conditional(&mut self, test: Expression, at: usize, nesting: u32) -> Result<Expression, At> {
        self.advance();
        let then = self.expression(0, nesting + 1)?;
        self.expect(":")?;
        let otherwise = self.expression(CONDITIONAL, nesting + 1)?;
        let depth = test.depth.max(then.depth).max(otherwise.depth) + 1;
        self.node(Node::Conditional(test.into(), then.into(), otherwise.into()), at, depth)
    }

    fn prefixed(&mut self, nesting: u32) -> Result<Expression, At> {
        let at = self.at();
        if nesting > MAX_DEPTH {
            return Err(self.fault(Fault::TooDeep));
        }
        if self.peek_is("++") || self.peek_is("--") {
            return Err(self.fault(Fault::ReadOnly));
        }
        // `&&x` begins no operand in C.
        let prefix = PREFIXES.iter().find(|(text, _)| self.take(text));
        if let Some((_, operator)) = prefix {
            let operand = self.prefixed(nesting + 1)?;
            let depth = operand.depth + 1;
            return self.node(Node::Unary(*operator, operand.into()), at, depth);
        }
        if let Some(cast) = self.cast(nesting)? {
            return Ok(cast);
        }
        if matches!(self.peek(), Some(Token::Name(name)) if name == "sizeof") {
            return self.size_of(nesting);
        }
        if self.begins_alignment() {
            return self.align_of();
        }
        self.postfixed(nesting)
    }

    /// `(type) operand` and `{type} operand`.
    fn cast(&mut self, nesting: u32) -> Result<Option<Expression>, At> {
        let (start, at) = (self.position(), self.at());
        for (open, close) in [("(", ")"), ("{", "}")] {
            if !self.take(open) {
                continue;
            }
            if let Some(named) = self.type_name()
                && self.take(close)
            {
                let operand = self.prefixed(nesting + 1)?;
                let depth = operand.depth + 1;
                let node = match open {
                    "(" => Node::Cast(Conversion::Along, named, operand.into()),
                    _ => Node::At(named, operand.into()),
                };
                return self.node(node, at, depth).map(Some);
            }
            self.rewind(start);
        }
        Ok(None)
    }

    fn size_of(&mut self, nesting: u32) -> Result<Expression, At> {
        let at = self.at();
        self.advance();
        let start = self.position();
        if self.take("(")
            && let Some(named) = self.type_name()
            && self.take(")")
        {
            return self.node(Node::SizeOfType(named), at, 1);
        }
        self.rewind(start);
        let operand = self.prefixed(nesting + 1)?;
        let depth = operand.depth + 1;
        self.node(Node::SizeOf(operand.into()), at, depth)
    }

    /// Whether `_Alignof(` or `alignof(` stands here, and is not the name of something.
    fn begins_alignment(&self) -> bool {
        let Some(Token::Name(name)) = self.peek() else { return false };
        matches!(name.as_str(), "_Alignof" | "alignof")
            && self.peek_behind() == Some(&Token::Punctuation("("))
            && self.environment.named(name).is_err()
    }

    /// `_Alignof(type)`.
    fn align_of(&mut self) -> Result<Expression, At> {
        let at = self.at();
        self.advance();
        self.expect("(")?;
        let named = self.type_name().ok_or_else(|| match self.peek() {
            Some(Token::Name(name)) => self.fault(Fault::Type(name.clone())),
            _ => self.unexpected(),
        })?;
        self.expect(")")?;
        self.node(Node::AlignOfType(named), at, 1)
    }

    fn postfixed(&mut self, nesting: u32) -> Result<Expression, At> {
        let mut operand = self.primary(nesting)?;
        loop {
            let at = self.at();
            let depth = operand.depth + 1;
            let node = if self.take("[") {
                let index = self.expression(0, nesting + 1)?;
                self.expect("]")?;
                let depth = depth.max(index.depth + 1);
                operand = self.node(Node::Index(operand.into(), index.into()), at, depth)?;
                continue;
            } else if self.take(".") || self.take("->") {
                Node::Member(operand.into(), self.member_name()?)
            } else if self.peek_is("++") || self.peek_is("--") {
                return Err(self.fault(Fault::ReadOnly));
            } else if self.peek_is("(") {
                let function = part_function(&operand).ok_or_else(|| self.fault(Fault::Call))?;
                self.advance();
                let argument = self.expression(0, nesting + 1)?;
                self.expect(")")?;
                let depth = argument.depth + 1;
                operand = self.node(Node::Unary(function, argument.into()), operand.at, depth)?;
                continue;
            } else {
                return Ok(operand);
            };
            operand = self.node(node, at, depth)?;
        }
    }

    /// A member; a number for those of Rust's tuples, which DWARF calls `__0`.
    fn member_name(&mut self) -> Result<String, At> {
        let name = match self.peek() {
            Some(Token::Name(name)) => name.clone(),
            Some(Token::Number(digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                format!("__{digits}")
            }
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(name)
    }

    fn primary(&mut self, nesting: u32) -> Result<Expression, At> {
        let at = self.at();
        let Some(token) = self.peek().cloned() else { return Err(self.unexpected()) };
        if let Some(name) = self.type_as_operand() {
            return Err(At { column: at, fault: Fault::IsType(name) });
        }
        if self.unknown_tag().is_some() {
            return Err(self.unexpected());
        }
        let node = match token {
            Token::Number(text) => {
                literal::numeric(&text).map_err(|fault| At { column: at, fault })?
            }
            Token::Character(byte) => Node::Character(byte),
            Token::WideCharacter(wide, unit) => Node::WideCharacter(wide, unit),
            Token::Text(_) | Token::WideText(..) => {
                let text = self.texts()?;
                return self.node(text, at, 1);
            }
            Token::Dollar(name) => Node::Dollar(name),
            Token::Name(name) => match NAMED_CASTS.iter().find(|(known, _)| *known == name) {
                Some((_, conversion)) => return self.named_cast(*conversion, nesting),
                None => self.word(&name).unwrap_or(Node::Name(name)),
            },
            Token::File(file) => {
                self.advance();
                let Some(Token::Name(name)) = self.peek() else { return Err(self.unexpected()) };
                Node::InFile(file, name.trim_start_matches("::").to_owned())
            }
            Token::Punctuation("(") => {
                self.advance();
                let inner = self.expression(0, nesting + 1)?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Punctuation(_) => return Err(self.unexpected()),
        };
        self.advance();
        self.node(node, at, 1)
    }

    /// The string literals that stand here, as one (C17, 6.4.5).
    fn texts(&mut self) -> Result<Node, At> {
        let mut all = Texts::default();
        while let Some(token @ (Token::Text(_) | Token::WideText(..))) = self.peek() {
            let different = "string literals of different kinds stand behind each other";
            let fault = || self.fault(Fault::Literal(different.to_owned()));
            all.add(token).ok_or_else(fault)?;
            self.advance();
        }
        Ok(all.joined())
    }

    /// The type that is named where an operand has to be, unless a value has its name, too. A
    /// class's constructors are called like it, but that is not what is meant.
    fn type_as_operand(&mut self) -> Option<String> {
        let start = self.position();
        let Some(Token::Name(name)) = self.peek().cloned() else { return None };
        let at = self.at();
        self.type_name()?;
        let is_one_word = self.position() == start + 1;
        let text = self.text.get(at..self.at()).unwrap_or(&name).trim_end().to_owned();
        self.rewind(start);
        let is_value = || match self.environment.named(&name) {
            Ok(value) => !classes::is_constructor(&value, &name, self.environment),
            // What is said of a variable that is elsewhere says more.
            Err(fault) => !matches!(fault, Fault::Name(..)),
        };
        let taken = self.environment.is_variable_here(&name) || is_one_word && is_value();
        (!taken).then_some(text)
    }

    /// `true`, `false`, `nullptr`, unless that is the name of something: C's programs may have it.
    fn word(&self, name: &str) -> Option<Node> {
        let node = match name {
            "true" => Node::Boolean(true),
            "false" => Node::Boolean(false),
            "nullptr" => Node::Null,
            _ => return None,
        };
        let is_name = || self.environment.named(name).is_ok();
        let taken = self.environment.language() == Language::C && is_name();
        (!taken).then_some(node)
    }

    /// `static_cast<type>(operand)`.
    fn named_cast(&mut self, conversion: Conversion, nesting: u32) -> Result<Expression, At> {
        let at = self.at();
        self.advance();
        self.expect("<")?;
        let named = self.type_name().ok_or_else(|| self.unexpected())?;
        self.expect(">")?;
        self.expect("(")?;
        let operand = self.expression(0, nesting + 1)?;
        self.expect(")")?;
        let depth = operand.depth + 1;
        self.node(Node::Cast(conversion, named, operand.into()), at, depth)
    }
}

/// Which part of a complex number the function of this name gives.
fn part_function(operand: &Expression) -> Option<Unary> {
    let Node::Dollar(name) = &operand.node else { return None };
    PARTS.iter().find(|(known, _)| known == name).map(|(_, part)| *part)
}

/// Whether a punctuation assigns, and which operator it applies first.
fn assignment(text: &str) -> Option<Option<Binary>> {
    if text == "=" {
        return Some(None);
    }
    let operator = text.strip_suffix('=')?;
    let found = OPERATORS.iter().find(|(known, ..)| *known == operator);
    let arithmetic = !matches!(text, "<=" | ">=" | "==" | "!=");
    found.filter(|_| arithmetic).map(|(_, _, operator)| Some(*operator))
}
