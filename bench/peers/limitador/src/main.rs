//! Limitador's library in this process, its counters in Redis. Arguments and output are those of
//! bench/peers/python/peer_loop.py.

use std::collections::HashMap;
use std::time::Instant;

use limitador::limit::{Context, Expression, Limit};
use limitador::storage::redis::RedisStorage;
use limitador::RateLimiter;

fn argument(name: &str) -> f64 {
    let all: Vec<String> = std::env::args().collect();
    let at = all.iter().position(|word| word == name).expect(name);
    all[at + 1].parse().expect(name)
}

fn main() {
    let keys = argument("--keys") as usize;
    let seconds = argument("--seconds");
    let url = format!("redis://127.0.0.1:{}", argument("--redis-port"));
    let storage = RedisStorage::new(&url).expect("Redis");
    let limiter = RateLimiter::new_with_storage(Box::new(storage));
    limiter.add_limit(Limit::new(
        "bench",
        argument("--limit") as u64,
        1,
        vec![],
        vec![Expression::parse("key").expect("an expression")],
    ));
    let namespace = "bench".into();
    let check = |i: usize| {
        let values: HashMap<String, String> =
            HashMap::from([("key".to_string(), format!("key:{}", i % keys))]);
        let context: Context = values.into();
        !limiter
            .check_rate_limited_and_update(&namespace, &context, 1)
            .expect("a decision")
            .limited
    };
    check(0); // connects

    let mut took: Vec<u64> = Vec::new();
    let mut allowed = 0;
    let begin = Instant::now();
    let mut now = begin;
    while (now - begin).as_secs_f64() < seconds {
        allowed += u64::from(check(took.len()));
        let after = Instant::now();
        took.push((after - now).as_nanos() as u64);
        now = after;
    }
    took.sort_unstable();
    let at = |share: f64| took[(took.len() as f64 * share) as usize] as f64 / 1e3;
    println!(
        "{{\"checks\": {}, \"allowed\": {}, \"seconds\": {}, \"p50_us\": {}, \"p99_us\": {}}}",
        took.len(),
        allowed,
        (now - begin).as_secs_f64(),
        at(0.5),
        at(0.99)
    );
}
