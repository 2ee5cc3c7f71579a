//! Sessions and the audit log as those who administer the service see them: over HTTP and on the
//! command line alike.
mod audit;
mod end;
mod list;
mod selection;
mod view;
mod why;

pub use audit::AuditRequest;
pub use end::EndAll;
pub use list::{ListRequest, Wanted};
pub use selection::{Selection, TooWide};
pub use view::SessionView;
pub use why::{Status, Why};

use crate::{clock::Timestamp, config::SessionSettings, store::Store};

/// What is needed to look at sessions.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'a> {
    pub store: &'a Store,
    pub settings: &'a SessionSettings,
    pub now: Timestamp,
}

/// How many items a page has if nobody says how many, and at most.
pub const USUAL_PAGE: i64 = 50;
pub const LONGEST_PAGE: i64 = 500;
