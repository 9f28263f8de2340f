// rueidis, which has redis-cell's command: cell SOCKET
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"

	"github.com/redis/rueidis"
)

func main() {
	path := os.Args[1]
	ctx := context.Background()
	// [snippet
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{path},
		DialCtxFn: func(ctx context.Context, path string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		},
		DisableCache: true,
	})
	throttle := func() rueidis.Completed {
		return client.B().ClThrottle().Key("user123").MaxBurst(15).CountPerPeriod(30).Period(60).Build()
	}
	answer, err := client.Do(ctx, throttle()).AsIntSlice()
	// limited, limit, remaining, retry after and reset after in seconds
	// snippet]
	if err != nil {
		panic(err)
	}
	fmt.Println(answer)
	for i := 0; i < 16; i++ {
		answer, err = client.Do(ctx, throttle()).AsIntSlice()
		if err != nil {
			panic(err)
		}
		fmt.Println(answer)
	}
}
