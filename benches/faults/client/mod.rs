//! Devices that keep their tokens as the documents tell apps to, thieves among them, and a log of all.
mod api;
mod device;
mod load;

pub use api::Api;
pub use device::Device;
pub use load::Load;
