//! A server of one's own that is killed and comes back on the same port.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use proofload_redis_process::{Fsync, Options, RedisProcess};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options { append_only: Some(Fsync::Always), ..Options::default() };
    let mut redis = RedisProcess::start(options)?;
    println!("{} runs as process {:?}, its files in {:?}", redis.url(), redis.id(), redis.folder());
    redis.kill()?;
    redis.restart()?;
    println!("{} runs again, as process {:?}", redis.url(), redis.id());
    Ok(())
}
