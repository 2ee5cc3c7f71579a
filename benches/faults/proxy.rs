//! Stands between clients and a replica, or between a replica and PostgreSQL, and does to connections
//! what networks do.
use crate::random::Random;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::sleep,
};

/// What happens to connections from now on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Open connections are reset, and so is each new one.
    pub cut: bool,
    /// Bytes wait where they are.
    pub stalled: bool,
    /// Added to each way.
    pub delay: Duration,
    /// Of a hundred connections, those whose answer is thrown away once the server has begun to give it.
    pub lose: u64,
    /// Of a hundred connections, those that are reset on both sides soon after their begin.
    pub reset: u64,
}

/// How long after its begin a connection is reset, in microseconds.
const RESET_WITHIN: u64 = 8_000;

pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    weather: watch::Sender<Weather>,
    random: Mutex<Random>,
    injected: AtomicU64,
}

#[derive(Clone, Copy)]
enum Fate {
    Passes,
    /// The answer is lost after so many bytes.
    Loses(usize),
    Resets(Duration),
}

impl Proxy {
    /// It goes on until the runtime ends.
    pub async fn to(target: SocketAddr, random: Random) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            weather: watch::Sender::new(Weather::default()),
            random: Mutex::new(random),
            injected: AtomicU64::new(0),
        });
        let address = listener.local_addr()?;
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                tokio::spawn(async move { Box::pin(shared.carry(near)).await });
            }
        });
        Ok(Self { address, shared })
    }

    pub fn set(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Where new connections go.
    pub fn retarget(&self, target: SocketAddr) {
        *self.shared.target.lock().expect("no panic") = target;
    }

    /// Connections that have met a fate so far.
    pub fn injected(&self) -> u64 {
        self.shared.injected.load(Ordering::Relaxed)
    }
}

impl Shared {
    async fn carry(&self, mut near: TcpStream) {
        let mut weather = self.weather.subscribe();
        let target = *self.target.lock().expect("no panic");
        let far = TcpStream::connect(target).await;
        let (Ok(mut far), false) = (far, weather.borrow().cut) else { return abort(&near) };
        drop(near.set_nodelay(true).and(far.set_nodelay(true)));
        let fate = self.draw(*weather.borrow());
        let reset = async {
            match fate {
                Fate::Resets(after) => sleep(after).await,
                Fate::Passes | Fate::Loses(_) => std::future::pending().await,
            }
        };
        let answered = AtomicBool::new(false);
        let met = {
            let (near_read, near_write) = near.split();
            let (far_read, far_write) = far.split();
            tokio::select! {
                () = reset => !answered.load(Ordering::Relaxed),
                Ok(_) = weather.wait_for(|weather| weather.cut) => true,
                lost = self.both_ways((near_read, near_write), (far_read, far_write), (fate, &answered)) => lost,
            }
        };
        if met {
            self.injected.fetch_add(1, Ordering::Relaxed);
        }
        if met || matches!(fate, Fate::Resets(_)) {
            abort(&near);
            // A server that has answered is done with the connection; any other sees its client go.
            abort(&far);
        }
    }

    fn draw(&self, weather: Weather) -> Fate {
        let mut random = self.random.lock().expect("no panic");
        if random.percent(weather.lose) {
            // Nothing of it, or a part.
            Fate::Loses(if random.percent(50) { 0 } else { random.index(300) })
        } else if random.percent(weather.reset) {
            Fate::Resets(Duration::from_micros(random.below(RESET_WITHIN)))
        } else {
            Fate::Passes
        }
    }

    /// True if the answer was lost on the way.
    async fn both_ways(
        &self,
        (near_read, mut near_write): (ReadHalf<'_>, WriteHalf<'_>),
        (far_read, mut far_write): (ReadHalf<'_>, WriteHalf<'_>),
        (fate, answered): (Fate, &AtomicBool),
    ) -> bool {
        let keep = if let Fate::Loses(keep) = fate { Some(keep) } else { None };
        let (asked, answered) = (&AtomicBool::new(false), answered);
        let there = self.pump(near_read, &mut far_write, None, asked);
        let back = self.pump(far_read, &mut near_write, keep, answered);
        tokio::pin!(there, back);
        // Who has lost its answer need not end by itself.
        tokio::select! {
            _ = &mut there => back.await,
            lost = &mut back => lost || there.await,
        }
    }

    /// Until the end of one side; true if it lost what came after the first `keep` bytes.
    async fn pump(
        &self,
        mut from: ReadHalf<'_>,
        to: &mut WriteHalf<'_>,
        keep: Option<usize>,
        passed: &AtomicBool,
    ) -> bool {
        let mut buffer = vec![0; 16 * 1024];
        let mut weather = self.weather.subscribe();
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let delay = weather.borrow().delay;
            if !delay.is_zero() {
                sleep(delay).await;
            }
            drop(weather.wait_for(|weather| !weather.stalled).await);
            if let Some(keep) = keep {
                drop(to.write_all(&buffer[..keep.min(read - 1)]).await);
                return true;
            }
            if to.write_all(&buffer[..read]).await.is_err() {
                break;
            }
            passed.store(true, Ordering::Relaxed);
        }
        drop(to.shutdown().await);
        false
    }
}

/// Without linger, closing sends RST.
fn abort(stream: &TcpStream) {
    drop(socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)));
}
