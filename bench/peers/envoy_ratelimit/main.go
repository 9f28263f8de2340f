// A caller of Envoy's ratelimit over gRPC, its counters in Redis. The output is that of
// bench/peers/python/peer_loop.py.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	common "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimit "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"rategate/bench/peer"
)

func main() {
	port := flag.Int("port", 0, "of the server on 127.0.0.1")
	seconds := flag.Float64("seconds", 1, "")
	flag.Parse()

	connection, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", *port),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	client := ratelimit.NewRateLimitServiceClient(connection)
	request := &ratelimit.RateLimitRequest{
		Domain: "bench",
		Descriptors: []*common.RateLimitDescriptor{{
			Entries: []*common.RateLimitDescriptor_Entry{{Key: "key", Value: "key:0"}}}},
		HitsAddend: 1,
	}
	check := func(int) int {
		answer, err := client.ShouldRateLimit(context.Background(), request)
		if err != nil {
			log.Fatal(err)
		}
		// A rule that is not there answers OK, too, but without a limit.
		status := answer.Statuses[0]
		if status.CurrentLimit == nil {
			log.Fatal("the server has no such rule")
		}
		if status.Code == ratelimit.RateLimitResponse_OK {
			return 1
		}
		return 0
	}
	peer.Run(*seconds, check)
}
