// go-redis: main SOCKET default|2|3
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

func main() {
	path := os.Args[1]
	protocol, _ := strconv.Atoi(os.Args[2]) // 0, the default, where it is no number
	ctx := context.Background()
	// [snippet
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: path, Protocol: protocol})
	decision, err := client.Do(ctx, "CHECK", "one", "alice").Int64Slice()
	// allowed, limit, remaining, retry after and reset after in ms, reason
	// snippet]
	check := func(words ...any) int64 {
		decision, err := client.Do(ctx, append([]any{"CHECK"}, words...)...).Int64Slice()
		if err != nil {
			panic(err)
		}
		return decision[0]
	}
	if err != nil {
		panic(err)
	}
	fmt.Println("allowed", decision[0])
	fmt.Println("denied", check("one", "alice"))
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
	var pooled atomic.Int64
	var running sync.WaitGroup
	for i := 0; i < 8; i++ {
		running.Add(1)
		go func() {
			defer running.Done()
			for j := 0; j < 50; j++ {
				pooled.Add(check("pooled"))
			}
		}()
	}
	running.Wait()
	fmt.Println("pooled", pooled.Load())
	fmt.Println("error", client.Do(ctx, "CHECK", "missing").Err())
	fmt.Println("restart")
	bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Println("again", check("one", "bob"))
}
