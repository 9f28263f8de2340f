// A caller of Gubernator over gRPC, which keeps its counters in its own memory. The output is that
// of bench/peers/python/peer_loop.py.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/gubernator-io/gubernator/v2"

	"rategate/bench/peer"
)

func main() {
	port := flag.Int("port", 0, "of the server on 127.0.0.1")
	limit := flag.Int64("limit", 0, "permits per second and key")
	seconds := flag.Float64("seconds", 1, "")
	flag.Parse()

	client, err := gubernator.DialV1Server(fmt.Sprintf("127.0.0.1:%d", *port), nil)
	if err != nil {
		log.Fatal(err)
	}
	request := &gubernator.GetRateLimitsReq{Requests: []*gubernator.RateLimitReq{{
		Name: "bench", UniqueKey: "key:0", Hits: 1, Limit: *limit, Duration: gubernator.Second,
		Algorithm: gubernator.Algorithm_TOKEN_BUCKET}}}
	check := func(int) int {
		answer, err := client.GetRateLimits(context.Background(), request)
		if err != nil {
			log.Fatal(err)
		}
		response := answer.Responses[0]
		if response.Error != "" {
			log.Fatal(response.Error)
		}
		if response.Status == gubernator.Status_UNDER_LIMIT {
			return 1
		}
		return 0
	}
	peer.Run(*seconds, check)
}
