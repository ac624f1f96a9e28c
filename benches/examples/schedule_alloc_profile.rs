//! Loops the scenario of 100 containers on 20 workers for a while and writes what it asked of the
//! allocator: `alloc.json`, which DHAT's viewer (`dh_view.html` of valgrind) reads.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;

use proofload_benches::scheduler::HundredOnTwenty;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seconds, directory] = &arguments[..] else {
        return Err("usage: schedule_alloc_profile SECONDS DIRECTORY".into());
    };
    let file = Path::new(directory).join("alloc.json");
    fs::create_dir_all(directory)?;
    let profiler = dhat::Profiler::builder().file_name(&file).build();
    let batches = HundredOnTwenty::new()?.run_for(seconds.parse()?)?;
    drop(profiler);
    writeln!(std::io::stdout(), "{batches} batches: {}", file.display())?;
    Ok(())
}
