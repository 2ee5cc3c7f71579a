//! Keys that rotate hundreds of times under load, while verifiers do no more than HTTP tells them.
use crate::support::{Database, STEP, Soak, Verifier};
use mintmark::{
    config::Settings,
    model::Algorithm::{self, Es256, Rs256},
};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// The least that the rules of key-rotation.md allow, as upkeep is done after each step.
fn at_the_limits(algorithms: &[Algorithm]) -> impl Fn(&mut Settings) {
    move |settings| {
        let keys = &mut settings.keys;
        keys.algorithms = algorithms.to_vec();
        keys.leeway = Duration::from_mins(1);
        keys.jwks_max_age = Duration::from_mins(1);
        keys.announce_for = keys.jwks_max_age + keys.leeway + STEP;
        keys.rotate_every = keys.announce_for * 2;
        keys.poll_interval = HOUR;
        settings.tokens.access_token_lifetime = Duration::from_mins(2);
        settings.sessions.absolute_lifetime = HOUR;
    }
}

/// Supersedes so many keys of each line, and nobody may notice.
async fn rotate_unnoticed(database: Database, algorithms: &[Algorithm], rotations: usize) {
    let mut soak = Soak::start(database, at_the_limits(algorithms)).await;
    soak.supersede(algorithms[0], i64::try_from(rotations).unwrap()).await;
    let (failures, verifiers) = soak.finish().await;
    let some = &failures[..failures.len().min(5)];
    assert!(failures.is_empty(), "{} failures, as {some:#?}", failures.len());
    for verifier in verifiers {
        let Verifier { accepted, expired, fetched, revalidated, kids, .. } = verifier;
        let seen = format!(
            "{accepted} accepted, {expired} too late, {fetched} fetched, {revalidated} revalidated"
        );
        println!("{seen}");
        assert!(kids.len() >= rotations * algorithms.len(), "tokens of {} keys", kids.len());
        assert!(accepted > 20 * rotations && expired < accepted / 5, "{seen}");
        assert!(fetched > rotations && revalidated > rotations, "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_keys_are_superseded_and_no_verifier_notices() {
    for _ in 0..3 {
        rotate_unnoticed(Database::postgres().await, &[Es256], 100).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_lines_rotate_on_sqlite_and_no_verifier_notices() {
    rotate_unnoticed(Database::sqlite(), &[Rs256, Es256], 20).await;
}

/// What the two tests above find if rule 1 is broken: they can fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_announcement_verifiers_notice() {
    let unannounced = |settings: &mut Settings| {
        at_the_limits(&[Es256])(settings);
        settings.keys.announce_for = Duration::ZERO;
    };
    let mut soak = Soak::start(Database::postgres().await, unannounced).await;
    soak.supersede(Es256, 20).await;
    let (failures, verifiers) = soak.finish().await;
    let unknown = failures.iter().filter(|failure| failure.contains("does not verify")).count();
    assert!(unknown > 0, "{failures:?}");
    assert!(verifiers.iter().all(|verifier| verifier.accepted > 0));
}
