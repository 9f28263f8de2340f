// redis_rate (GCRA in one Lua script). Arguments and output are those of
// bench/peers/python/peer_loop.py.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"rategate/bench/peer"
)

func main() {
	port := flag.Int("redis-port", 0, "of Redis on 127.0.0.1")
	limit := flag.Int("limit", 0, "permits per second and key")
	keys := flag.Int("keys", 1, "")
	seconds := flag.Float64("seconds", 1, "")
	flag.Parse()

	ctx := context.Background()
	store := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", *port)})
	defer store.Close()
	limiter := redis_rate.NewLimiter(store)
	rate := redis_rate.PerSecond(*limit)
	check := func(i int) int {
		result, err := limiter.Allow(ctx, fmt.Sprintf("key:%d", i%*keys), rate)
		if err != nil {
			log.Fatal(err)
		}
		return result.Allowed
	}
	peer.Run(*seconds, check)
}
