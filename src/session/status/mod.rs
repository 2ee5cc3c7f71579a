//! Status lists (draft-ietf-oauth-status-list): one bit per session, for resource servers that verify
//! tokens by themselves and still want to learn that a session has ended.
mod list;
mod shared;
mod slots;

pub use list::{Contents, StatusList};

use crate::store::StatusSlot;
use shared::Shared;
use slots::Slots;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// What this process knows of the lists.
#[derive(Debug, Default)]
pub struct Statuses {
    slots: Slots,
    /// The number of the newest list.
    pub newest: Shared<Option<i64>>,
    lists: Mutex<HashMap<i64, Arc<SharedList>>>,
}

/// One list, which is looked at by one request at a time and signed when it has changed.
pub type SharedList = Shared<Arc<StatusList>>;

impl Statuses {
    /// A place for a new session.
    pub fn take(&self) -> StatusSlot {
        self.slots.take()
    }

    /// The list of a number, as far as this process knows it. The caller makes sure that there is one.
    pub fn list(&self, number: i64) -> Arc<SharedList> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lists.entry(number).or_default())
    }

    /// Whether this process has been asked for the list before, so that there is one.
    pub fn knows(&self, number: i64) -> bool {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&number)
    }
}

/// Where a list is published.
pub fn uri(issuer: &str, list: i64) -> String {
    format!("{issuer}/oauth/status/{list}")
}
