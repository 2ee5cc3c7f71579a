//! What has to hold in every world.
use super::{
    LINES,
    replica::Replica,
    rows::{Row, state},
    scenario::{Scenario, at, units},
    world::{Note, World},
};
use stateright::Property;

pub const RULE_1: &str = "a key signs only when every JWKS that may be cached has it";
pub const RULE_2: &str = "a key stays in the JWKS until its tokens have expired, plus leeway";
pub const VERIFIED: &str = "whoever honours max-age can verify every unexpired token";
pub const OPENS: &str = "no secret half is missing where it is needed";
pub const SECRETS_KEPT: &str = "no secret half is erased while a clock may still call for it";
pub const REVOKED: &str = "who has seen that a key is revoked neither uses nor publishes it";
pub const ONE_EACH: &str = "keys are numbered without a gap, and none twice";
pub const AGREE: &str = "replicas with the same rows and clock sign with the same keys";
pub const SIGNS: &str = "a replica always has a key to sign with";

pub fn all() -> Vec<Property<Scenario>> {
    vec![
        Property::always(RULE_1, rule_1),
        Property::always(RULE_2, rule_2),
        Property::always(VERIFIED, verified),
        Property::always(OPENS, |_, world: &World| {
            world.replicas.iter().all(|replica| !replica.failed)
        }),
        Property::always(SECRETS_KEPT, secrets_kept),
        Property::always(REVOKED, revoked),
        Property::always(ONE_EACH, one_each),
        Property::always(AGREE, agree),
        Property::always(SIGNS, signs),
    ]
}

fn serving(world: &World) -> impl Iterator<Item = &Replica> {
    world.replicas.iter().filter(|replica| replica.serves)
}

fn row<'a>(world: &'a World, note: &Note) -> Option<&'a Row> {
    world.rows.find(note.line, note.number)
}

fn is_revoked(world: &World, note: &Note) -> bool {
    row(world, note).is_some_and(|row| row.instants.revoked_at.is_some())
}

/// What each replica that serves signs with at this moment.
pub fn signing<'a>(
    scenario: &'a Scenario,
    world: &'a World,
) -> impl Iterator<Item = (&'a Replica, &'a Note)> {
    serving(world).flat_map(move |replica| {
        let default = scenario.on(replica.lines)[0];
        let keys = LINES
            .iter()
            .filter_map(move |&wanted| replica.signer(wanted, default, world.clock(replica)));
        keys.filter_map(move |(line, number)| {
            Some((
                replica,
                world.notes.iter().find(|note| (note.line, note.number) == (line, number))?,
            ))
        })
    })
}

fn rule_1(scenario: &Scenario, world: &World) -> bool {
    let max_age = scenario.max_age();
    signing(scenario, world).all(|(replica, note)| {
        let announced = row(world, note).is_some_and(|row| {
            world.clock(replica) >= row.instants.published_at + scenario.settings.announce_for
        });
        note.early || is_revoked(world, note) || announced && note.known_for >= max_age
    })
}

/// After a rotation at once, replicas that have not heard of it go on signing with the old key, and
/// leeway is used up by that.
fn rule_2(scenario: &Scenario, world: &World) -> bool {
    let live = world.notes.iter().filter(|note| note.expires > 0 && !is_revoked(world, note));
    live.flat_map(|note| serving(world).map(move |replica| (note, replica))).all(
        |(note, replica)| {
            let (Note { line, number, expires, .. }, now) = (note, world.clock(replica));
            let next = |other: &&Note| (other.line, other.number) == (*line, number + 1);
            let hurried = world.notes.iter().find(next).is_some_and(|next| next.early);
            let leeway = if hurried { units(0) } else { scenario.settings.leeway };
            now >= at(*expires) + leeway
                || replica.seen.find(*line, *number).is_none()
                || replica.publishes(*line, *number, &scenario.settings, now)
        },
    )
}

fn verified(scenario: &Scenario, world: &World) -> bool {
    let max_age = scenario.max_age();
    let live = |note: &&Note| note.expires > world.time && !is_revoked(world, note);
    world
        .notes
        .iter()
        .filter(live)
        .all(|note| note.known_for >= max_age || note.early && !note.known)
}

fn secrets_kept(scenario: &Scenario, world: &World) -> bool {
    let called_for = |row: &Row| {
        let clocks = world.time..=world.time + scenario.skew;
        clocks
            .map(at)
            .any(|now| state(&world.rows, row, scenario.settings.leeway, now).needs_secret())
    };
    world.rows.0.iter().all(|row| row.sealed || !called_for(row))
}

fn revoked(scenario: &Scenario, world: &World) -> bool {
    let signs = signing(scenario, world).all(|(replica, note)| {
        let seen = replica.seen.find(note.line, note.number);
        seen.is_none_or(|row| row.instants.revoked_at.is_none())
    });
    signs
        && serving(world).all(|replica| {
            replica.seen.0.iter().all(|row| {
                row.instants.revoked_at.is_none()
                    || !replica.publishes(
                        row.line,
                        row.instants.number,
                        &scenario.settings,
                        world.clock(replica),
                    )
            })
        })
}

fn one_each(_: &Scenario, world: &World) -> bool {
    LINES.iter().all(|&line| {
        let numbers = world.rows.line(line).into_iter().map(|key| key.number);
        numbers.zip(1..).all(|(number, expected)| number == expected)
    })
}

fn agree(scenario: &Scenario, world: &World) -> bool {
    let [one, other] = &world.replicas;
    let alike = one.serves
        && other.serves
        && one.seen == other.seen
        && one.ahead == other.ahead
        && one.lines == other.lines;
    let default = scenario.on(one.lines)[0];
    !alike
        || LINES.iter().all(|&line| {
            let now = world.clock(one);
            one.signer(line, default, now) == other.signer(line, default, now)
        })
}

fn signs(scenario: &Scenario, world: &World) -> bool {
    serving(world).all(|replica| {
        let default = scenario.on(replica.lines)[0];
        LINES.iter().all(|&line| replica.signer(line, default, world.clock(replica)).is_some())
    })
}
