//! Suite `nodes`: what it costs a call to find its node, and what a hundred of them would come to.

mod call;
mod crowd;
mod lookup;
mod proxy;
mod site;
mod subject;
mod way;

use anyhow::Result;
use engine_harness::{Cluster, progress};

use self::call::Call;
use self::site::{Cost, Site};
use self::way::Way;
use super::Bench;
use super::figure::{Figure, quantile};
use super::machine;
use super::report::Chapter;
use super::trial::{Outcome, Trial};

const ABOUT: &str = "Calls of one client about six environments, each on a shard of its own, over one, two and three servers: to one server through the driver's \
    Engine, to their nodes through its Cluster, through PgBouncer with a database per shard, as engine router has it, also by \
    the Cluster, and through a database with PL/Proxy, which the Engine takes for the one server, and which has no calls about many runs. \
    All make the same calls in turns.";

const HUNDRED: &str = "A hundred nodes: the first call about an environment goes from node to node until one knows it, here with a connection \
    each to one server; a node's share of a million environments is 10,000.";

const LATENCY: Figure = Figure::new("call p50, ms", 3);
const SERVER: Figure = Figure::new("server CPU per call, µs", 0);
const POOLER: Figure = Figure::new("pooler's or proxy's CPU per call, µs", 0);
const CLIENT: Figure = Figure::new("client CPU per call, µs", 0);
const MORE: Figure = Figure::new("more CPU than one server, µs", 0);

const SERVER_OF_RUN: Figure = Figure::new("server CPU per run, µs", 1);
const POOLER_OF_RUN: Figure = Figure::new("pooler CPU per run, µs", 2);
const CLIENT_OF_RUN: Figure = Figure::new("client CPU per run, µs", 1);
const MORE_OF_RUN: Figure = Figure::new("more CPU than one server per run, µs", 2);

/// Turns of each way. The first quarter is a warm-up.
const TURNS: usize = 60;

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let mut others = Vec::new();
    for _ in 1..Way::MOST_NODES {
        progress::say("starting another private server");
        let options = machine::options(!bench.arguments.without_preloading)?;
        others.push(Cluster::start_from(bench.prefix.clone(), options).await?);
    }
    let crowd = crowd::measure(&bench.cluster).await?;
    let servers: Vec<&Cluster> = [&bench.cluster].into_iter().chain(&others).collect();
    let has_proxy = proxy::is_there(servers[0]).await?;
    let mut outcomes = Vec::new();
    for call in Call::ALL {
        let ways: Vec<Way> = Way::ALL
            .into_iter()
            .filter(|way| has_proxy || !way.is_proxy())
            .filter(|way| call.runs() == 1 || !way.is_proxy())
            .collect();
        let mut trials: Vec<Vec<Trial>> = vec![Vec::new(); ways.len()];
        for round in 1..=bench.arguments.repeat(2) {
            progress::say(format!("{}, {round}", call.name()));
            for (trials, trial) in trials.iter_mut().zip(trial(&servers, &ways, call).await?) {
                trials.push(trial);
            }
        }
        let named = ways.iter().zip(trials);
        outcomes.extend(named.map(|(way, trials)| Outcome {
            conditions: call.name().to_owned(),
            variant: way.name(),
            trials,
        }));
    }
    outcomes.extend(lookup::measure(&bench.cluster).await?);
    outcomes.extend(crowd);
    Ok(Chapter::new("nodes", ABOUT, outcomes).noting([HUNDRED.to_owned()]))
}

/// The figures of each way, from turns that they take one after the other.
async fn trial(servers: &[&Cluster], ways: &[Way], call: Call) -> Result<Vec<Trial>> {
    let mut sites = Vec::new();
    for way in ways {
        sites.push(Site::begin(servers, *way).await?);
    }
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); sites.len()];
    for turn in 0..TURNS {
        // Plans that were made for empty tables read all that is in them later.
        if [TURNS / 8, TURNS / 4].contains(&turn) {
            for site in &sites {
                site.analyze().await?;
            }
            costs.iter_mut().for_each(Vec::clear);
        }
        for (site, costs) in sites.iter().zip(&mut costs) {
            costs.push(site.turn(call).await?);
        }
    }
    for site in sites {
        site.end().await?;
    }
    let direct: Vec<f64> = costs[0].iter().map(Cost::whole).collect();
    let trials = costs.iter().map(|costs| Trial {
        figures: figures(call, costs, &direct),
        ..Trial::default()
    });
    Ok(trials.collect())
}

/// `direct` is what the same turns cost with one server.
fn figures(call: Call, costs: &[Cost], direct: &[f64]) -> Vec<(Figure, f64)> {
    let runs = call.runs() as f64;
    let [server, pooler, client, more] = match call.runs() {
        1 => [SERVER, POOLER, CLIENT, MORE],
        _ => [SERVER_OF_RUN, POOLER_OF_RUN, CLIENT_OF_RUN, MORE_OF_RUN],
    };
    let of = |part: fn(&Cost) -> f64| median(costs.iter().map(|cost| part(cost) / runs).collect());
    let added = costs.iter().zip(direct);
    let added = added.map(|(cost, direct)| (cost.whole() - direct) / runs);
    let latencies = costs.iter().flat_map(|cost| &cost.latencies_ms);
    vec![
        (LATENCY, median(latencies.copied().collect())),
        (server, of(|cost| cost.server)),
        (pooler, of(|cost| cost.pooler)),
        (client, of(|cost| cost.client)),
        (more, median(added.collect())),
    ]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}
