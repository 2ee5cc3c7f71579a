//! Real processes that rotate the same line at the same moment, and die while they do.
use crate::{
    on_both,
    support::{Database, Fleet, Process, Random},
};
use std::time::Duration;

on_both!(
    processes_that_rotate_at_the_same_moment_make_each_number_once,
    processes_killed_while_they_rotate_leave_whole_keys,
);

/// A block takes several seconds, in which the schedule rotates too.
const BLOCKS: u64 = 4;
const ROUNDS: u64 = 25;
const KILLS: usize = 100;

async fn assert_all_known(fleet: &Fleet, [one, two]: &[Process; 2]) {
    fleet.assert_known(one, two).await;
    fleet.assert_known(two, one).await;
}

async fn processes_that_rotate_at_the_same_moment_make_each_number_once(database: Database) {
    let fleet = Fleet::new(database, 1500);
    let processes = [fleet.start(), fleet.start()];
    let [one, two] = &processes;
    let mut acknowledged = Vec::new();
    for round in 0..BLOCKS * ROUNDS * 3 {
        let mode = ["graceful", "none", "immediate"][usize::try_from(round / ROUNDS % 3).unwrap()];
        if mode != "none" {
            let both = tokio::join!(Fleet::rotate(one, mode), Fleet::rotate(two, mode));
            acknowledged.extend(both.0);
            acknowledged.extend(both.1);
        }
        assert_all_known(&fleet, &processes).await;
        // With keys that live for a moment, so that the line is seldom full.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_much_happened(&fleet, &acknowledged).await;
    let announced = "SELECT COUNT(*) FROM keys WHERE activates_at - published_at >= 1500
                     AND line = 'ES256'";
    let announced = fleet.database.number(announced).await;
    assert!(announced >= 2, "{announced} keys were announced for their full time");
}

async fn processes_killed_while_they_rotate_leave_whole_keys(database: Database) {
    let (fleet, mut random) = (Fleet::new(database, 500), Random::new());
    let mut processes = [fleet.start(), fleet.start()];
    let mut acknowledged = Vec::new();
    for _ in 0..KILLS {
        let victim = random.index(2);
        let moment = Duration::from_millis(random.below(30));
        let kill = async {
            tokio::time::sleep(moment).await;
            processes[victim].signal("KILL");
        };
        // The schedule alone, or both on demand.
        if random.once_in(3) {
            kill.await;
        } else {
            let mode = if random.once_in(4) { "graceful" } else { "immediate" };
            let [one, two] = [&processes[0], &processes[1]];
            let (one, two, ()) =
                tokio::join!(Fleet::rotate(one, mode), Fleet::rotate(two, mode), kill);
            acknowledged.extend(one.into_iter().chain(two));
        }
        processes[victim] = fleet.start();
        assert_all_known(&fleet, &processes).await;
    }
    assert_much_happened(&fleet, &acknowledged).await;
}

async fn assert_much_happened(fleet: &Fleet, acknowledged: &[(String, i64)]) {
    let (made, answers) = (fleet.assert_sound(acknowledged).await, acknowledged.len());
    println!("{made} keys, {answers} rotations acknowledged");
    assert!(made >= 25 && answers >= 50, "{made} keys, {answers} rotations acknowledged");
}
