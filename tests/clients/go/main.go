// go-redis: main SOCKET 2|3
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/redis/go-redis/v9"
)

func main() {
	path := os.Args[1]
	protocol, _ := strconv.Atoi(os.Args[2])
	ctx := context.Background()
	// [snippet
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: path, Protocol: protocol})
	decision, err := client.Do(ctx, "CHECK", "one", "alice").Int64Slice()
	// allowed, limit, remaining, retry after and reset after in ms, reason
	// snippet]
	if err != nil {
		panic(err)
	}
	fmt.Println("allowed", decision[0])
	decision, err = client.Do(ctx, "CHECK", "one", "alice").Int64Slice()
	if err != nil {
		panic(err)
	}
	fmt.Println("denied", decision[0])
	pipe := client.Pipeline()
	for i := 0; i < 1000; i++ {
		pipe.Do(ctx, "CHECK", "many")
	}
	answers, err := pipe.Exec(ctx)
	if err != nil {
		panic(err)
	}
	var sum int64
	for _, answer := range answers {
		one, _ := answer.(*redis.Cmd).Int64Slice()
		sum += one[0]
	}
	fmt.Println("pipeline", sum)
	fmt.Println("error", client.Do(ctx, "CHECK", "missing").Err())
	fmt.Println("restart")
	bufio.NewReader(os.Stdin).ReadString('\n')
	decision, err = client.Do(ctx, "CHECK", "one", "bob").Int64Slice()
	if err != nil {
		panic(err)
	}
	fmt.Println("again", decision[0])
}
