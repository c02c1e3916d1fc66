//! Damaged debug information: variables, types and values end, whatever they are.

use std::cell::Cell;
use std::sync::Arc;

use rdb_explorer::symbols::datatypes::Type;
use rdb_explorer::symbols::location::{Frame, Location, Missing};
use rdb_explorer::symbols::{DebugSearch, DeclaredKind, DieRef, Dies, ModuleAddr, ModuleSymbols};
use rdb_explorer::values::{Format, Formatter, Target, Value};

use crate::build::{C, CPP, Program, RUST, compile};

/// xorshift64*: the same damage every time.
struct Random(Cell<u64>);

impl Random {
    fn next(&self) -> u64 {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// A frame and a memory full of random bytes.
struct Chaos<'a> {
    symbols: &'a ModuleSymbols,
    random: &'a Random,
    pc: u64,
    function: Option<DieRef>,
    depth: u32,
}

impl Frame for Chaos<'_> {
    fn pc(&self) -> u64 {
        self.pc
    }

    fn bias(&self) -> u64 {
        0
    }

    fn register(&self, _: u16) -> Option<Vec<u8>> {
        let value = self.random.next();
        (!value.is_multiple_of(8)).then(|| value.to_le_bytes().to_vec())
    }

    fn memory(&self, _: u64, buffer: &mut [u8]) -> bool {
        buffer.iter_mut().for_each(|byte| *byte = self.random.next() as u8);
        !self.random.next().is_multiple_of(8)
    }

    fn cfa(&self) -> Option<u64> {
        Some(self.random.next())
    }

    fn function(&self) -> Option<DieRef> {
        self.function
    }

    fn thread_local(&self, offset: u64) -> Result<u64, Missing> {
        Ok(offset)
    }

    fn with_caller(&self, ask: &mut dyn FnMut(&Dies, &dyn Frame, u64)) {
        if self.depth < 3 {
            let caller = Chaos { depth: self.depth + 1, ..*self };
            ask(self.symbols.dies(), &caller, self.pc + 5);
        }
    }

    fn is_entered_at(&self, _: u64) -> bool {
        true
    }
}

impl Target for Chaos<'_> {
    fn memory(&self, _: u64, length: usize) -> Vec<Option<u8>> {
        (0..length).map(|_| Some(self.random.next() as u8 & 0x1f)).collect()
    }

    fn symbol(&self, _: u64) -> Option<String> {
        None
    }

    fn computed_offset(&self, dies: &Dies, die: DieRef, address: u64) -> Option<u64> {
        dies.member_address(die, address, self)
    }

    fn implied(&self, dies: &Arc<Dies>, die: DieRef) -> Option<Value> {
        Some(Value::in_memory(dies.type_of(die), 0x1000))
    }
}

fn look_at(chaos: &Chaos<'_>, die: DieRef) {
    let dies = chaos.symbols.dies();
    let _: Result<Location, _> = dies.locate(die, chaos);
    dies.lifetimes(die);
    dies.count(die, chaos);
    look_at_type(chaos, &dies.type_of(die));
}

fn look_at_type(chaos: &Chaos<'_>, of: &Type) {
    of.name();
    of.definition_text();
    of.size();
    let value = Value::in_memory(of.clone(), 0x1000);
    Formatter::new(chaos, Format::default()).top(&value);
    value.member_named("nothing", chaos);
    value.base_named("nothing", chaos);
}

fn exercise(bytes: Vec<u8>, probes: &[u64], random: &Random) {
    let symbols = ModuleSymbols::parse("damaged", bytes.into(), &DebugSearch::none());
    let mut chaos = Chaos { symbols: &symbols, random, pc: 0, function: None, depth: 0 };
    for probe in probes {
        for level in 0..3 {
            let at = ModuleAddr(*probe);
            let Some(function) = symbols.function_dies(at, level) else { break };
            (chaos.pc, chaos.function) = (*probe, Some(function.physical));
            let variables = symbols.dies().variables(function.own, at);
            variables.iter().take(50).for_each(|variable| look_at(&chaos, variable.die));
        }
    }
    let declared = symbols.dies().declared();
    for name in ["counter", "sink", "Foo", "Dog", "div_t", "nothing"] {
        for die in declared.find(DeclaredKind::Variable, name) {
            look_at(&chaos, die);
        }
        let types = declared.types_named(name);
        types.iter().filter_map(|die| Type::at(symbols.dies(), *die)).for_each(|of| {
            look_at_type(&chaos, &of);
        });
    }
}

fn damage(program: &Program, functions: &[&str], rounds: u64) {
    let whole = program.bytes();
    let symbols = program.symbols();
    let found = functions.iter().flat_map(|name| symbols.addresses_of_function(*name));
    let probes: Vec<u64> = found.map(|at| at.address.0).collect();
    assert!(!probes.is_empty());
    // Debug information follows what is loaded.
    let segments = symbols.layout().segments();
    let loaded = segments.iter().map(|s| s.offset + s.file_size).max().unwrap() as usize;
    let random = Random(Cell::new(0x9e37_79b9_7f4a_7c15));
    exercise(whole.clone(), &probes, &random);
    for _ in 0..rounds {
        let mut bytes = whole.clone();
        for _ in 0..1 + random.next() % 60 {
            let place = loaded + random.next() as usize % (whole.len() - loaded);
            bytes[place] = random.next() as u8;
        }
        exercise(bytes, &probes, &random);
    }
}

#[test]
fn damaged_values_of_c_are_survived() {
    for flags in [&["-g", "-gdwarf-5", "-O2"], &["-g", "-gdwarf-4", "-O0"]] {
        let Some(program) = compile("gcc", "c", C, flags) else { return };
        damage(&program, &["main", "leaf", "middle", "deep"], 150);
    }
}

#[test]
fn damaged_values_of_cpp_and_rust_are_survived() {
    if let Some(program) = compile("g++", "cpp", CPP, &["-g", "-O1"]) {
        damage(&program, &["main", "ns::use"], 60);
    }
    if let Some(program) = compile("rustc", "rs", RUST, &["-g", "--edition=2024"]) {
        damage(&program, &["fixture::main"], 8);
    }
}
