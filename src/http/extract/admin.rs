//! Authorization for the admin API: an argument without which a handler gets nothing done.
use super::caller::caller;
use crate::{
    app::App,
    oauth::{Caller, Error, bearer},
    store::AuditEvent,
};
use actix_web::{FromRequest, HttpRequest, dev, web::Data};
use futures_util::future::LocalBoxFuture;
use std::{marker::PhantomData, sync::Arc};

/// A caller with an access token of scope `S` for this service.
pub struct Admin<S> {
    pub app: Arc<App>,
    caller: Caller,
    actor: String,
    scope: PhantomData<S>,
}

pub trait AdminScope: 'static {
    const NAME: &'static str;
}

macro_rules! admin_scopes {
    ($($scope:ident = $name:literal;)*) => { $(
        pub struct $scope;
        impl AdminScope for $scope { const NAME: &'static str = $name; }
    )* };
}

admin_scopes! {
    KeysRead = "keys:read";
    KeysRotate = "keys:rotate";
    KeysImport = "keys:import";
    SessionsRead = "sessions:read";
    SessionsRevoke = "sessions:revoke";
    AuditRead = "audit:read";
}

impl<S: AdminScope> FromRequest for Admin<S> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = request.app_data::<Data<App>>().expect("every service has the App");
            let app = Arc::clone(app);
            let caller = caller(&request)?;
            let token = bearer::authorize(&app, &caller, S::NAME).await?;
            let actor = match token.sid {
                Some(_) => format!("user:{}", token.sub),
                None => format!("client:{}", token.client_id),
            };
            Ok(Self { app, caller, actor, scope: PhantomData })
        })
    }
}

impl<S> Admin<S> {
    /// An entry for the audit log of what this caller does.
    pub fn event(&self, action: &'static str) -> AuditEvent {
        let request_id = self.caller.request_id.clone();
        AuditEvent { request_id, ..AuditEvent::new(action, self.actor.clone()) }
    }
}
