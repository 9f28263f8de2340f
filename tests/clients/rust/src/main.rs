//! redis-rs: SOCKET default|2|3
use std::io::BufRead;

fn check(connection: &mut redis::Connection, limit: &str, key: &str) -> redis::RedisResult<Vec<i64>> {
    redis::cmd("CHECK").arg(limit).arg(key).query(connection)
}

/// How many of 400 checks are allowed that eight threads ask by a pool of connections.
fn pooled(client: &redis::Client) -> i64 {
    let pool = r2d2::Pool::builder().max_size(4).build(client.clone()).unwrap();
    let check_50 = || -> i64 {
        (0..50).map(|_| check(&mut pool.get().unwrap(), "pooled", "").unwrap()[0]).sum()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(check_50)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

fn main() -> redis::RedisResult<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let path = &arguments[1];
    let more = match arguments[2].as_str() {
        "default" => String::new(),
        protocol => format!("?protocol=resp{protocol}"),
    };
    // [snippet
    let client = redis::Client::open(format!("redis+unix://{path}{more}"))?;
    let mut connection = client.get_connection()?;
    // allowed, limit, remaining, retry after and reset after in ms, reason
    let decision: Vec<i64> = redis::cmd("CHECK").arg("one").arg("alice").query(&mut connection)?;
    // snippet]
    println!("allowed {}", decision[0]);
    println!("denied {}", check(&mut connection, "one", "alice")?[0]);
    let mut pipe = redis::pipe();
    for _ in 0..1000 {
        pipe.cmd("CHECK").arg("many");
    }
    let answers: Vec<Vec<i64>> = pipe.query(&mut connection)?;
    println!("pipeline {}", answers.iter().map(|answer| answer[0]).sum::<i64>());
    println!("pooled {}", pooled(&client));
    let missing: redis::RedisResult<Vec<i64>> = redis::cmd("CHECK").arg("missing").query(&mut connection);
    println!("error {}", missing.unwrap_err());
    println!("restart");
    std::io::stdin().lock().lines().next();
    // A connection does not come back by itself: whoever has an error makes another.
    let decision = match check(&mut connection, "one", "bob") {
        Ok(decision) => decision,
        Err(_) => check(&mut client.get_connection()?, "one", "bob")?,
    };
    println!("again {}", decision[0]);
    Ok(())
}
