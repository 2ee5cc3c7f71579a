//! The command line. The servers are here, and the same administration as over HTTP, on the database
//! directly.
mod audit;
mod client;
mod demo;
mod dev;
mod device;
mod init;
mod keys;
mod output;
mod serve;
mod session;
mod settings;
mod user;

use clap::Parser;

/// An OAuth 2.0 and OpenID Connect token service.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub enum Command {
    /// Try it: everything on an embedded database, with demo clients and a demo user.
    Dev(dev::Dev),
    /// Make the master key that a production server needs.
    Init(init::Init),
    /// Serve in production.
    Serve(serve::Serve),
    /// Register and manage OAuth clients.
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// See who is logged in where, and end sessions.
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Find out what became of a token and its session.
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Read the audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Look at, rotate and revoke signing keys.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Create and manage users.
    #[command(subcommand)]
    User(user::UserCommand),
}

impl Command {
    /// # Errors
    /// With a message for whoever typed the command.
    pub fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            match self {
                Self::Dev(dev) => dev.run().await,
                Self::Init(init) => init.run(),
                Self::Serve(serve) => serve.run().await,
                Self::Client(command) => command.run().await,
                Self::Device(command) => Box::pin(command.run()).await,
                Self::Session(command) => command.run().await,
                Self::Audit(command) => command.run().await,
                Self::Keys(command) => command.run().await,
                Self::User(command) => command.run().await,
            }
        })
    }
}
