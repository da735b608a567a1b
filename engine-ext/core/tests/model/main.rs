//! The state machine under a model checker: one run, two or three callers that each hold a snapshot of it and are about to
//! call, and everything that can happen between their calls: every order, lost answers that are asked for again, crashes,
//! missed deadlines, cancels, redrives, and the ends of waits. The checker visits every reachable state; `rule.rs` says what must hold in each.

mod action;
mod apply;
mod asked;
mod caller;
mod fault;
mod repeat;
mod row;
mod rule;
mod settings;
mod state;
mod step;
mod system;

use std::collections::BTreeSet;
use std::io::{Write, stderr};

use fault::Fault;
use state::Scope;
use stateright::{Checker, HasDiscoveries, Model};
use system::System;

#[test]
fn whatever_three_callers_do_to_a_run_every_rule_holds() {
    every_rule_holds("three callers", Scope::Callers);
}

#[test]
fn whatever_two_callers_ask_for_again_every_rule_holds() {
    every_rule_holds("two callers that ask again", Scope::Repeats);
}

fn every_rule_holds(who: &str, scope: Scope) {
    let (mut states, mut steps) = (0, 0);
    for stalls_are_out_of_memory in [false, true] {
        let system = System::new(Fault::None, scope, stalls_are_out_of_memory);
        let checker = system.checker().threads(2).spawn_bfs().join();
        checker.assert_properties();
        states += checker.unique_state_count();
        steps += checker.state_count();
    }
    say(&format!(
        "model of {who}: {states} states, {steps} steps, and every rule holds"
    ));
}

#[test]
fn every_rule_is_broken_by_the_fault_that_it_guards_against() {
    for (fault, rule) in fault::CAUGHT {
        let scope = match fault {
            Fault::AnswersAreForgotten | Fault::OthersAreAnswered => Scope::Repeats,
            _ => Scope::Callers,
        };
        let one = HasDiscoveries::AnyOf(BTreeSet::from([*rule]));
        let checker = System::new(*fault, scope, false)
            .checker()
            .finish_when(one)
            .spawn_bfs();
        let found = checker.join().discovery(rule);
        assert!(found.is_some(), "{fault:?} went by \"{rule}\"");
    }
}

#[test]
fn every_rule_is_guarded_by_a_fault() {
    let guarded: BTreeSet<&str> = fault::CAUGHT.iter().map(|(_, rule)| *rule).collect();
    for property in System::new(Fault::None, Scope::Repeats, false).properties() {
        assert!(guarded.contains(property.name), "{}", property.name);
    }
}

/// Prints although the test passes: the test harness swallows what `println` prints.
fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}
