//! What tests stand on: databases of their own, a server in this process with a clock they can move,
//! the program as a process of its own, and people who talk to it.
mod cluster;
mod database;
mod fleet;
mod forger;
mod forwarder;
mod http;
mod introspection;
mod keys;
mod memory;
mod process;
mod program;
mod random;
mod raw;
mod resource_server;
mod server;
mod soak;
mod status_reader;
mod verifier;

pub use cluster::Cluster;
pub use database::Database;
pub use fleet::Fleet;
pub use forger::Forger;
pub use forwarder::Forwarder;
pub use http::Answer;
pub use introspection::API;
pub use keys::{kid_of, shifted};
pub use memory::{Memory, Sealed};
pub use process::{PROGRAM, Process};
pub use program::{Outcome, run, run_in, run_with};
pub use random::Random;
pub use raw::Raw;
pub use resource_server::ResourceServer;
pub use server::{PASSWORD, SECRET, Server, basic, hash_of, part_of};
pub use soak::{STEP, Soak};
pub use status_reader::StatusReader;
pub use verifier::{Library, Verifier};

/// Each test of the list runs on SQLite and on PostgreSQL. It is given a fresh [`Database`].
#[macro_export]
macro_rules! on_both {
    ($($test:ident),* $(,)?) => { $(
        mod $test {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() { super::$test($crate::support::Database::sqlite()).await; }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() { super::$test($crate::support::Database::postgres().await).await; }
        }
    )* };
}
