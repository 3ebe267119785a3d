//! A balancer as simple as one can be: each connection goes to the next relay that takes it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};

type Relays = Arc<Mutex<Vec<Option<SocketAddr>>>>;

pub struct Balancer {
    pub address: SocketAddr,
    relays: Relays,
}

impl Balancer {
    pub async fn start(relays: Vec<SocketAddr>) -> Self {
        let relays: Relays = Arc::new(Mutex::new(relays.into_iter().map(Some).collect()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let all = Arc::clone(&relays);
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((client, _)) = listener.accept().await {
                number += 1;
                tokio::spawn(carry(client, Arc::clone(&all), number));
            }
        });
        Self { address, relays }
    }

    /// Puts another relay in a place, or none.
    pub fn replace(&self, place: usize, relay: Option<SocketAddr>) {
        self.relays.lock().unwrap()[place] = relay;
    }

    /// Who is there, for a publisher.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.relays))
    }
}

/// The relays of the moment.
#[derive(Clone)]
pub struct Handle(Relays);

impl Handle {
    /// All of them, beginning with one.
    pub fn from(&self, first: usize) -> Vec<SocketAddr> {
        let relays = self.0.lock().unwrap();
        (0..relays.len()).filter_map(|step| relays[(first + step) % relays.len()]).collect()
    }
}

async fn carry(mut client: TcpStream, relays: Relays, number: usize) {
    for address in Handle(relays).from(number) {
        if let Ok(mut relay) = TcpStream::connect(address).await {
            // However it ends, both ends see it.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut relay).await;
            return;
        }
    }
}
