use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Stands between the service and its database, for as long as the test lets it.
pub struct Forwarder {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    mode: AtomicU8,
    target: Mutex<Option<SocketAddr>>,
    open: Mutex<Vec<TcpStream>>,
    /// Counts the times that all connections were lost; one of an earlier time stays so.
    era: AtomicU64,
}

const PASSES: u8 = 0;
const CUT: u8 = 1;
const STALLED: u8 = 2;

impl Forwarder {
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { target: Mutex::new(Some(target)), ..State::default() });
        let shared = Arc::clone(&state);
        // It ends with the process of the test: nothing waits for it.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.mode.load(Ordering::SeqCst) != CUT {
                    drop(connect(stream, &shared));
                }
            }
        });
        Self { address, state }
    }

    /// Closes every connection, and each new one at once.
    pub fn cut(&self) {
        self.state.mode.store(CUT, Ordering::SeqCst);
        for stream in self.state.open.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Keeps connections open and lets nothing through, as a database that hangs.
    pub fn stall(&self) {
        self.state.mode.store(STALLED, Ordering::SeqCst);
    }

    /// Lets nothing through any more on the connections that are open, as a firewall that has forgotten
    /// them. Who comes from now on is let through.
    pub fn lose(&self) {
        self.state.era.fetch_add(1, Ordering::SeqCst);
    }

    /// Connects whoever comes from now on elsewhere. Connections that are open stay.
    pub fn retarget(&self, target: SocketAddr) {
        *self.state.target.lock().unwrap() = Some(target);
    }

    pub fn heal(&self) {
        self.state.mode.store(PASSES, Ordering::SeqCst);
    }
}

fn connect(near: TcpStream, state: &Arc<State>) -> std::io::Result<()> {
    let target = state.target.lock().unwrap().expect("it has a target from the beginning");
    let far = TcpStream::connect(target)?;
    state.open.lock().unwrap().extend([near.try_clone()?, far.try_clone()?]);
    for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
        let state = Arc::clone(state);
        thread::spawn(move || pump(from, to, &state));
    }
    Ok(())
}

fn pump(mut from: TcpStream, mut to: TcpStream, state: &State) {
    let era = state.era.load(Ordering::SeqCst);
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        while state.mode.load(Ordering::SeqCst) == STALLED
            || state.era.load(Ordering::SeqCst) != era
        {
            thread::sleep(Duration::from_millis(10));
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
