//! What goes wrong between runs, under a model checker: a parent and what it waits for (a child, the last item of a batch, a token
//! that a caller completes), two workers, turns, releases, cancels, missed deadlines, crashes, locks that other sessions hold, ticks, and a
//! sweep that removes what has ended, in every order. The decisions are those of the engine; the rules, in `rule.rs`, are those of
//! `engine_check`, and that everything comes to its end.

mod action;
mod completion;
mod fault;
mod member;
#[path = "../model/row.rs"]
mod row;
mod rule;
#[path = "../model/settings.rs"]
mod settings;
mod settle;
mod state;
mod step;
mod system;
mod worker;

use std::collections::BTreeSet;
use std::io::{Write, stderr};

use fault::Fault;
use state::Awaited;
use stateright::{Checker, HasDiscoveries, Model};
use system::System;

#[test]
fn whatever_happens_between_a_parent_and_what_it_waits_for_every_rule_holds() {
    for awaited in Awaited::ALL {
        let checker = System::new(Fault::None, awaited).checker();
        let checker = checker.threads(2).spawn_bfs().join();
        checker.assert_properties();
        // The test harness keeps what `println` prints.
        let _ = writeln!(
            stderr(),
            "model of a parent that waits for {awaited:?}: {} states, {} steps, and every rule holds",
            checker.unique_state_count(),
            checker.state_count()
        );
    }
}

#[test]
fn every_rule_between_runs_is_broken_by_the_fault_that_it_guards_against() {
    for (fault, awaited, rule) in fault::CAUGHT {
        let one = HasDiscoveries::AnyOf(BTreeSet::from([*rule]));
        let checker = System::new(*fault, *awaited).checker();
        let found = checker.finish_when(one).spawn_bfs().join();
        let found = found.discovery(rule);
        assert!(found.is_some(), "{fault:?} went by \"{rule}\"");
    }
}

#[test]
fn every_rule_between_runs_is_guarded_by_a_fault() {
    let guarded: BTreeSet<&str> = fault::CAUGHT.iter().map(|(_, _, rule)| *rule).collect();
    for property in System::new(Fault::None, Awaited::Child).properties() {
        assert!(guarded.contains(property.name), "{}", property.name);
    }
}
