use super::{Api, Device};
use crate::{history::History, random::Random};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// Workers that let their devices act one after the other, without a pause.
pub struct Load {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Vec<Device>>>,
}

/// Between looks at devices that all rest.
const PAUSE: Duration = Duration::from_millis(5);

impl Load {
    pub fn start(
        api: &Arc<Api>,
        history: &Arc<History>,
        random: &mut Random,
        (workers, devices): (u32, u32),
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let workers = (0..workers).map(|worker| {
            let mut random = random.fork();
            let devices = (0..devices).map(|device| {
                let name = format!("device {worker}.{device}");
                Device::new(Arc::clone(api), Arc::clone(history), name, random.fork())
            });
            let devices = devices.collect();
            tokio::spawn(work(devices, random, Arc::clone(&stop)))
        });
        Self { workers: workers.collect(), stop }
    }

    /// Ends when each worker has finished what it was at; a retry goes on until it is answered.
    pub async fn stop(self) -> anyhow::Result<Vec<Device>> {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for worker in self.workers {
            all.extend(worker.await?);
        }
        Ok(all)
    }
}

async fn work(mut devices: Vec<Device>, mut random: Random, stop: Arc<AtomicBool>) -> Vec<Device> {
    while !stop.load(Ordering::SeqCst) {
        let device = random.index(devices.len());
        if devices[device].rests() {
            tokio::time::sleep(PAUSE).await;
        } else {
            devices[device].step().await;
        }
    }
    devices
}
