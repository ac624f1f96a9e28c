//! A terminal: what a program gets as its output, and what a person sees of it.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Our side of a terminal.
pub(crate) struct Screen {
    text: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Screen {
    /// A terminal of `columns`, and the side of it that a program writes to.
    pub(crate) fn new(columns: u16) -> (File, Self) {
        let ours: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let path = PathBuf::from(ptsname(&ours, Vec::new()).unwrap().to_str().unwrap());
        let theirs = File::options().read(true).write(true).open(path).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&theirs, size).unwrap();
        let text = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let (mut ours, mut piece) = (File::from(ours), [0; 4096]);
            // Ends with an error when the last program has closed its side.
            while let Ok(len @ 1..) = ours.read(&mut piece) {
                taken.lock().unwrap().extend_from_slice(&piece[..len]);
            }
        });
        (theirs, Self { text, reader })
    }

    /// What was written until now.
    pub(crate) fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }

    /// All that was written, when the program's side is closed.
    pub(crate) fn finish(self) -> String {
        self.reader.join().unwrap();
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }
}

/// What stands on a terminal.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Seen {
    /// What is seen of `text` on `columns`: each time the cursor has gone up, and in the end.
    /// Understands what the program may write, and nothing else.
    pub(crate) fn of(text: &str, columns: usize) -> (Vec<Self>, Self) {
        let (mut now, mut each, mut rest) = (Self::default(), Vec::new(), text);
        while let Some(char) = rest.chars().next() {
            rest = &rest[char.len_utf8()..];
            match char {
                '\r' => now.column = 0,
                '\n' => now.row += 1,
                '\x1b' => {
                    let end = rest.find(char::is_alphabetic).unwrap();
                    let control = rest[..=end].strip_prefix('[').unwrap();
                    now.control(control);
                    if control.ends_with('A') {
                        each.push(now.clone());
                    }
                    rest = &rest[end + 1..];
                }
                _ => now.put(char, columns),
            }
        }
        (each, now)
    }

    /// The lines, those below the cursor apart.
    pub(crate) fn lines(&self) -> (Vec<String>, Vec<String>) {
        let line = |row: &Vec<char>| row.iter().collect::<String>();
        let (above, below) = self.rows.split_at(self.row.min(self.rows.len()));
        (above.iter().map(line).collect(), below.iter().map(line).collect())
    }

    fn put(&mut self, char: char, columns: usize) {
        if self.column == columns {
            (self.row, self.column) = (self.row + 1, 0);
        }
        let column = self.column;
        let row = self.row();
        row.resize(row.len().max(column + 1), ' ');
        row[column] = char;
        self.column += 1;
    }

    fn control(&mut self, control: &str) {
        let column = self.column;
        match control {
            "K" => self.row().truncate(column),
            "J" => {
                self.row().truncate(column);
                self.rows.truncate(self.row + 1);
            }
            _ if control.ends_with('m') => {}
            _ => self.row -= control.strip_suffix('A').unwrap().parse::<usize>().unwrap(),
        }
    }

    fn row(&mut self) -> &mut Vec<char> {
        self.rows.resize(self.rows.len().max(self.row + 1), Vec::new());
        &mut self.rows[self.row]
    }
}
