// Command soak runs a mixed world for as long as asked: a server built on the
// library, at 60 frames a second, and clients that come, play, stall, flood,
// vanish and leave at random, over real TCP and UDP on the loopback interface.
// Some of them are the library's own and some plain sockets, some have headers
// of 2 bytes and some of 4.
//
//	go run ./internal/soak -for 1h [-seed N] [-clients 40]
//
// Each byte of each datagram is checked, and each connection's two ends are
// compared when it is over: where nothing may be lost the sums must agree, and
// elsewhere what arrived must be a beginning of what was sent. Each end must be
// reported once, after its data, with a reason that fits. When everything is
// closed goroutines, descriptors and memory must be back where they began.
//
// A line tells once a minute how it goes. A failure prints the seed, which
// determines who comes, and exits with code 1. It needs about a tenth of one
// processor.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"
)

func main() {
	o := options{life: 5 * time.Second, progress: time.Minute}
	flag.DurationVar(&o.duration, "for", time.Minute, "how `long` clients go on coming")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64N(1_000_000), "what the random choices follow from")
	flag.IntVar(&o.clients, "clients", 40, "about how `many` play at a time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := soak(ctx, o, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "soak: seed %d: %v\n", o.seed, err)
		os.Exit(1)
	}
	fmt.Println("passed")
}
