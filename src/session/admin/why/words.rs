//! The answer in sentences, for people who answer other people's questions.
use super::{Kind, Spent, Status, Why};
use crate::{
    clock::Timestamp,
    model::{EndReason, SessionState},
};

pub(super) fn explain(why: &Why, now: Timestamp) -> Vec<String> {
    let mut sentences = vec![what_it_is(why, now)];
    sentences.extend(why.revoked.then(|| REVOKED.to_owned()));
    sentences.extend(why.spent.as_ref().map(how_spent));
    sentences.extend(how_ended(why));
    sentences.extend(what_would_come(why));
    sentences
}

fn what_it_is(why: &Why, now: Timestamp) -> String {
    let (Some(id), Some(generation)) = (why.session_id, why.generation) else {
        return match why.status {
            Status::Forged => {
                "This is damaged or forged: it looks like a token of this service, and its MAC or \
                 signature is wrong. Perhaps it was not copied whole."
            }
            Status::KeyGone => {
                "This looks like a token of this service, of a key that is not in use any more, that \
                 was revoked, or that was never in this database. So nothing can be said of it for sure."
            }
            Status::NoSession => {
                "This is an access token that a client got for itself: no user and no session is \
                 behind it."
            }
            Status::Unreadable
            | Status::SessionUnknown
            | Status::Current
            | Status::Retry
            | Status::Spent
            | Status::Ended
            | Status::UserDisabled => {
                "This is no token of this service. Perhaps it was not copied whole."
            }
        }
        .to_owned();
    };
    match (why.token, why.expires_at) {
        (Some(Kind::AccessToken), Some(at)) => {
            let expires = if now < at { "expires" } else { "expired" };
            format!(
                "This is an access token of session {id}, which {expires} at {at}. It came with \
                 refresh token {generation}, of which the rest is told."
            )
        }
        _ => format!("This is refresh token {generation} of session {id}."),
    }
}

const REVOKED: &str = "The access token itself was revoked.";

fn how_spent(spent: &Spent) -> String {
    match (spent.at, spent.before) {
        (Some(at), _) => format!(
            "It was spent at {at}{}.",
            from(spent.address.as_deref(), spent.user_agent.as_deref())
        ),
        (None, Some(before)) => format!(
            "It was spent before {before}; when and from where is not kept, as later tokens of the \
             session have been used since."
        ),
        (None, None) => "It was spent.".to_owned(),
    }
}

/// ` from ADDRESS by USER AGENT`, as far as it is known.
fn from(address: Option<&str>, user_agent: Option<&str>) -> String {
    let address = address.map(|address| format!(" from {address}"));
    let user_agent = user_agent.map(|user_agent| format!(" by {user_agent}"));
    [address, user_agent].into_iter().flatten().collect()
}

fn how_ended(why: &Why) -> Option<String> {
    let session = why.session.as_ref().filter(|view| view.state == SessionState::Ended)?;
    let ended = session.session.ended?;
    Some(format!(
        "Its session ended at {} ({}): {}.",
        ended.at,
        ended.reason,
        because(ended.reason)
    ))
}

fn because(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Revoked => "its client revoked it, which is what apps do at logout",
        EndReason::EndedByAdministrator => "an administrator ended it",
        EndReason::ReuseDetected => {
            "a refresh token was used again after it was spent, so that somebody else may have had a copy"
        }
        EndReason::Replaced => "the user logged in again on the same device",
        EndReason::SessionLimit => {
            "the user had more sessions with this client than allowed, and the oldest ends"
        }
        EndReason::KeyCompromised => "a key that may have signed its tokens was revoked",
        EndReason::Expired => "its absolute lifetime was over",
        EndReason::Idle => "it was not used for longer than its idle lifetime",
        EndReason::PasswordChanged => "the password of the user was changed",
        EndReason::UserDisabled => "the user was disabled",
        EndReason::ClientDeleted => "its client was deleted",
    }
}

fn what_would_come(why: &Why) -> Option<String> {
    let ahead = why.session.as_ref().zip(why.generation);
    let ahead = ahead.is_some_and(|(view, generation)| generation > view.session.generation);
    Some(match why.status {
        Status::Current if ahead => {
            "It is ahead of its session: the database has lost rotations, by a restored backup or a \
             failover. It would be accepted."
                .to_owned()
        }
        Status::Current => "It is the current one of its session and would be accepted.".to_owned(),
        Status::Retry => match why.retry_until {
            Some(until) => format!(
                "Its successor has not been used, so a retry would get the same successor until {until}."
            ),
            None => {
                "Its successor has not been used, so a retry would get the same successor, however late."
                    .to_owned()
            }
        },
        Status::Spent => {
            "It is too late for a retry: used once more, it would end the session, as somebody else may \
             have it."
                .to_owned()
        }
        Status::UserDisabled => {
            "The user is disabled, so it would be refused. The session goes on.".to_owned()
        }
        Status::SessionUnknown => {
            "Its session is not in the database: it ended so long ago that it was forgotten, or the \
             database was restored to a time before it began."
                .to_owned()
        }
        Status::Unreadable
        | Status::Forged
        | Status::KeyGone
        | Status::NoSession
        | Status::Ended => return None,
    })
}
