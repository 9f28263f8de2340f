// Package peer is what the peers in Go share, as bench/peers/python/peer_loop.py is for Python:
// checks for so many seconds, one after the other, and one line of JSON.
package peer

import (
	"encoding/json"
	"log"
	"os"
	"sort"
	"time"
)

// Run asks check(0), check(1), ... for so many seconds; a check answers 1 when it was allowed.
func Run(seconds float64, check func(i int) int) {
	check(0) // connects

	var took []time.Duration
	allowed := 0
	begin := time.Now()
	now := begin
	for now.Sub(begin).Seconds() < seconds {
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
