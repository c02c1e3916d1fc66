//! Casts between classes that have several bases, and static members of classes.

use rdb_tests::compile::Flavour;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;
use rdb_tests::values::{assert_same, assert_values};

#[test]
fn casts_go_along_bases_as_in_gdb() {
    let commands = [
        "print (Second *)whole",
        "print *(Second *)whole",
        "print (const Second *)whole",
        "print (Plain *)whole",
        "print (Derived *)second",
        "print *(Derived *)second",
        "print (Derived *)plain",
        "print static_cast<Derived *>(second)",
        "print static_cast<Plain *>(whole)",
        "print (Second &)*whole",
        "print static_cast<Second &>(*whole)",
        "print (Derived &)reference",
        "print &(Derived &)reference",
        "print (Second)*whole",
        "print (Derived)*second",
        "print (Derived *)nothing",
        "print (Plain *)(Derived *)0",
        "print (Second *)(void *)whole",
        "print (First *)second",
        "print (long)(Second *)whole - (long)whole",
        "print (Plain *)(Two *)both",
        "print (Both *)(Two *)both",
        "print (Plain *)both",
        "print (Shared *)bottom",
        "print *(Shared *)bottom",
        "print (Shared *)left",
        "print (Bottom *)left",
        "print (Bottom *)shared",
        "print static_cast<Bottom *>(shared)",
        "print dynamic_cast<Second *>(first)",
        "print dynamic_cast<Derived *>(plain)",
    ];
    assert_same("bases", &[Flavour::O0, Flavour::Dwarf4], ("look", 1), &commands);
}

/// What gdb gets wrong, or does otherwise than C++.
#[test]
fn dynamic_casts_ask_the_object() {
    let same = [
        ("dynamic_cast<Derived *>(first) == whole", "true"),
        ("dynamic_cast<Derived *>(second) == whole", "true"),
        ("dynamic_cast<First *>(second) == (First *)whole", "true"),
        ("dynamic_cast<Plain *>(second) == plain", "true"),
        ("dynamic_cast<void *>(second) == whole", "true"),
        ("dynamic_cast<Bottom *>(shared) == bottom", "true"),
        ("dynamic_cast<Right *>(left) == (Right *)bottom", "true"),
        ("dynamic_cast<Bottom *>(first)", "(Bottom *) 0x0"),
        ("dynamic_cast<Derived &>(reference).derived", "3"),
        ("(Left *)shared == left", "true"),
        ("(long)reinterpret_cast<Plain *>(whole) == (long)whole", "true"),
    ];
    assert_values("bases", "look", &same);
}

#[test]
fn casts_that_mean_nothing_are_refused_in_words() {
    let place = Fixture::load("bases").place("look");
    let refused = [
        ("(Plain *)both", "Both has the base Plain more than once"),
        ("dynamic_cast<Derived *>(plain)", "Plain has no virtual function"),
        ("dynamic_cast<Bottom &>(reference)", "the object there is no Bottom (std::bad_cast)"),
        ("dynamic_cast<int>(whole)", "dynamic_cast makes pointers and references only"),
    ];
    let mut commands = vec![format!("break {place}"), "continue".to_owned()];
    commands.extend(refused.iter().map(|(expression, _)| format!("print {expression}")));
    let (_, answers) = recording("bases").explore().attempt(&commands);
    for ((expression, words), answer) in refused.iter().zip(&answers[2..]) {
        let error = answer.error.as_deref().unwrap_or_default();
        assert!(error.contains(words), "{expression}: {error}");
    }
}

#[test]
fn static_members_are_reached_through_objects_and_shown_where_they_are_declared() {
    let commands = [
        "print whole->counter",
        "print (*whole).counter",
        "print whole->fixed",
        "print Derived::counter",
        "print &whole->counter == &Derived::counter",
        "print *whole",
        "whatis whole->counter",
    ];
    assert_same("bases", &[Flavour::O0, Flavour::Dwarf4], ("look", 1), &commands);
    let commands = ["print counter", "print this->counter", "print fixed"];
    assert_same("bases", &[Flavour::O0, Flavour::Dwarf4], ("count", 1), &commands);
}

#[test]
fn truth_values_are_words() {
    let commands = ["print true", "print !true", "print true + 1", "whatis false"];
    assert_same("bases", &[Flavour::O0], ("look", 1), &commands);
    let values = [("nothing == nullptr", "true"), ("whole == nullptr", "false")];
    assert_values("bases", "look", &values);
    // C before C23 has them as numbers.
    assert_values("calls", "return", &[("true", "1"), ("false + 2", "2")]);
}

#[test]
fn data_that_the_dynamic_linker_protects_has_names_at_once() {
    let explorer = recording("bases").explore();
    let place = Fixture::load("bases").place("look");
    let found = explorer.ask(&[&*format!("break {place}"), "continue", "print/x *(long *)whole"]);
    let table = found[2].get("value").as_str().expect("an address").to_owned();
    let first = [format!("jump {}", found[1].tracepoint()), format!("info symbol {table}")];
    let text = explorer.text(&first);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("vtable for Derived + 16"), "{text}");
}
