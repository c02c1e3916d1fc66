//! Outside truth for `effects`: random instructions run on this CPU, one step
//! each, and what they changed is compared with what was foretold.
//!
//! The program under test never sees its own code again: a child stopped under
//! ptrace executes what the parent writes into a page both share. Instructions
//! the CPU lacks fault, and are counted and reported.

mod child;
mod generate;
mod place;
mod predict;
mod random;
mod xstate;

use child::{Child, Stop};
use generate::Candidate;
use random::Random;
use rdb_schema::effects::{Effect, Kind, Source, effects};
use std::collections::HashMap;

/// Instances tried of one form (an iced-x86 `Code`).
const INSTANCES: u32 = 20;

/// Instances of a form of which something is derived, each with other operands.
const DERIVED_INSTANCES: u32 = 200;

/// Random byte strings decoded. Most are rejected cheaply.
const ATTEMPTS: u32 = 600_000;

#[derive(Default)]
struct Tally {
    seen: HashMap<iced_x86::Code, u32>,
    executed: HashMap<iced_x86::Code, u32>,
    faulted: HashMap<iced_x86::Code, u32>,
    failures: Vec<String>,
}

#[test]
fn instructions_change_what_effects_foretell() {
    let mut child = match Child::start() {
        Ok(child) => child,
        Err(reason) => return eprintln!("skipped: no traced child here: {reason}"),
    };
    let mut random = Random::new(0x5eed);
    let mut tally = Tally::default();
    for _ in 0..ATTEMPTS {
        if let Some(candidate) = generate::candidate(&mut random) {
            try_one(&mut child, &mut random, &candidate, &mut tally);
        }
    }
    report(&tally);
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n"));
    assert!(tally.executed.len() > 500, "only {} forms ran", tally.executed.len());
}

fn try_one(child: &mut Child, random: &mut Random, candidate: &Candidate, tally: &mut Tally) {
    let code = candidate.instruction.code();
    let wanted = if derives(&candidate.instruction) { DERIVED_INSTANCES } else { INSTANCES };
    let seen = tally.seen.entry(code).or_default();
    if *seen >= wanted || tally.failures.len() >= 20 {
        return;
    }
    *seen += 1;
    let Some((bytes, instruction, before)) = place::place(random, candidate) else { return };
    let repeats = effects(&instruction).kind == Kind::RepString;
    random.fill(child.scratch());
    let memory = child.scratch().to_vec();
    match child.step(&bytes, &before, repeats) {
        Stop::Signal => *tally.faulted.entry(code).or_default() += 1,
        Stop::Done(settled, after) => {
            *tally.executed.entry(code).or_default() += 1;
            let case = predict::Case {
                before: &settled,
                after: &after,
                memory: &memory,
                memory_after: child.scratch(),
            };
            if let Err(difference) = case.check(&instruction) {
                let bytes = &bytes[..instruction.len()];
                tally.failures.push(format!("{code:?} {instruction} {bytes:02x?}: {difference}"));
            }
        }
    }
}

fn derives(instruction: &iced_x86::Instruction) -> bool {
    effects(instruction).list.iter().any(|effect| match effect {
        Effect::FlagsOf { .. } | Effect::VectorOf(_) | Effect::MaskOf { .. } => true,
        Effect::Gpr { source, .. } | Effect::Store { source, .. } => {
            matches!(source, Source::Computed(_))
        }
        _ => false,
    })
}

fn report(tally: &Tally) {
    let runs: u32 = tally.executed.values().sum();
    let never = tally.faulted.keys().filter(|code| !tally.executed.contains_key(code));
    println!(
        "{runs} instructions of {} forms compared; {} forms always faulted (not on this CPU, \
         or no operand suited them)",
        tally.executed.len(),
        never.clone().count()
    );
    if std::env::var_os("RDB_LIST_FORMS").is_some() {
        never.for_each(|code| println!("  faulted {code:?}"));
        tally.executed.iter().for_each(|(code, runs)| println!("  {runs} {code:?}"));
    }
    if !std::arch::is_x86_feature_detected!("avx512f") {
        println!("skipped: AVX-512 forms, the CPU has none");
    }
}
