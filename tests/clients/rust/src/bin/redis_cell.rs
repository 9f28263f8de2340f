//! redis-cell-rs, which is made for redis-cell: SOCKET
use redis_cell_rs::{Cmd, Key, Policy, Verdict};
use std::time::Duration;

fn main() -> redis::RedisResult<()> {
    let path = std::env::args().nth(1).unwrap();
    // [snippet
    let policy = Policy::new(15, 30, Duration::from_secs(60), 1);
    let client = redis::Client::open(format!("redis+unix://{path}"))?;
    let mut connection = client.get_connection()?;
    let key = Key::from("user123");
    let command: redis::Cmd = Cmd::new(&key, &policy).into();
    let verdict: Verdict = command.query(&mut connection)?;
    // snippet]
    let tell = |verdict: Verdict| match verdict {
        Verdict::Allowed(it) => println!("allowed {} {} {}", it.total, it.remaining, it.reset_after),
        Verdict::Blocked(it) => println!("blocked {} {} {}", it.total, it.retry_after, it.reset_after),
    };
    tell(verdict);
    for _ in 0..16 {
        tell(command.query(&mut connection)?);
    }
    Ok(())
}
