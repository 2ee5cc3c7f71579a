//! One file for each kind of fault: how it is injected, and what is particular to it.
mod site;
mod stage;
mod verdict;
mod watch;

mod database_away;
mod disk;
mod drain;
mod kill;
mod locks;
mod network;
mod terminate;

pub use site::{Kind, Site};
pub use stage::{Plan, Stage};
pub use verdict::Verdict;

use std::pin::Pin;

type Running = Pin<Box<dyn Future<Output = anyhow::Result<Verdict>>>>;

pub struct Scenario {
    pub name: &'static str,
    /// How many faults a short run injects.
    pub short: u32,
    /// Of a long run's number of faults, one in so many, as each takes long.
    pub one_in: u32,
    pub run: fn(Plan) -> Running,
}

macro_rules! scenarios {
    ($($name:literal, $short:literal, $one_in:literal, $run:expr;)*) => {
        pub const ALL: &[Scenario] = &[$(Scenario {
            name: $name,
            short: $short,
            one_in: $one_in,
            run: |plan| Box::pin($run(plan)),
        }),*];
    };
}

scenarios!(
    "kill_sqlite", 8, 1, kill::sqlite;
    "kill_postgres", 8, 1, kill::postgres;
    "answers_lost_sqlite", 60, 1, |plan| network::answers_lost(plan, Kind::Sqlite);
    "answers_lost_postgres", 60, 1, |plan| network::answers_lost(plan, Kind::Postgres);
    "clients_reset_sqlite", 60, 1, |plan| network::clients_reset(plan, Kind::Sqlite);
    "clients_reset_postgres", 60, 1, |plan| network::clients_reset(plan, Kind::Postgres);
    "backends_terminated", 20, 1, terminate::run;
    "postgres_cut_off", 2, 10, network::postgres_cut_off;
    "postgres_slow", 1, 100, network::postgres_slow;
    "postgres_crashes", 1, 50, database_away::crashes;
    "postgres_stopped", 1, 100, database_away::stopped;
    "postgres_read_only", 1, 100, database_away::read_only;
    "table_locked_postgres", 1, 100, locks::postgres;
    "file_locked_sqlite", 1, 100, locks::sqlite;
    "file_size_limited", 1, 50, disk::size_limited;
    "disk_full", 0, 50, disk::full;
    "disk_errors", 0, 10, disk::errors;
    "replicas_drained", 2, 20, drain::run;
);
