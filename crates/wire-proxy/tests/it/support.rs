//! A server that answers with what it is sent, and remembers it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What each connection has brought, and whether it has ended.
pub(crate) type Heard = Arc<Mutex<Vec<(Vec<u8>, bool)>>>;

pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    pub(crate) heard: Heard,
}

/// Runs until the test process ends.
pub(crate) fn echo() -> Echo {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Heard::default();
    let all = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, heard) = (stream.unwrap(), Arc::clone(&all));
            let number = {
                let mut heard = heard.lock().unwrap();
                heard.push((Vec::new(), false));
                heard.len() - 1
            };
            thread::spawn(move || answer(stream, &heard, number));
        }
    });
    Echo { address, heard }
}

fn answer(mut stream: TcpStream, heard: &Heard, number: usize) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let bytes = stream.read(&mut buffer).unwrap_or(0);
        heard.lock().unwrap()[number].0.extend(&buffer[..bytes]);
        // Whoever asked may have gone.
        if bytes == 0 || stream.write_all(&buffer[..bytes]).is_err() {
            heard.lock().unwrap()[number].1 = true;
            return;
        }
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// All that comes until the other side closes, which it must do in order.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Ok(_) => all,
        // Written to after it was closed: what came before has come.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => all,
        Err(error) => panic!("{error}"),
    }
}
