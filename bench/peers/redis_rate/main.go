// redis_rate (GCRA in one Lua script). Arguments and output are those of
// bench/peers/python/peer_loop.py.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sort"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
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
	check(0) // connects

	var took []time.Duration
	allowed := 0
	begin := time.Now()
	now := begin
	for now.Sub(begin).Seconds() < *seconds {
		allowed += check(len(took))
		after := time.Now()
		took = append(took, after.Sub(now))
		now = after
	}
	sort.Slice(took, func(a, b int) bool { return took[a] < took[b] })
	at := func(share float64) float64 {
		return float64(took[int(float64(len(took))*share)].Nanoseconds()) / 1e3
	}
	err := json.NewEncoder(os.Stdout).Encode(map[string]any{
		"checks": len(took), "allowed": allowed, "seconds": now.Sub(begin).Seconds(),
		"p50_us": at(0.5), "p99_us": at(0.99)})
	if err != nil {
		log.Fatal(err)
	}
}
