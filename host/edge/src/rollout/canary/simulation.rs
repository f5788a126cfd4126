//! Simulations of thousands of canaries: the rate of false alarms, and the
//! number of requests until a canary that does worse is withdrawn. These tests
//! print the figures in `docs/canary.md`.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::counting::LaneCounters;
use super::lane_counter::Side;
use super::thresholds::Thresholds;
use super::verdict::{FLEET_ALPHA, NODE_ALPHA, Totals, analyze, p_value};

const THRESHOLDS: Thresholds = Thresholds {
    requests: 50,
    errors: 0.05,
    latency: 2.0,
    warm_up: 10,
};

/// Total bound on false alarms of a canary.
const ALPHA: f64 = NODE_ALPHA + FLEET_ALPHA;

/// Simulated behavior of one release.
#[derive(Clone, Copy)]
struct Behavior {
    /// Fraction of requests that fail, on all routes.
    errors: f64,
    /// Fraction of requests on the rare route that fail.
    rare_errors: f64,
    /// Factor of latency compared with the usual one.
    slower: f64,
    /// Fraction of requests that take ten times as long.
    stuck: f64,
}

const USUAL: Behavior = Behavior {
    errors: 0.005,
    rare_errors: 0.005,
    slower: 1.0,
    stuck: 0.0,
};

/// Simulated traffic and environment of a canary.
#[derive(Clone, Copy)]
struct World {
    /// Percentage of clients that get the canary.
    percent: u32,
    /// Requests per second.
    rate: f64,
    /// Total number of requests, unless the canary is withdrawn before.
    requests: u32,
    /// True if the machine stalls and its stores fail, for both releases.
    is_rough: bool,
    /// Consecutive requests of one client, which the same release answers.
    in_a_row: u32,
    canary: Behavior,
}

const CALM: World = World {
    percent: 10,
    rate: 100.0,
    requests: 1500,
    is_rough: false,
    in_a_row: 1,
    canary: USUAL,
};

/// Condition that alternates between off and on, with random durations.
struct Burst {
    is_on: bool,
    until: f64,
    /// Mean seconds off, and on.
    means: [f64; 2],
}

impl Burst {
    fn new(means: [f64; 2]) -> Self {
        Self {
            is_on: true,
            until: 0.0,
            means,
        }
    }

    fn at(&mut self, now: f64, random: &mut SmallRng) -> bool {
        while self.until <= now {
            self.is_on = !self.is_on;
            self.until += exponential(random) * self.means[usize::from(self.is_on)];
        }
        self.is_on
    }
}

fn exponential(random: &mut SmallRng) -> f64 {
    -(1.0 - random.random::<f64>()).ln()
}

/// Returns a latency in seconds from a heavy-tailed distribution: log-normal,
/// with a median of 8 ms and a 99th percentile of eight times that.
fn latency(random: &mut SmallRng) -> f64 {
    let (a, b): (f64, f64) = (random.random(), random.random());
    let normal = (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos();
    0.008 * (0.9 * normal).exp()
}

/// Outcome of one canary: the number of its requests after which it was
/// withdrawn, and the smallest p-value that was ever seen.
struct Outcome {
    withdrawn: Option<u32>,
    least_p: f64,
}

fn run(world: World, seed: u64) -> Outcome {
    let random = &mut SmallRng::seed_from_u64(seed);
    let mut state = LaneCounters::new(THRESHOLDS);
    let mut stalls = Burst::new([3.0, 0.4]);
    let mut outages = Burst::new([8.0, 0.8]);
    let (mut now, mut answered) = (0.0, 0);
    let mut least_p: f64 = 1.0;
    let mut is_canary = false;
    for number in 0..world.requests {
        now += exponential(random) / world.rate;
        if number % world.in_a_row == 0 {
            is_canary = random.random_range(0..100) < world.percent;
        }
        let behavior = if is_canary { world.canary } else { USUAL };
        let is_rare = random.random_range(0..100) == 0;
        let (stalled, out) = (stalls.at(now, random), outages.at(now, random));
        let mut failing = if is_rare {
            behavior.rare_errors
        } else {
            behavior.errors
        };
        let mut took = latency(random) * behavior.slower;
        if random.random::<f64>() < behavior.stuck {
            took *= 10.0;
        }
        if world.is_rough && stalled {
            took *= 1.0 + 20.0 * random.random::<f64>();
        }
        if world.is_rough && out {
            failing = f64::max(failing, 0.7);
        }
        let failed = random.random::<f64>() < failing;
        answered += u32::from(is_canary);
        let side = if is_canary {
            Side::Canary
        } else {
            Side::Active
        };
        let route = if is_rare { "/rare" } else { "/usual" };
        let (now, took) = (Duration::from_secs_f64(now), Duration::from_secs_f64(took));
        if state.count(now, route, side, took, failed) {
            let totals = state.totals();
            least_p = least_p.min(p_value(&totals));
            if analyze(&totals, &THRESHOLDS, NODE_ALPHA).is_some() {
                return Outcome {
                    withdrawn: Some(answered),
                    least_p,
                };
            }
        }
    }
    Outcome {
        withdrawn: None,
        least_p,
    }
}

/// Counts false alarms of a canary that is the active release: withdrawals, and
/// runs in which the evidence alone ever crossed the bound.
fn false_alarms(world: World, trials: u32) -> (u32, u32) {
    let (mut withdrawn, mut crossed) = (0, 0);
    for seed in 0..trials {
        let outcome = run(world, u64::from(seed));
        withdrawn += u32::from(outcome.withdrawn.is_some());
        crossed += u32::from(outcome.least_p < ALPHA);
    }
    println!("{trials} trials: {withdrawn} withdrawn, {crossed} crossed the bound");
    (withdrawn, crossed)
}

#[test]
fn a_release_that_is_no_worse_is_withdrawn_in_less_than_one_of_a_hundred_canaries() {
    for percent in [10, 50] {
        let (withdrawn, crossed) = false_alarms(World { percent, ..CALM }, 1000);
        assert_eq!(withdrawn, 0);
        assert!(crossed < 10, "{crossed}");
    }
}

/// Stalls multiply latencies for 0.4 s and outages fail most requests for 0.8 s
/// on average, for both releases.
#[test]
fn a_machine_that_stalls_and_stores_that_fail_are_held_against_no_release() {
    for percent in [10, 50] {
        let rough = World {
            percent,
            is_rough: true,
            ..CALM
        };
        let (withdrawn, crossed) = false_alarms(rough, 1000);
        assert!(withdrawn < 10, "{withdrawn}");
        assert!(crossed < 10, "{crossed}");
    }
}

/// Each client sends twenty requests in a row while no other client does, so a
/// failure of that time affects one release alone.
#[test]
fn clients_that_come_one_after_another_are_no_reason_either() {
    for (percent, rate) in [(10, 20.0), (50, 20.0), (10, 5.0)] {
        let rough = World {
            percent,
            rate,
            is_rough: true,
            in_a_row: 20,
            ..CALM
        };
        let (withdrawn, crossed) = false_alarms(rough, 500);
        assert!(withdrawn < 5, "{withdrawn}");
        assert!(crossed < 5, "{crossed}");
    }
}

/// Three nodes are judged together. One of them fails 40 % of all requests, and
/// half of its clients get the canary, but few of the other nodes' clients do:
/// over all requests, far more of the canary's fail.
#[test]
fn a_sick_node_condemns_no_release() {
    let (mut withdrawn, mut seemingly_worse) = (0, 0);
    for seed in 0..300 {
        let random = &mut SmallRng::seed_from_u64(seed);
        let nodes = [(5, 0.005), (10, 0.005), (50, 0.4)];
        let mut states = nodes.map(|_| LaneCounters::new(THRESHOLDS));
        let mut now = 0.0;
        let mut fleet = Totals::default();
        for number in 0..3000 {
            now += exponential(random) / 100.0;
            let node = random.random_range(0..nodes.len());
            let (percent, failing) = nodes[node];
            let side = match random.random_range(0..100) < percent {
                true => Side::Canary,
                false => Side::Active,
            };
            let failed = random.random::<f64>() < failing;
            let took = Duration::from_secs_f64(latency(random));
            let now = Duration::from_secs_f64(now);
            states[node].count(now, "/usual", side, took, failed);
            if number % 100 == 99 {
                fleet = Totals::default();
                states.iter().for_each(|state| fleet.add(&state.totals()));
                withdrawn += u32::from(analyze(&fleet, &THRESHOLDS, FLEET_ALPHA).is_some());
            }
        }
        let errors = &fleet.overall.errors;
        let difference = errors.canary.rate() - errors.active.rate();
        seemingly_worse += u32::from(difference > THRESHOLDS.errors);
    }
    assert_eq!(withdrawn, 0);
    assert!(seemingly_worse > 290, "{seemingly_worse}");
}

/// Returns the fractions of runs in which the canary was withdrawn within 75,
/// 150, 300, 600 and 1200 of its requests.
fn power(world: World, trials: u32) -> [f64; 5] {
    let outcomes: Vec<_> = (0..trials)
        .map(|seed| run(world, u64::from(seed)))
        .collect();
    [75, 150, 300, 600, 1200].map(|most| {
        let soon = outcomes
            .iter()
            .filter(|outcome| outcome.withdrawn.is_some_and(|after| after <= most));
        f64::from(u32::try_from(soon.count()).expect("few")) / f64::from(trials)
    })
}

/// Prints a row of the table in `docs/canary.md`, and returns it.
fn row(name: &str, canary: Behavior, percent: u32) -> [f64; 5] {
    let world = World {
        percent,
        canary,
        requests: 1200 * 100 / percent,
        ..CALM
    };
    let found = power(world, 40);
    println!("| {name} | {percent} % | {found:.2?}");
    found
}

#[test]
fn a_release_that_is_worse_is_withdrawn_soon() {
    let fails = |errors| Behavior {
        errors,
        rare_errors: errors,
        ..USUAL
    };
    let [_, soon, ..] = row("fails all", fails(1.0), 10);
    assert!(soon > 0.99, "{soon}");
    let [_, soon, ..] = row("fails all", fails(1.0), 50);
    assert!(soon > 0.95, "{soon}");
    let [.., later, _, _] = row("fails 20 %", fails(0.2), 10);
    assert!(later > 0.9, "{later}");
    let [.., late] = row("fails 10 %", fails(0.1), 10);
    assert!(late > 0.8, "{late}");
    let rare = Behavior {
        rare_errors: 1.0,
        ..USUAL
    };
    let [.., late] = row("fails a route of 1 % of the requests", rare, 10);
    assert!(late > 0.8, "{late}");
    let slower = Behavior {
        slower: 3.0,
        ..USUAL
    };
    let [.., later, _] = row("takes 3 times as long", slower, 10);
    assert!(later > 0.9, "{later}");
    let stuck = Behavior {
        stuck: 0.2,
        ..USUAL
    };
    let [.., late] = row("takes 10 times as long for 20 %", stuck, 10);
    assert!(late > 0.8, "{late}");
}
